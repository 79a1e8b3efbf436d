"""Images from a gradient: exactly from a linear layer, and by descent from any network (DLG, cosine).

An attack by descent is `(model, given, y, *, steps, seed, restarts, on_step, ...) -> pictures (n, C, H, W)` in [0, 1]:
of the server it has the weights, of the client what was `given` away (engine/leakage/gradients.py), and y are the
labels, which `gradients.labels` tells. `on_step` is called after each step and may raise. The same seed gives the same
pictures; the model and the global random state stay untouched. It runs on one thread, on which a step takes half as
long as on two.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import inf, isnan

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import BadInput
from engine.leakage.gradients import Sent, attacked, guarded
from engine.models.basis import one_thread
from engine.models.basis import pictures as made_up
from engine.privacy.streams import Seeded

GREY, SPREAD = 0.5, 0.25  # of the normal noise that L-BFGS starts from
LOOKS = 64  # made-up pictures of which the nearest is where the cosine attack starts
RATE = 0.1  # of the signed Adam (arXiv:2003.14053)
DECAYS = (3 / 8, 5 / 8, 7 / 8)  # shares of the steps after which its rate falls to a tenth (the authors' code)
INNER = 20  # iterations of L-BFGS a step (arXiv:1906.08935)
SAME = 1 - 1e-7  # cosine from which two rows show the same image: rows of classes that mix images come near it
DONE = 1e-9  # squared distance, as a share of what was sent, below which float32 finds nothing more


@dataclass(frozen=True)
class Step:
    """Where an attack stands: its pictures (n, C, H, W) in [0, 1], and how far their gradient is from what was sent.

    The distance is the one that the attack makes small, as the step found it. With restarts, steps run on from one try
    to the next.
    """

    step: int
    steps: int
    pictures: Tensor
    distance: float


OnStep = Callable[[Step], None]
Try = Callable[[Tensor], Iterator[tuple[Tensor, float]]]  # from a start: pictures and their distance, step by step


def analytic(given: Sent, layer: str) -> Tensor:
    """The pixels that went into the linear layer with a bias that is called `layer`: (n, C, H, W) in [0, 1].

    dL/dW_i = x dL/db_i for each output i of one image x, so every row tells it, exactly; the answer is their
    least-squares fit, sum_i db_i dW_i / sum_i db_i^2 (arXiv:2003.14053, proposition 1). Of several images each row is
    a mixture. Images on which rows agree come first, for in a wide ReLU layer some rows saw one image alone; then those
    of the rows with the most negative db_i, in which a layer of classes shows mostly the image of that class.
    """
    weight, bias = (given.gradient[f"{layer}.{kind}"] for kind in ("weight", "bias"))
    if weight.shape[1] != torch.Size(given.shape).numel():
        raise BadInput(f"layer '{layer}' has {weight.shape[1]} inputs: it does not see the pixels themselves")
    groups = [torch.ones_like(bias, dtype=torch.bool)] if given.n == 1 else _groups(weight, bias, given.n)
    found = [bias[rows] @ weight[rows] / bias[rows].square().sum().clamp_min(1e-30) for rows in groups]
    return torch.stack(found).clamp(0, 1).view(-1, *given.shape)


def _groups(weight: Tensor, bias: Tensor, n: int) -> list[Tensor]:
    """Rows that show the same image, (rows,) of bool, for each of n images."""
    directions = functional.normalize((weight * bias.sign()[:, None]).double())  # float32 cannot tell SAME from 1
    alike = directions @ directions.T > SAME
    free = bias.abs() > 1e-6 * bias.abs().max()
    found = []
    for _ in range(n):
        votes = (alike & free).sum(1) * free
        row = torch.where(votes == votes.max(), bias, torch.inf).argmin()
        found.append(alike[row])
        free = free & ~alike[row]
    return found


def dlg(
    model: nn.Module,
    given: Sent,
    y: Tensor,
    *,
    steps: int = 40,
    seed: int = 0,
    restarts: int = 1,
    on_step: OnStep = lambda _: None,
) -> Tensor:
    """Pictures whose gradient is nearest in squared distance, by L-BFGS from noise (arXiv:1906.08935).

    Labels are given rather than sought (arXiv:2001.02610), steps are as long as a line search allows, and the distance
    is a share of what was sent.
    """
    twin, target = attacked(model), _flat(given)
    size = target.square().sum().clamp_min(1e-30)

    def attempt(start: Tensor) -> Iterator[tuple[Tensor, float]]:
        x = start.requires_grad_(True)
        optimizer = torch.optim.LBFGS([x], max_iter=INNER, history_size=100, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            loss = (guarded(twin, x, y, given.guard) - target).square().sum() / size
            (x.grad,) = torch.autograd.grad(loss, x)
            return loss

        while True:
            optimizer.step(closure)
            yield x.detach(), float(closure().detach())

    def start(number: int) -> Tensor:
        drawn = Seeded().normal((given.n, *given.shape), "dlg", seed, number)
        return (GREY + SPREAD * torch.from_numpy(drawn)).to(target)

    return _best(attempt, start, steps, restarts, on_step)


def cosine(
    model: nn.Module,
    given: Sent,
    y: Tensor,
    *,
    steps: int = 300,
    seed: int = 0,
    restarts: int = 1,
    smoothness: float = 3e-2,
    on_step: OnStep = lambda _: None,
) -> Tensor:
    """Pictures whose gradient points the same way, by signed Adam, `smoothness` weighing total variation.

    It minimises 1 - cosine + smoothness * total variation within [0, 1] (arXiv:2003.14053), so the length of what was
    sent does not matter: clipping hides nothing of a single image. The authors start from noise; this starts from that
    one of some made-up pictures whose gradient is nearest, for trained networks are hard to climb down from noise.
    """
    twin, target = attacked(model), _flat(given)

    def apart(x: Tensor) -> Tensor:
        alike: Tensor = functional.cosine_similarity(guarded(twin, x, y, given.guard), target, dim=0, eps=1e-20)
        return 1 - alike

    def attempt(start: Tensor) -> Iterator[tuple[Tensor, float]]:
        x = start.requires_grad_(True)
        optimizer = torch.optim.Adam([x], lr=RATE)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [round(steps * share) for share in DECAYS])
        while True:
            loss = apart(x)
            (gradient,) = torch.autograd.grad(loss + smoothness * variation(x).sum() / len(x), x)
            x.grad = gradient.sign_()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                x.clamp_(0, 1)
            yield x.detach(), float(loss.detach())

    def start(number: int) -> Tensor:
        generator = torch.Generator().manual_seed(Seeded().seed("cosine", seed, number))
        tries = made_up(LOOKS * given.n, given.shape, generator).to(target).split(given.n)
        nearest: Tensor = min(tries, key=lambda x: float(apart(x).detach()))
        return nearest.clone()

    return _best(attempt, start, steps, restarts, on_step)


def variation(x: Tensor) -> Tensor:
    """Total variation of each picture, (n,): mean difference between neighbours, across plus down.

    >>> variation(torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
    tensor([1.])
    """
    across, down = x.diff(dim=3).abs().flatten(1), x.diff(dim=2).abs().flatten(1)
    return across.mean(1) + down.mean(1)


def _flat(given: Sent) -> Tensor:
    return torch.cat([part.flatten() for part in given.gradient.values()])


def _best(attempt: Try, start: Callable[[int], Tensor], steps: int, restarts: int, on_step: OnStep) -> Tensor:
    """The pictures of the try that ends nearest; one that ends at what is no number is further than all."""
    ends = []
    with one_thread():
        for number in range(restarts):
            for step, (pictures, distance) in enumerate(islice(attempt(start(number)), steps), 1):
                shown = Step(number * steps + step, restarts * steps, pictures.nan_to_num(GREY).clamp(0, 1), distance)
                on_step(shown)
                if not distance > DONE:
                    break
            ends.append(shown)
    return min(ends, key=lambda end: inf if isnan(end.distance) else end.distance).pictures
