"""A small convolutional network that sees the wavelet scattering of an image as channels (arXiv:2011.11660)."""

from torch import Tensor, nn
from torch.nn import functional

from engine.models.fixed import OnFeatures
from engine.models.scattering import CHANNELS, GROUPS, Scattering
from engine.registry import register

WIDTHS = (16, 32)  # channels of the two convolutions
HIDDEN = 32


class Head(nn.Module):
    """Flat features (N, F), of any precision -> logits: conv (3, stride 2), conv (3), two linear layers, tanh."""

    def __init__(self, maps: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = self.maps = maps
        halved = (height + 1) // 2 * ((width + 1) // 2)
        self.conv1 = nn.Conv2d(channels, WIDTHS[0], 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(WIDTHS[0], WIDTHS[1], 3, padding=1)
        self.fc1 = nn.Linear(WIDTHS[1] * halved, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, n_classes)

    def forward(self, features: Tensor) -> Tensor:
        x = features.to(self.fc2.weight.dtype).unflatten(1, self.maps)  # they are kept in bf16
        x = self.conv2(self.conv1(x).tanh()).tanh()
        logits: Tensor = self.fc2(self.fc1(x.flatten(1)).tanh())
        return logits


class ScatteringCnn(OnFeatures):
    """Scattering, group normalisation without statistics from the data, and a network on these maps."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.scattering = Scattering(height, width)
        self.head = Head((channels * CHANNELS, *self.scattering.out), n_classes)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C * 81 * H' * W'): the features of `scattering-linear`."""
        return functional.group_norm(self.scattering(x), GROUPS).flatten(1)


@register(
    "scattering-cnn",
    title="wavelets and a network",
    one_pass=False,
    features="scattering-linear",
    source="arXiv:2011.11660",
    version=2,
)
def scattering_cnn(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """The fast model's fixed wavelet features, seen by two convolutions instead of one linear layer."""
    return ScatteringCnn(shape, n_classes)
