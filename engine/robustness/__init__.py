"""Attacks and the curve of robust accuracy against attack radius."""

from engine.registry import Registry

attacks = Registry("attack", __name__)
