"""What one private training is to an accountant: the only facts that its promise is computed from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mechanism:
    """`steps` times a Gaussian on a Poisson batch; noise in units of the clipping norm. One trained model is one."""

    sample_rate: float
    noise_multiplier: float
    steps: int
