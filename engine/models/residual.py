"""A small residual network with GroupNorm (arXiv:1512.03385, arXiv:1803.08494): no image sees its batch."""

from torch import Tensor, nn

from engine.registry import register

WIDTHS = (16, 32, 64)
GROUPS = 8
ENOUGH = 16  # pixels a side from which the first layer may skip every second one


class Block(nn.Module):
    """Two convolutions beside a way around them; `stride` 2 halves the sides."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.norm1 = nn.GroupNorm(GROUPS, width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.GroupNorm(GROUPS, width)
        same = before == width and stride == 1
        self.around = nn.Identity() if same else nn.Conv2d(before, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        out: Tensor = (inner + self.around(x)).relu()
        return out


class ResNet(nn.Module):
    """A first convolution, three blocks of 16, 32 and 64 channels, the mean of each channel, one linear layer."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        stride = 2 if min(height, width) >= ENOUGH else 1
        self.first = nn.Conv2d(channels, WIDTHS[0], 3, stride, 1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, WIDTHS[0])
        befores = (WIDTHS[0], *WIDTHS)
        self.blocks = nn.Sequential(*(Block(b, w, 1 if b == w else 2) for b, w in zip(befores, WIDTHS, strict=False)))
        self.linear = nn.Linear(WIDTHS[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.blocks(self.norm(self.first(2 * x - 1)).relu())
        logits: Tensor = self.linear(maps.mean((2, 3)))
        return logits


@register("resnet", title="small residual network", one_pass=False, features="", source="arXiv:1512.03385", version=2)
def resnet(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Seven convolutions with ways around them, normalised in groups of channels so that no image sees another."""
    return ResNet(shape, n_classes)
