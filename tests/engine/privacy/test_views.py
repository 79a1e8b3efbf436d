"""Views of an image: the right pixels, by numbers of its own."""

import numpy as np
import torch

from engine.privacy.views import seen


def test_every_view_is_a_moved_or_mirrored_copy_of_its_own_image() -> None:
    x = torch.rand(4, 3, 6, 5)
    chances = np.random.default_rng(0).standard_normal((4, 50, 3))
    views = seen(x, chances, shift=2, flip=True).unflatten(0, (4, 50))
    found: list[set[tuple[int, int, bool]]] = []
    for i in range(4):
        around = torch.nn.functional.pad(x[i : i + 1], (2, 2, 2, 2), mode="reflect")[0]
        places = {
            (down, right, flip): (part.flip(2) if flip else part)
            for down in range(5)
            for right in range(5)
            for flip in (False, True)
            for part in [around[:, down : down + 6, right : right + 5]]
        }
        found.append({place for view in views[i] for place, part in places.items() if torch.equal(part, view)})
        assert all(any(torch.equal(view, part) for part in places.values()) for view in views[i])
    assert min(len(places) for places in found) > 20  # of 50 places, all are reached
    assert {flip for places in found for _, _, flip in places} == {False, True}


def test_an_image_alone_or_in_company_is_seen_alike() -> None:
    x, chances = torch.rand(4, 1, 6, 6), np.random.default_rng(0).standard_normal((4, 2, 3))
    whole = seen(x, chances, shift=1, flip=True)
    assert torch.equal(whole[4:6], seen(x[2:3], chances[2:3], shift=1, flip=True))


def test_nothing_asked_nothing_done() -> None:
    x = torch.rand(4, 1, 6, 6)
    assert torch.equal(seen(x, np.zeros((4, 1, 3)), shift=0, flip=False), x)
