"""What a job's models give away, as rows: guesses about them, attacks on models like them, and what canaries prove.

Three measurements. Guesses about a study's own models, from how sure they are of training and of test images.
Attacks on models trained alike on random halves of a pool, of which each is attacked with all the others: only there
is it known by a coin who was in. And canaries, by which one run of the trainer demonstrates an epsilon.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import nan
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine import exposures, planning, shadowing
from engine.checkpoint import put
from engine.data import entry
from engine.evaluation import Bench
from engine.events import Stage
from engine.exposures import FILE, Exposure
from engine.extras import ATTACKED_IMAGES, FALSE_POSITIVES, GUESSED_IMAGES
from engine.leakage import audit, canaries, curve, exposure, membership, statistics
from engine.leakage.membership import Masks, Reals
from engine.leakage.shadows import Budget
from engine.privacy.roc import roc as allowed
from engine.privacy.streams import stream
from engine.results import ABOVE, ALLOWED, DEMONSTRABLE, DEMONSTRATED, GUESSED, LEAKED, LEAKED_AUC, Row
from engine.robustness import attacks
from engine.rows import How, Measured, number, row, share
from engine.shadowing import Answers, Asked, Ground
from engine.training import Candidate

FIRST = 8  # models of a budget that are known before anything is told; then twice as many, and so on
STEPS = 10  # of the attack on pictures that models are asked about


def leak(bench: Bench, ground: Ground) -> None:
    """Measure and tell all that the study wants to know of leakage; what was done before a restart is not done again.

    Leaves exposures beside the weights, where models are many: how far each image of the pool moves what they say.
    """
    stage, done = partial(_stage, bench), 0
    total = planning.leakage_images(bench.job)

    def step(images: int) -> None:
        nonlocal done
        done += images
        stage(done, total)

    step(0)
    for candidate in bench.attacked:
        _guess(bench, candidate, ground, step)
    if bench.job.epsilons:  # else clipping alone, of which there are guesses
        asked = shadowing.ask(ground, step, partial(_told, bench, ground))
        for kind in planning.canary_kinds(bench.job.study):
            _audit(bench, ground, kind, step)
        if planning.exposes(bench.job.study):
            expose(asked, ground.folder.parent / FILE)
    stage(total, total)


def _stage(bench: Bench, done: int, total: int) -> None:
    bench.emit(Stage("leakage", min(done, total), total))


def candidate_of(bench: Bench, epsilon: float, budget: Budget | None = None) -> Candidate:
    """Whom rows of a budget are about: its first repeat, trained as `budget` says."""
    own = next(c for c in bench.models if c.epsilon == epsilon and not c.clip_only)
    if budget is None:
        return own
    return Candidate(epsilon, own.seed, budget.recipe, budget.sample_rate, budget.noise_multiplier, own.accountant)


# guesses about a study's own model


def _guess(bench: Bench, candidate: Candidate, ground: Ground, step: Callable[[int], None]) -> None:
    """Guess of as many training as test images which are which, from the confidence in their labels."""
    pictures = {"threshold": (GUESSED_IMAGES, None), "threshold-attacked": (ATTACKED_IMAGES, _perturb(bench, step))}
    for name, (most, perturb) in pictures.items():
        began = time.monotonic()
        n = min(most, *(len(labels) for labels in (ground.images[1], bench.test[1])))
        said = [_said(bench.models[candidate], part, n, perturb) for part in (ground.images, bench.test)]
        how = How(name, eps=nan)
        bench.emit(row(bench.job, candidate, GUESSED + name, guessed(*said), time.monotonic() - began, how))
        step(0)


def _perturb(bench: Bench, step: Callable[[int], None]) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    """Pictures that a model reads worse, within the radius that its data set is defended with."""
    eps, run = entry.of(bench.job.study).facts["trained_eps"], attacks["pgd"].load()

    def perturbed(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        parts = []
        for images, labels in zip(x.split(100), y.split(100), strict=True):
            step(0)
            parts.append(run(model, images, labels, norm="linf", eps=eps, steps=STEPS, seed=0))
        return torch.cat(parts)

    return perturbed


def _said(
    model: nn.Module,
    images: tuple[Tensor, Tensor],
    n: int,
    perturb: Callable[[nn.Module, Tensor, Tensor], Tensor] | None,
) -> Answers:
    """The model's confidence in n of the images, taken at random."""
    rows = torch.from_numpy(stream("leakage", "guesses", len(images[1])).permutation(len(images[1]))[:n])
    changed = None if perturb is None else partial(perturb, model)
    return statistics.of_images(model, images[0][rows], images[1][rows], changed)


def guessed(inside: Answers, outside: Answers) -> Measured:
    """Right guesses from a threshold on the confidence; it is chosen on half of the images and tried on the others.

    >>> guessed(np.array([3.0, 3, 3, 3]), np.array([1.0, 1, 1, 1])).value
    1.0
    """
    halves = [(inside[i::2], outside[i::2]) for i in (0, 1)]
    right = sum(_right(_threshold(*halves[i]), *halves[1 - i]) for i in (0, 1))
    return share(right, len(inside) + len(outside))


def _threshold(inside: Answers, outside: Answers) -> float:
    """From which confidence on to say "in", so that most of these are told rightly."""
    tried = np.unique(np.concatenate([inside, outside]))
    rights = np.searchsorted(np.sort(outside), tried) + len(inside) - np.searchsorted(np.sort(inside), tried)
    return float(tried[np.argmax(rights)])


def _right(threshold: float, inside: Answers, outside: Answers) -> int:
    return int((inside >= threshold).sum() + (outside < threshold).sum())


# attacks on models trained alike


def _row(bench: Bench, model: Candidate, metric: str, found: Measured, seconds: float, how: How) -> Row:
    """Of models trained as the study's are, with its training defence; no guard stands before them."""
    return replace(row(bench.job, model, metric, found, seconds, how), defence=bench.job.study.defence.training)


def _told(bench: Bench, ground: Ground, asked: Asked) -> None:
    """Tell of each budget when twice as many of its models are known as when it was told last, and of all at the end.

    What is told again replaces what was told of fewer.
    """
    known, size = int(np.isfinite(asked.said[:, 0, 0]).sum()), planning.together(bench.job.study)
    doubled = known >= FIRST and known.bit_length() > (known - size).bit_length()
    if doubled or known == len(asked.masks):
        for place, budget in enumerate(asked.budgets):
            began, model = time.monotonic(), candidate_of(bench, budget.epsilon, budget)
            found = found_out(*asked.of(place), budget, ground.cache)
            each = (time.monotonic() - began) / len(found)
            for metric, how, value in found:
                bench.emit(_row(bench, model, metric, value, each, how))


def found_out(
    said: Answers, masks: Masks, banks: NDArray[np.int64], budget: Budget, cache: Path
) -> list[tuple[str, How, Measured]]:
    """What all attacks find, with each of the models (M, N) as the target of other banks', and what theory allows.

    Areas and rates are means over targets, with Student's interval; those that share batches are one unit of it.
    """
    every = {name: membership.scores(attack, said, masks, banks) for name, attack in membership.ATTACKS.items()}
    found = [one for name, scores in every.items() for one in _curve(name, scores, masks, banks)]
    if budget.mechanism is None:
        return found
    theory = allowed(FALSE_POSITIVES, budget.mechanism, cache)
    found += [
        (ALLOWED, How("any", eps=eps), number(float(most), 1))
        for eps, most in zip(FALSE_POSITIVES, theory, strict=True)
    ]
    measured = [point for scores in every.values() for point in curve.points(scores, masks)]
    above = sum(one.broken for one in curve.beside(measured, budget.mechanism, cache))
    return [*found, (ABOVE, How("any"), number(float(above), len(measured)))]


def _curve(name: str, scores: Reals, masks: Masks, banks: NDArray[np.int64]) -> list[tuple[str, How, Measured]]:
    areas = _mean(curve.auc(scores, masks), banks)
    reached = zip(FALSE_POSITIVES, _true_positives(scores, masks), strict=True)
    rows = [(LEAKED + name, How(name, eps=eps), _mean(found, banks)) for eps, found in reached]
    return [(LEAKED_AUC + name, How(name), areas), *rows]


def _true_positives(scores: Reals, masks: Masks) -> Reals:
    """Of each target at each of FALSE_POSITIVES, (R, T)."""
    each = [curve.reached(*one, FALSE_POSITIVES) for one in zip(scores, masks, strict=True)]
    return np.asarray(each).T


def _mean(values: Reals, banks: NDArray[np.int64]) -> Measured:
    of_banks = np.bincount(banks, values) / np.bincount(banks)
    mean, low, high = curve.over_targets(of_banks)
    return Measured(mean, max(0.0, low), min(1.0, high), "student-95", len(values))


# canaries


def _audit(bench: Bench, ground: Ground, kind: str, step: Callable[[int], None]) -> None:
    """What guesses about canaries demonstrate of each budget, and the most that they could.

    The bounds of all kinds hold together at 95 %, so the larger one is a bound as well.
    """
    began, kinds = time.monotonic(), planning.canary_kinds(bench.job.study)
    among = shadowing.planted(ground, kind)
    found, scores = shadowing.scores(ground, kind, among, step)
    each = (time.monotonic() - began) / len(found)
    for budget, one in zip(found, scores, strict=True):
        told, n = canaries.told_apart(among, one), shadowing.guesses(len(among.rows))
        bound = audit.one_run(*told, guesses=n, delta=ground.delta, significance=curve.SIGNIFICANCE / len(kinds))
        model = candidate_of(bench, budget.epsilon, budget)
        shown = Measured(bound.epsilon, nan, nan, "one-run-95", bound.guesses)
        bench.emit(_row(bench, model, DEMONSTRATED + kind, shown, each, How(kind)))
        bench.emit(_row(bench, model, DEMONSTRABLE + kind, number(bound.ceiling, bound.guesses), each, How(kind)))


# single images


def expose(asked: Asked, file: Path) -> None:
    """Keep how far each image moves what models say of it: those of every second bank, and those of the others."""
    chosen, measured = (np.array([_gaps(asked, place, i) for place in range(len(asked.budgets))]) for i in (0, 1))
    epsilons, part = tuple(budget.epsilon for budget in asked.budgets), file.with_suffix(".part")
    exposures.write(Exposure(asked.rows, epsilons, chosen, measured), part)
    put(part, file, lasting=False)


def _gaps(asked: Asked, place: int, first: int) -> Answers:
    said, masks, banks = asked.of(place)
    half = banks % 2 == first
    return exposure.gap(said[half], masks[half]).astype(np.float32)
