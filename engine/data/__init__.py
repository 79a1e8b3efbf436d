"""Data sets: images as float32 (N, C, H, W) in [0, 1] and int64 labels. Torch-free: pages may ask."""

from engine.registry import Registry

datasets = Registry("dataset", __name__)
