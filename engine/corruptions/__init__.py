"""Natural corruptions (after arXiv:1903.12261): `(x, *, severity, seed) -> x`, functions of each image alone."""

from engine.registry import Registry

corruptions = Registry("corruption", __name__)
SEVERITIES = (1, 2, 3, 4, 5)
