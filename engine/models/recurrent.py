"""An LSTM (Hochreiter and Schmidhuber, 1997) that reads an image row by row, from the top."""

import torch
from torch import Tensor, nn

from engine.registry import register

HIDDEN = 128


class RowReader(nn.Module):
    """Each row of pixels is a word; the state after the last row gives the class.

    Made of linear layers, not nn.LSTM: per-sample gradients of a linear layer are cheap, also of one called often.
    """

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        channels, self.rows, width = shape
        self.read = nn.Linear(channels * width, 4 * HIDDEN)  # of all rows at once
        self.recall = nn.Linear(HIDDEN, 4 * HIDDEN, bias=False)  # from row to row
        self.answer = nn.Linear(HIDDEN, n_classes)
        with torch.no_grad():
            self.read.bias[HIDDEN : 2 * HIDDEN] = 1  # remembers unless it learns to forget

    def forward(self, x: Tensor) -> Tensor:
        words = self.read((2 * x - 1).transpose(1, 2).flatten(2))  # (N, H, C * W) -> (N, H, 4 * HIDDEN)
        state, memory = _cell(words[:, 0], torch.zeros_like(words[:, 0, :HIDDEN]))
        for row in range(1, self.rows):
            state, memory = _cell(words[:, row] + self.recall(state), memory)
        logits: Tensor = self.answer(state)
        return logits


def _cell(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """The next state and memory, each (N, HIDDEN), from gates (N, 4 * HIDDEN): take, keep, show, new."""
    take, keep, show, new = gates.chunk(4, 1)
    memory = keep.sigmoid() * memory + take.sigmoid() * new.tanh()
    return show.sigmoid() * memory.tanh(), memory


@register(
    "lstm", title="row reader (LSTM)", one_pass=False, features="", source="doi:10.1162/neco.1997.9.8.1735", version=2
)
def lstm(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """A recurrent network that reads an image row by row and answers after the last one."""
    return RowReader(shape, n_classes)
