"""An autoencoder whose code also tells the class: what helps to draw an image again helps to recognise it."""

from torch import Tensor, nn
from torch.nn import functional

from engine.registry import register

WIDTHS = (16, 32)
CODE = 64
WEIGHT = 1.0  # of the reconstruction error, beside cross-entropy


class Autoencoder(nn.Module):
    """Two convolutions (stride 2) and a linear layer to a code of 64 numbers; a linear decoder, and a linear head."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, height, width = self.shape = shape
        quarter = (height + 3) // 4 * ((width + 3) // 4)
        self.conv1 = nn.Conv2d(channels, WIDTHS[0], 3, 2, 1)
        self.conv2 = nn.Conv2d(WIDTHS[0], WIDTHS[1], 3, 2, 1)
        self.narrow = nn.Linear(WIDTHS[1] * quarter, CODE)
        self.decoder = nn.Linear(CODE, channels * height * width)
        self.head = nn.Linear(CODE, n_classes)

    def encode(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 64), in (-1, 1)."""
        maps = self.conv2(self.conv1(2 * x - 1).tanh()).tanh()
        code: Tensor = self.narrow(maps.flatten(1)).tanh()
        return code

    def decode(self, code: Tensor) -> Tensor:
        """(N, 64) -> (N, C, H, W) in (0, 1)."""
        image: Tensor = self.decoder(code).sigmoid().unflatten(1, self.shape)
        return image

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encode(x))
        return logits

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy, and WEIGHT times the squared error of the image drawn again, as a mean over pixels; (N,)."""
        code = self.encode(x)
        error = (self.decode(code) - x).square().flatten(1).mean(1)
        return functional.cross_entropy(self.head(code), y, reduction="none") + WEIGHT * error


@register(
    "autoencoder",
    title="autoencoder",
    one_pass=False,
    features="",
    source="doi:10.1126/science.1127647",
    version=2,
)
def autoencoder(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """Learns to draw each image again from 64 numbers, and to tell its class from them."""
    return Autoencoder(shape, n_classes)
