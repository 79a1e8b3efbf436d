"""What `How an attack works` shows: attacks on three models of a toy problem, as plain numbers that a browser can draw.

Lengths are whole thousandths of full brightness (x to the right, y upwards), beliefs thousandths, angles degrees.
"""

import json
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.robustness.toy import Path as Way

UNIT = 1000
NORMS = ("linf", "l2")
STRENGTHS = tuple(20 * k for k in range(1, 13))  # thousandths, of the slider
RADII = tuple(5 * k for k in range(1, 81))  # thousandths, tried for the smallest change that misleads
DRAWN, APART = 48, 55  # test images that can be picked, and how far from one another they are
GRID = 81  # points of the plane in each direction
OTHERS = 4  # more private trainings, of which the boundary is drawn
STRIDE = 6  # numbers a place: x, y, gradient's angle, belief in the true class, and where the next step aims


@dataclass(frozen=True)
class Attacked:
    """One model under attacks of one norm.

    `standing` and `one_step`: how many of all test images are read right after an attack of each strength, of ten steps
    and of one. Of all test images half need at least `median` (thousandths; None: more than all RADII). For each
    drawn image `smallest` is the first of RADII that misleads (0: misread anyway, None: none of them). `paths`, by
    strength and drawn image: whether it ends misread, then STRIDE numbers a place. `singles`: where one step ends.
    """

    standing: tuple[int, ...]
    one_step: tuple[int, ...]
    median: int | None
    smallest: tuple[int | None, ...]
    paths: tuple[tuple[tuple[int, ...], ...], ...]
    singles: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class Model:
    """A model, how it was trained, and how many test images it reads right without an attack.

    `epsilon` is None without privacy. `heat`: percent given to class 1, row by row from the bottom. `boundary`: pieces
    x, y, x, y; `others` and `others_clean`: the same training again with other batches and noise.
    """

    name: str
    epsilon: float | None
    delta: float
    noise_multiplier: float
    max_grad_norm: float | None
    sample_rate: float
    steps: int
    trained_against: float
    clean: int
    heat: tuple[int, ...]
    boundary: tuple[int, ...]
    others: tuple[tuple[int, ...], ...]
    others_clean: tuple[int, ...]
    attacked: dict[str, Attacked]


@dataclass(frozen=True, eq=False)  # read once and passed on, so that it is known by itself, not by its numbers
class Exhibit:
    """`points`: x, y and class of each drawn image."""

    n_train: int
    n_test: int
    steps: int
    strengths: tuple[int, ...]
    points: tuple[tuple[int, ...], ...]
    models: tuple[Model, ...]


def file_name() -> str:
    """Named by the code that makes it: when that changes, so may the numbers."""
    here = Path(__file__)
    sources = (here, *(here.parent / "robustness" / name for name in ("toy.py", "gradient.py")))
    return f"exhibit-{crc32(b''.join(file.read_bytes() for file in sources)):08x}.npz"


def written(exhibit: Exhibit) -> bytes:
    return json.dumps(asdict(exhibit), separators=(",", ":")).encode()


def read(text: bytes) -> Exhibit:
    """What `written` wrote."""
    held = json.loads(text)
    models = tuple(_model(one) for one in held.pop("models"))
    return Exhibit(**_frozen(held), models=models)


def _model(held: dict[str, Any]) -> Model:
    attacked = {norm: Attacked(**_frozen(one)) for norm, one in held.pop("attacked").items()}
    return Model(**_frozen(held), attacked=attacked)


def _frozen(value: Any) -> Any:
    """Lists become tuples, all the way down."""
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def make() -> Exhibit:
    """Train the three models and attack them: about fifteen seconds on one core, and the same bytes every time."""
    from engine.models.basis import one_thread
    from engine.robustness import toy

    with one_thread():
        x, y = toy.images(toy.N_TEST, train=False)
        x = x.double()
        chosen = drawn(x)
        points = [[*_whole(one), int(label)] for one, label in zip(x[chosen], y[chosen], strict=True)]
        models = tuple(_made(name, x, y, chosen) for name in toy.WAYS)
        return Exhibit(toy.N_TRAIN, toy.N_TEST, toy.STEPS, STRENGTHS, _frozen(points), models)


def drawn(x: "Tensor") -> list[int]:
    """The first images that are APART from one another, so that each can be picked."""
    chosen: list[int] = []
    for i in range(len(x)):
        if all(float((x[i] - x[j]).norm()) * UNIT >= APART for j in chosen):
            chosen.append(i)
    return chosen[:DRAWN]


def _made(name: str, x: "Tensor", y: "Tensor", chosen: list[int]) -> Model:
    from engine.robustness import toy

    way, model = toy.WAYS[name], toy.train(name)
    private = way.epsilon < inf
    others = [toy.train(name, seed) for seed in range(1, 1 + OTHERS)] if private else []
    return Model(
        name,
        way.epsilon if private else None,
        toy.DELTA if private else 0.0,
        toy.noise_multiplier(way),
        way.recipe.max_grad_norm if private else None,
        way.recipe.batch / toy.N_TRAIN,
        way.recipe.steps,
        way.eps,
        int(toy.right(model, x, y).sum()),
        tuple((100 * toy.belief(model, toy.plane(GRID), _ones(GRID**2))).round().int().tolist()),
        _outline(model),
        tuple(_outline(other) for other in others),
        tuple(int(toy.right(other, x, y).sum()) for other in others),
        {norm: _attacked(model, x, y, chosen, norm) for norm in NORMS},
    )


def _ones(n: int) -> "Tensor":
    import torch

    return torch.ones(n, dtype=torch.int64)


def _outline(model: "nn.Module") -> tuple[int, ...]:
    import torch

    from engine.robustness import toy

    with torch.no_grad():
        logits = model(toy.plane(GRID))
    margins = (logits[:, 1] - logits[:, 0]).view(GRID, GRID)
    return tuple(_whole(toy.boundary(margins)))


def _attacked(model: "nn.Module", x: "Tensor", y: "Tensor", chosen: list[int], norm: str) -> Attacked:
    from engine.robustness import gradient, toy

    found = toy.smallest(model, x, y, norm=norm, radii=[radius / UNIT for radius in RADII])
    ways = [toy.path(model, x, y, norm=norm, eps=eps / UNIT) for eps in STRENGTHS]
    once = [gradient.fgsm(model, x, y, norm=norm, eps=eps / UNIT) for eps in STRENGTHS]
    return Attacked(
        tuple(int(toy.right(model, way.places[-1], y).sum()) for way in ways),
        tuple(int(toy.right(model, one, y).sum()) for one in once),
        _radius(float(found.sort().values[(len(found) - 1) // 2])),
        tuple(_radius(float(found[i])) for i in chosen),
        tuple(_flat(model, way, y, chosen) for way in ways),
        tuple(tuple(tuple(_whole(one[i])) for i in chosen) for one in once),
    )


def _radius(value: float) -> int | None:
    return None if value == inf else round(value * UNIT)


def _flat(model: "nn.Module", way: "Way", y: "Tensor", chosen: list[int]) -> tuple[tuple[int, ...], ...]:
    """One strength: each drawn image's path as plain numbers, as long as it goes."""
    import torch

    from engine.robustness import toy

    beliefs = torch.stack([toy.belief(model, places, y) for places in way.places])
    stands = toy.right(model, way.places[-1], y)
    aims = torch.cat([way.aims, way.places[-1:]])  # after the last step there is no next one
    angles = torch.atan2(way.grads[..., 1], way.grads[..., 0]).rad2deg() % 360
    flat = []
    for i in chosen:
        numbers = [int(not stands[i])]
        for k in range(int(way.moves[i]) + 1):
            aim = aims[k, i] if k < way.moves[i] else way.places[k, i]
            turned, believed = round(float(angles[k, i])) % 360, round(UNIT * float(beliefs[k, i]))
            numbers += [*_whole(way.places[k, i]), turned, believed, *_whole(aim)]
        flat.append(tuple(numbers))
    return tuple(flat)


def _whole(numbers: "Tensor") -> list[int]:
    """Thousandths."""
    found: list[int] = (numbers.flatten() * UNIT).round().int().tolist()
    return found
