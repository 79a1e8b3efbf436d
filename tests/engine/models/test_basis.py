"""Coordinates from pictures of nothing: the same layer written otherwise, the same bits always, and more even."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.models import log_scattering
from engine.models.basis import BATCH, even, pictures
from engine.models.log_scattering import LogScattering, basis, logarithms
from engine.models.scattering import Scattering

SHAPE = (1, 8, 8)


def images(n: int = 40) -> Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_what_is_kept_says_the_same_as_what_was_trained() -> None:
    model, x = LogScattering(SHAPE, 10), images()
    seen = model.seen(x)
    matrix = torch.randn(seen.shape[1] + 1, 10, generator=torch.Generator().manual_seed(2))
    model.load_state_dict(model.kept(matrix), strict=True)
    torch.testing.assert_close(model(x), seen @ matrix[:-1] + matrix[-1], rtol=1e-4, atol=1e-2)


def test_the_same_bits_on_any_number_of_threads() -> None:
    before = torch.get_num_threads()
    made = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        basis.cache_clear()
        made.append(basis(SHAPE))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert torch.equal(made[0].directions, made[1].directions)
    assert torch.equal(made[0].mean, made[1].mean)


def test_other_coordinates_have_another_name() -> None:
    assert LogScattering(SHAPE, 10).basis != LogScattering((3, 8, 8), 10).basis


def test_each_part_of_the_coordinates_is_in_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made, model = basis(SHAPE), LogScattering(SHAPE, 10)
    others = [replace(made, mean=made.mean + 1e-6), replace(made, directions=made.directions * 2), made]
    names = []
    for other in others:
        monkeypatch.setattr(log_scattering, "basis", lambda shape, other=other: other)
        names.append(model.basis)
    monkeypatch.undo()
    assert len({*names}) == 3
    assert names[2] == model.basis


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28)])
def test_pictures_are_pictures_that_differ(shape: tuple[int, int, int]) -> None:
    made = pictures(BATCH, shape, torch.Generator().manual_seed(0))
    assert made.shape == (BATCH, *shape)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert float(made.std(dim=0).mean()) > 0.05


def test_features_vary_more_evenly_along_the_coordinates() -> None:
    """Of pictures that the coordinates were not made from."""
    scattering = Scattering(*SHAPE[1:])
    fresh = torch.cat([pictures(BATCH, SHAPE, torch.Generator().manual_seed(100 + i)) for i in range(40)])
    features, made = logarithms(scattering, fresh), basis(SHAPE)
    shares = [_top_share(values) for values in (features, (features - made.mean) @ made.directions)]
    assert shares[1] < shares[0] / 2


def _top_share(values: Tensor) -> float:
    """The share of all variance that lies in the ten directions with most of it."""
    variances = torch.linalg.svdvals(values - values.mean(0)).square()
    return float(variances[:10].sum() / variances.sum())


def test_a_direction_without_variance_is_not_blown_up() -> None:
    def flat(x: Tensor) -> Tensor:
        return torch.cat([x.flatten(1), torch.zeros(len(x), 5)], dim=1)

    made = even(flat, SHAPE)
    assert bool(made.directions.isfinite().all())
    assert float(((flat(images()) - made.mean) @ made.directions).norm(dim=1).mean()) < 400
