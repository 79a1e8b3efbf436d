"""What a job's models give away, as rows: guesses about them, attacks on models like them, and what canaries prove.

Three measurements. Guesses about a study's own models, from how sure they are of training and of test images.
Attacks on models trained alike on random halves of a pool, of which each is attacked with all the others: only there
is it known by a coin who was in. Both from images as they are, and from images as an attack on the model leaves them.
And canaries, by which runs of the trainer demonstrate an epsilon.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from engine import auditing, exposures, planning, shadowing
from engine.checkpoint import put
from engine.defences.guarded import Guarded
from engine.evaluation import Bench
from engine.events import Stage
from engine.exposures import FILE, Exposure
from engine.extras import ATTACKED_IMAGES, FALSE_POSITIVES, GUESSED_IMAGES
from engine.leakage import curve, exposure, membership
from engine.leakage.membership import Masks, Reals
from engine.leakage.shadows import Budget
from engine.leakage.statistics import of_images
from engine.privacy.roc import roc as allowed
from engine.privacy.streams import stream
from engine.results import ABOVE, ALLOWED, ATTACKED, DEMONSTRABLE, DEMONSTRATED, GUESSED, LEAKED, LEAKED_AUC, Row
from engine.rows import How, Measured, number, row, share
from engine.shadowing import Answers, Asked, Ground, Places, Split
from engine.training import Candidate

FIRST = 8  # models of a budget that are known before anything is told; then twice as many, and so on
OFTEN = 0.01  # false alarms at which attackers are compared
STEPS = 10  # of the attack on pictures that a study's own models are asked about
Scores = NDArray[np.floating]
Answered = tuple[Answers, Masks, Places]  # confidences (M, N), whose images they were (M, N), who shares batches (M,)


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
        asked = shadowing.ask(ground, step, _teller(bench, ground))
        for candidate in bench.attacked:
            if not candidate.clip_only:
                _guess_with_shadows(bench, candidate, ground, asked)
        for kind in planning.canary_kinds(bench.job.study):
            _audit(bench, ground, kind, step)
        if planning.exposes(bench.job.study):
            expose(asked, ground.folder.parent / FILE)
    stage(total, total)


def _stage(bench: Bench, done: int, total: int) -> None:
    bench.emit(Stage("leakage", min(done, total), total))


def candidate_of(bench: Bench, budget: Budget) -> Candidate:
    """Whom rows of a budget are about: its first repeat, trained as `budget` says."""
    own = next(c for c in bench.models if c.epsilon == budget.epsilon and not c.clip_only)
    return Candidate(own.epsilon, own.seed, budget.recipe, budget.sample_rate, budget.noise_multiplier, own.accountant)


# guesses about a study's own model


def _guess(bench: Bench, candidate: Candidate, ground: Ground, step: Callable[[int], None]) -> None:
    """Guess of as many training as test images which are which, from the confidence in their labels."""
    model = bench.models[candidate]

    def attacked(_: nn.Module, x: Tensor, y: Tensor) -> Answers:
        return shadowing.said_attacked(ground, model, x, y, step, name="pgd", steps=STEPS)

    for name, most, ask in (
        ("threshold", GUESSED_IMAGES, of_images),
        (f"threshold{ATTACKED}", ATTACKED_IMAGES, attacked),
    ):
        began, some = time.monotonic(), _guessed_of(ground, most)
        found = guessed(*(ask(model, part.x[rows], part.y[rows]) for part, rows in some))
        how = How(name, eps=nan)
        bench.emit(row(bench.job, candidate, GUESSED + name, found, time.monotonic() - began, how))
        step(0)


def _guess_with_shadows(bench: Bench, candidate: Candidate, ground: Ground, asked: Asked) -> None:
    """The same with what models say that were trained on other images: LiRA, offline."""
    began, place = time.monotonic(), [one.epsilon for one in asked.budgets].index(candidate.epsilon)
    some = _guessed_of(ground, GUESSED_IMAGES)
    own = bench.models[candidate]
    model = own.model if isinstance(own, Guarded) else own  # as shadows are
    said = [of_images(model, part.x[rows], part.y[rows]) for part, rows in some]
    found = guessed_with_shadows(np.concatenate(said), *asked.about(place, some[0][1], some[1][1]))
    name = "lira-offline"
    bench.emit(_row(bench, candidate, GUESSED + name, found, time.monotonic() - began, How(name, eps=nan)))


def _guessed_of(ground: Ground, most: int) -> list[tuple[Split, Places]]:
    """As many images of the pool as outsiders, at random: splits, and whose images of each."""
    pools = shadowing.pool(ground.job), shadowing.outsiders(ground.job)
    n = min(most, *map(len, pools))
    rows = [stream("leakage", "guesses", i, len(pool)).permutation(pool)[:n] for i, pool in enumerate(pools)]
    return list(zip((ground.train, ground.test), rows, strict=True))


def guessed(inside: Scores, outside: Scores) -> Measured:
    """Right guesses from a threshold on the confidence; it is chosen on half of the images and tried on the others.

    >>> guessed(np.array([3.0, 3, 3, 3]), np.array([1.0, 1, 1, 1])).value
    1.0
    """
    halves = [(inside[i::2], outside[i::2]) for i in (0, 1)]
    right = sum(_right(_threshold(*halves[i]), *halves[1 - i]) for i in (0, 1))
    return share(right, len(inside) + len(outside))


def guessed_with_shadows(target: Scores, shadows: Scores, members: Masks) -> Measured:
    """Right guesses where the first half of what `target` (N,) is about was in: from how far it lies above shadows'.

    `shadows` (S, N) are what models say that trained on other images; those that `members` (S, N) names are not asked.
    """
    return guessed(*np.split(membership.lira_offline(target, shadows, members), 2))


def _threshold(inside: Scores, outside: Scores) -> float:
    """From which confidence on to say "in", so that most of these are told rightly."""
    tried = np.unique(np.concatenate([inside, outside]))
    rights = np.searchsorted(np.sort(outside), tried) + len(inside) - np.searchsorted(np.sort(inside), tried)
    return float(tried[np.argmax(rights)])


def _right(threshold: float, inside: Scores, outside: Scores) -> int:
    return int((inside >= threshold).sum() + (outside < threshold).sum())


# attacks on models trained alike


def _row(bench: Bench, model: Candidate, metric: str, found: Measured, seconds: float, how: How) -> Row:
    """Of models trained as the study's are, with its training defence; no guard stands before them."""
    return replace(row(bench.job, model, metric, found, seconds, how), defence=bench.job.study.defence.training)


def _teller(bench: Bench, ground: Ground) -> Callable[[Asked], None]:
    """Tells of all budgets when twice as many models are known as when that was told last, and at the end.

    What is told again replaces what was told of fewer.
    """
    least = FIRST

    def tell(asked: Asked) -> None:
        nonlocal least
        known = int(asked.known(0).sum())
        if known >= least or known == len(asked.masks):
            least = 2 * known
            for place, budget in enumerate(asked.budgets):
                _tell(bench, ground, asked, place, budget)

    return tell


def _tell(bench: Bench, ground: Ground, asked: Asked, place: int, budget: Budget) -> None:
    began, model = time.monotonic(), candidate_of(bench, budget)
    found = found_out(asked.of(place), asked.of_tampered(place), budget, ground.cache)
    each = (time.monotonic() - began) / len(found)
    for metric, how, value in found:
        bench.emit(_row(bench, model, metric, value, each, how))


def found_out(said: Answered, tampered: Answered, budget: Budget, cache: Path) -> list[tuple[str, How, Measured]]:
    """What all attacks find, with each of the models as the target of other banks', and what theory allows.

    From what models say of images as they are, `said`, and `tampered`. Areas and rates are means over targets, with
    Student's interval; those that share batches are one unit of it.
    """
    every = {
        f"{name}{suffix}": (membership.scores(attack, *heard), heard)
        for suffix, heard in (("", said), (ATTACKED, tampered))
        for name, attack in membership.ATTACKS.items()
    }
    found = [one for name, (scores, heard) in every.items() for one in _curve(name, scores, *heard[1:])]
    if budget.mechanism is None:
        return found
    theory = allowed(FALSE_POSITIVES, budget.mechanism, cache)
    found += [
        (ALLOWED, How("any", eps=eps), number(float(most), 1))
        for eps, most in zip(FALSE_POSITIVES, theory, strict=True)
    ]
    measured = [point for scores, heard in every.values() for point in curve.points(scores, heard[1])]
    above = sum(one.broken for one in curve.beside(measured, budget.mechanism, cache))
    return [*found, (ABOVE, How("any"), number(float(above), len(measured)))]


def _curve(name: str, scores: Reals, masks: Masks, banks: NDArray[np.int64]) -> list[tuple[str, How, Measured]]:
    """Area and rates. Those at which half of the images, the outsiders, make less than one alarm would tell nothing.

    Down to OFTEN they are told however few images there are: by chance, one alarm or none.
    """
    areas, alarms = _mean(curve.auc(scores, masks), banks), scores.shape[1] / 2
    reached = zip(FALSE_POSITIVES, _true_positives(scores, masks), strict=True)
    rows = [
        (LEAKED + name, How(name, eps=eps), _mean(found, banks))
        for eps, found in reached
        if eps >= OFTEN or eps * alarms >= 1
    ]
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

    The bounds of all kinds hold together at 95 %, so the largest one is a bound as well.
    """
    began, kinds = time.monotonic(), planning.canary_kinds(bench.job.study)
    interval = "repeated-runs-95" if kind == "repeated" else "one-run-95"
    found = auditing.hear(ground, kind, step)
    each = (time.monotonic() - began) / len(found)
    for heard in found:
        bound = auditing.bound(heard, kind, ground.delta, curve.SIGNIFICANCE / len(kinds))
        model, how = candidate_of(bench, heard.budget), How(kind)
        shown = Measured(bound.epsilon, nan, nan, interval, bound.guesses)
        bench.emit(_row(bench, model, DEMONSTRATED + kind, shown, each, how))
        bench.emit(_row(bench, model, DEMONSTRABLE + kind, number(bound.ceiling, bound.guesses), each, how))


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
