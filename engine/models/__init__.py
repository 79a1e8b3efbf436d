"""Models: every entry is `(shape, n_classes) -> Module` from pixels in [0, 1] to logits."""

from engine.registry import Registry

models = Registry("model", __name__)
