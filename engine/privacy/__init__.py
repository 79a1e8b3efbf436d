"""Differential privacy: accounting (no torch) and the trainers that keep the promise."""
