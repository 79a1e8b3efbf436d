"""A defence of the registry as what a trainer takes (privacy/dpsgd.py: `Defence`)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from engine.defences import defences, overfitting
from engine.privacy.keyed import Keyed


class Defended:
    """The loss of a training defence; one that is watched for hiding from single steps keeps what was seen last."""

    def __init__(self, name: str, eps: float, shape: tuple[int, int, int], **settings: Any) -> None:
        self.entry, self.eps, self.shape, self.settings = defences[name], eps, shape, settings
        self.loss = self.entry.load()
        self.careful = False

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, attacked: nn.Module, noise: Keyed) -> Tensor:
        settings = self.settings | ({"careful": True} if self.careful else {})
        found: Tensor = self.loss(model, x, y, eps=self.eps, noise=noise, attacked=attacked, **settings)
        return found

    def look(self, model: nn.Module, step: int) -> None:
        due = self.entry.facts.get("watched") and step and step % overfitting.EVERY == 0
        if due and not self.careful:  # for good: what has learnt to hide once would learn it again
            self.careful = overfitting.hides(model, self.shape, self.eps)

    def state(self) -> dict[str, Any]:
        return {"careful": self.careful}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.careful = bool(state["careful"])
