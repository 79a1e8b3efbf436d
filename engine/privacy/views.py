"""Several views of an image, whose gradients are averaged before clipping (arXiv:2204.13650): it still counts once."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor
from torch.nn import functional

CHANCES = 3  # numbers that a view takes: down, right, mirrored


def seen(x: Tensor, chances: NDArray[np.float64], *, shift: int, flip: bool) -> Tensor:
    """Views of images (n, C, H, W), those of an image side by side: (n * views, C, H, W).

    `chances` (n, views, 3) are standard normals, an image's own. Each view is moved by up to `shift` pixels each way,
    what enters being a reflection, and with `flip` mirrored half of the time.

    >>> image = torch.arange(3.0).expand(1, 1, 3, 3)
    >>> seen(image, np.array([[[0.0, 0.0, -1.0]]]), shift=1, flip=True)[0, 0, 0].tolist()  # stays, mirrored
    [2.0, 1.0, 0.0]
    >>> seen(image, np.array([[[0.0, 9.0, 1.0]]]), shift=1, flip=True)[0, 0, 0].tolist()  # one pixel to the left
    [1.0, 2.0, 1.0]
    """
    n_views = chances.shape[1]
    uniform = torch.from_numpy(ndtr(chances.reshape(-1, CHANCES))).to(x.device)
    copies = x.repeat_interleave(n_views, 0)
    if shift:
        down, right = (uniform[:, :2] * (2 * shift + 1)).long().clamp_(max=2 * shift).T
        windows = functional.pad(copies, (shift,) * 4, mode="reflect").unfold(2, x.shape[2], 1).unfold(3, x.shape[3], 1)
        copies = windows[torch.arange(len(copies), device=x.device), :, down, right]
    return torch.where((uniform[:, 2] < 0.5).view(-1, 1, 1, 1), copies.flip(3), copies) if flip else copies
