"""Frontier's engine: everything that computes. Imports nothing of pages, streamlit or the web."""
