"""A linear layer on the fixed features of a network that was trained on other, public images."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.fixed import Linear
from engine.registry import register

SIDE = 64  # pixels a side that the backbone is shown
FEATURES = 576
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the images it was trained on


class PretrainedLinear(Linear):
    """Images enlarged to 64 pixels in three colours, MobileNetV3's last maps averaged and normalised, one layer."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_classes: int, weights: Mapping[str, Tensor] | None) -> None:
        super().__init__(FEATURES, n_classes)
        self.backbone = frozen(_backbone(weights))
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def features(self, x: Tensor) -> Tensor:
        """(N, 1 or 3, H, W) -> (N, 576), of mean 0 and variance 1 in each image: no statistics of the data."""
        x = functional.interpolate(x, (SIDE, SIDE), mode="bilinear")
        maps = self.backbone((x.expand(-1, 3, -1, -1) - self.mean) / self.deviation)
        return functional.layer_norm(maps.mean((2, 3)), (FEATURES,))


def _backbone(weights: Mapping[str, Tensor] | None) -> nn.Module:
    """MobileNetV3 (small) without its classifier; its BatchNorm uses the statistics it came with, never a batch's."""
    from torchvision.models import mobilenet_v3_small
    from torchvision.ops import FrozenBatchNorm2d

    network = mobilenet_v3_small(norm_layer=partial(FrozenBatchNorm2d, eps=1e-3))
    if weights is not None:
        network.load_state_dict(weights)
    features: nn.Module = network.features
    return features


def frozen(module: nn.Module) -> nn.Module:
    """The module with every weight a constant: nothing to train, and nothing that is kept with a trained model."""
    for part in module.modules():
        for name, value in [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]:
            delattr(part, name)
            part.register_buffer(name, value.detach(), persistent=False)
    return module


@register(
    "pretrained-linear",
    title="pretrained network",
    one_pass=True,
    features="pretrained-linear",
    files=("mobilenet_v3_small-047dcff4.pth",),
    weights="MobileNet_V3_Small_Weights.IMAGENET1K_V1",
    source="arXiv:1905.02244",
)
def pretrained_linear(
    shape: tuple[int, int, int], n_classes: int, weights: Mapping[str, Tensor] | None = None
) -> nn.Module:
    """One linear layer on features learned from ImageNet, which count as public: epsilon covers your images alone."""
    return PretrainedLinear(n_classes, weights)
