"""Defences: `kind="training"` gives each example's loss, `kind="input"` changes a picture before a model sees it."""

from engine.registry import Registry

defences = Registry("defence", __name__)
