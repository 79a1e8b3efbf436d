"""The words on the pages, in one place; docs/glossary.md explains them."""

import re
import time
from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

from engine.report import words
from engine.report.words import NBSP, budget, percent, strength
from engine.study import Study

__all__ = ["NBSP", "budget", "percent", "strength"]

Said = Callable[[str], str]  # what a name is called
Number = Callable[[float], str]  # how a number is said
JOINER = "\u2060"  # has no width, and lines are not broken at it
ADDRESS = re.compile("www(?=[.])|@|:(?=//)", re.IGNORECASE)  # after these an address must not go on

QUESTION = "What do privacy and robustness cost?"
VIEW = "View"
VIEWS = {
    "curves": "Curves",
    "map": "Map",
    "cost": "Cost",
    "promise": "Promise vs measured",
    "besides": "Everyday damage",
}
ONE_DEFENCE = (
    "Only one defence was tried on these images so far. Choose another under Advanced, such as adversarial training of "
    "a network, and compute it: both then stand here side by side."
)
READ_MAP = (
    "Click a cell or a mark to open its curves. Faint marks: another model is at least as private, as accurate and as "
    "robust."
)
OPEN_ONE = "Open the curves of:"
NOTHING_BESIDES = "This study measured its curves alone: choose **Everyday damage** under Advanced to see more."
NO_PROMISE = (
    "What the models of this study give away was not measured, so its promise stands alone. Measuring it trains more "
    "models on random halves of the images, attacks them, and puts canaries into further runs."
)
MEASURE_LEAKAGE = "Ask for it in the form"
SHOW_TABLE = "Show table"
PROMISE_MISSED = "This study ended before it was measured what its models give away."
MEMBERS_FOUND, MEMBERS_ALLOWED = "Members found at 1 % false alarms", "Theory allows at most"
PROMISE_LATER = "What the models give away is measured after the attacks: it appears here."
PROMISE_HELP = (
    "Promised: no attacker whatsoever can learn more than ε allows. Demonstrated: so much an audit has shown, by "
    "guessing which canaries (images with a wrong label, made-up images, or gradients that no other image has) were in "
    "one training run (arXiv:2305.08846), or in which of many runs one canary was (arXiv:2101.04535). Lower bounds; "
    "those of one budget hold together with 95 % confidence."
)
PROMISE_CAVEAT = (
    "A low bound is that of a weak attacker with few guesses: it does not prove that no more leaks. Only the promise "
    "holds against attacks that nobody has tried yet."
)
MEMBERS_CAVEAT = (
    "Members found: by {0}, the strongest of {1} attacks we tried, on {2} trained alike on random halves of a pool of "
    "the images."
)
LEAKAGE_HELP = (
    "Leakage: the share of training images that the strongest attack we tried picks out while it accuses 1 % of other "
    "images wrongly; whoever guesses finds 1 %."
)
LEAKAGE_COLUMN = "Leakage"
LEAKAGE_COLUMN_HELP = "Training images found at 1 % false alarms, with the 95 % interval over attacked models."
SMOOTHED_HELP = (
    "Of the model whose picture is shown in noise, many times, and whose answer is voted on (randomised smoothing). It "
    "is proved with 99.9 % confidence for each image, and says nothing of the model without noise."
)
EARLIER = "Showing earlier settings: the form asks for something else."
OTHER_IMAGES = "These curves are of **{0}**. The form asks for **{1}**: press Compute for those."
HINT = "New here? Smaller ε: more private. Stronger tampering: fewer recognised. Drag the round mark; press Quick try."
QUICK_TRY_HELP = "Small pictures of digits: your own curves in seconds, computed while you watch."
TARGETS = "Targets"
TARGETS_HELP = "What a model has to recognise. Budgets that do are shaded; empty: nothing is asked."
TARGET_CLEAN = "At least so many % of clean images"
TARGET_ATTACKED = "At least so many % when tampered with, at the mark"
SHARE_HELP = "This link brings back study, form, view, mark and targets. Opening it computes nothing."
TICKING = "Tick one study to see it in full, up to four to lay their curves over one another (or Shift+Space)."
IMAGES = "Images"
IMAGES_HELP = "What the models learn to recognise: the number is that of training images."
BUDGETS = "Privacy budgets ε"
BUDGETS_HELP = "How much any one image may change what is learned: smaller is more private."
BUDGET, LOST, TIME, MEMORY = "Privacy budget", "Points lost, clean", "Training time", "Memory"
STRENGTHS = "Attack strengths"
STRENGTHS_HELP = {
    "linf": "How far every pixel may be changed, in percent of full brightness (2 % is eps 0.02, or 5/255).",
    "l2": "How far the whole image may be moved: the L2 distance, with pixels from 0 to 1.",
    "spatial": "How far an image may be turned, shifted, scaled, sheared: in percent of the largest transform.",
}
MODEL = "Model"
DEFENCE, NO_DEFENCE = "Defence", "No defence"
DEFENCE_HELP = (
    "What is done while the model learns: attacked pictures, or pictures turned and moved. It works with privacy, too: "
    "an image's attacked picture is made from that image alone. The fast models learn from features made once: choose "
    "a network."
)
GUARD, NO_GUARD = "Before the model", "Nothing"
GUARD_HELP = "What every picture passes through before the model sees it. Attacks know it and see through it."
EXTRAS_TITLE = "Measured besides"
EXTRAS = {
    "corruptions": "Everyday damage",
    "certificates": "A floor no attack passes",
    "smoothing": "Certified in noise",
    "leakage": "What the model gives away",
}
EXTRAS_HELP = (
    "Everyday damage: fifteen corruptions such as noise, blur and fog. A floor: what interval bounds prove, for small "
    "networks. In noise: what randomised smoothing proves of the same model, for distances (L2). "
    "What it gives away: attacks that tell who was in the training data, on models trained alike. It takes minutes."
)
ATTACK = "Attacks"
ATTACK_HELP = (
    "An image counts as recognised only if every attack chosen here fails on it. The usual three are hard to beat "
    "together; a single weak one makes a bad model look good."
)
NORM = "What an attack may change"
NORM_HELP = (
    "Linf: no pixel changes by more than the strength. L2: the whole change has at most this length. Attacks offered "
    "together have to know it all."
)
NORMS = {
    "linf": "Every pixel, a little (Linf)",
    "l2": "The whole image, by a distance (L2)",
    "spatial": "Where things are: turns, shifts, shears",
}
WHOLE = {"linf": "full brightness", "spatial": "the largest transform"}
SOURCE = "Pictures from"
SOURCE_HELP = "The study whose least private model lends its pictures: what fools that one is tried here."
STEPS = "Attack steps"
STEPS_HELP = "Fewer steps flatter the model."
ATTACKED = "Test images attacked"
ATTACKED_HELP = "The first test images. More of them make intervals narrower, and take longer."
REPEATS = "Repeats"
REPEATS_HELP = "Models trained at each budget (seeds); models of one pass share their batches."
ATTACKED_REPEATS = "Repeats attacked"
ATTACKED_REPEATS_HELP = "How many of the models trained at each budget are attacked, too."
MODE = "Noise"
MODES = {"reproducible": "reproducible (seeded)", "private": "private (secret)"}
MODE_HELP = (
    "Reproducible: noise follows from the images and the repeat's number (the seed). For teaching and public data: "
    "publishing the seed voids the guarantee. Private: cryptographic noise of which nothing is kept, and a resumed job "
    "draws anew; not hardened against floating-point attacks."
)
BATCHES = "Batches"
OWN_BATCHES = "Each model draws its own batches"
OWN_BATCHES_HELP = (
    "Otherwise the models of one pass share batches: quicker, but releasing all of them together costs more privacy. "
    "Takes longer: the button says how much."
)
OWN_BATCHES_ANYWAY = "Models that train one by one draw their own batches anyway."
CLIP_ONLY = "Clipping alone"
ALSO_CLIP = "Also clip without noise"
ALSO_CLIP_HELP = (
    "One more baseline, trained as the largest budget is but without its noise: what of the cost is due to clipping "
    "gradients. It promises nothing."
)
DELTA = "Chance that the promise fails (δ)"
DELTA_HELP = "A simplification. Exactly: the δ of (ε, δ)-differential privacy, which has to stay below 1/N."
MORE_BUDGETS = "More privacy budgets"
MORE_BUDGETS_HELP = "From 0.05 to 100, or none; several with commas."
MORE_STRENGTHS = "More attack strengths"
MORE_STRENGTHS_HELP = "In percent of full brightness, or a distance; several with commas."
STORIES = "Stories"
PUBLISHED, MEASURED = "published", "measured here"
PAPER_SAYS = "What is published:"
NOT_YET_RUN, NOT_MEASURED = "Not yet run here", "not measured yet"
RUN_IT = "**Not yet run here.** The star is what others published; press Run to measure the same beside it."
RUN_IT_ALONE = "**Not yet run here.** Press Run to measure it."
IMAGES_MISSING = "**Not yet run here:** its images are not on this machine. Below it says how to get them."
OPEN_IN_TRADEOFF = "Open in Trade-off"
VERDICT_HELP = (
    "Reproduced: the published number lies within our interval, that of 95 % over test images, widened to the smallest "
    "and largest of the repeats. One repeat decides nothing. The rule was fixed before anything was measured."
)
CHANCE_HELP = (
    "Hardly more than chance: the interval holds the share that blind guessing finds, or ends within half a point of "
    "it, and so it is at every smaller budget. The rule was fixed before anything was measured."
)
GUARANTEE = {
    "reproducible": "reproducible: no guarantee once the seed is known",
    "private": "private: secret noise, not hardened against floating-point attacks",
}
UNIT = "one image added or removed"
STAGES = {
    "": "starting",
    "data": "reading the images",
    "noise": "working out how much noise the promise needs",
    "features": "preparing the images, once",
    "train": "training",
    "attack": "attacking",
    "check": "checking the attacks",
    "extras": "measuring everyday damage and guarantees",
    "leakage": "measuring what the models give away",
}
FINDING_HELP = (
    "Points are percentage points of test images. In brackets: the 95 % interval of the difference. Where the "
    "intervals of two models overlap we say that there is no difference we can measure."
)
TERMS = {  # what a reader is told about a word; docs/glossary.md says more
    "scattering-linear": "scattering-linear: fixed wavelet features and one linear layer, which trains in seconds.",
    "log-scattering": "log-scattering: logarithms of wavelet features and one linear layer, trained in coordinates in "
    "which made-up pictures vary about evenly.",
    "cnn": "cnn: two convolutions with tanh, one model at a time.",
    "fast-cnn": "fast-cnn: two convolutions with ReLU and a wide layer, quick enough to be attacked at every step.",
    "scattering-cnn": "scattering-cnn: the fast model's wavelet features, seen by two convolutions with tanh.",
    "resnet": "resnet: seven convolutions with ways around them, normalised in groups of channels.",
    "lstm": "lstm: a recurrent network that reads an image row by row.",
    "autoencoder": "autoencoder: draws each image again from 64 numbers, and tells its class from them.",
    "pretrained-linear": "pretrained-linear: one linear layer on features learned from ImageNet. They count as public: "
    "epsilon covers your images alone.",
    "attacked models": "Models trained alike, at each budget: each is attacked with all the others, of which a coin "
    "said for every image who learns from it. A share is the mean over them.",
    "repeats": "Models trained alike but for their random numbers (seeds). Private repeats of the fast model share "
    "batches: their spread is that of the noise.",
    "interval": "95 % Wilson interval over test images, widened to the smallest and largest of several repeats.",
    "pgd": "PGD: repeated small steps that raise the loss, kept within the attack strength (arXiv:1706.06083). Results "
    "are upper bounds: a stronger attack may break more.",
    "fmn+apgd+apgd-t": "FMN looks for the smallest change that is misread (arXiv:2102.12827); APGD climbs the loss "
    "where an image still stands, and APGD-T towards each likely wrong class (arXiv:2003.01690). An image counts only "
    "if all fail. Results are upper bounds: a stronger attack may break more.",
    "fgsm": "FGSM: one step along the sign of the gradient (arXiv:1412.6572). A weak attack: it flatters the model.",
    "unit": "The promise compares training with and without any one image. Several images of one person are not one "
    "unit.",
    "delta": "Chance that the promise fails: a simplification. Exactly: P[S] <= exp(ε) P'[S] + δ for any outcomes S "
    "and any two training sets that differ in one image.",
    "reproducible": "The noise follows from the training images, the study and the repeat's number. Whoever has all "
    "three can take it away.",
    "private": "Sampling and noise come from a cryptographic stream that is not kept: nobody can take the noise away. "
    "Not hardened against floating-point attacks: who sees every digit of the weights may learn a little more.",
    "one model alone": "Whoever sees several models of the same images learns more than from any one of them: below, "
    "'What the whole study costs' adds them up.",
    "clipping alone": "Trained as the largest budget is, with gradients clipped and no noise: a baseline that promises "
    "nothing.",
    "epsilon": "Privacy budget: how much one training image may change what is learned. Smaller is more private.",
    "noise_multiplier": "Standard deviation of the noise on a summed gradient, in units of the clipping norm.",
    "sample_rate": "Chance that an image is in a batch: Poisson sampling, the same for each image and step.",
    "train_steps": "Steps of training; each one spends budget.",
    "max_grad_norm": "Largest L2 norm of one image's gradient; longer ones are shortened to it.",
    "accountant": "How steps, noise and sampling become an epsilon. PLD: privacy loss distributions, rounded so that "
    "the stated epsilon is never overspent.",
    "tuning": "Learning rates, lengths and features were chosen on validation splits of training images. Choosing them "
    "on private data would cost budget that is not counted.",
    "floating point": "The promise holds for real numbers. Noise in a computer has finitely many digits, and this "
    "one is not hardened against floating-point attacks.",
    "composition": "Laplace answers add up their ε. Gaussian answers of standard deviations s are together one of "
    "(sum of 1/s²)^(-1/2), whose ε is computed exactly at δ (arXiv:1805.06530).",
    "analytic": "The least normal noise for (ε, δ), by Balle and Wang (arXiv:1805.06530); Laplace noise has the scale "
    "1/ε. One image changes the count by 1.",
    "agreement": "The cosine between the noisy sum and the sum of the gradients as they were: 1 is the same direction, "
    "0 is none.",
    "line of attack": "Members found (TPR) are bounded by outsiders accused (FPR): TPR <= exp(e) FPR + δ(e) for every "
    "real e, δ(e) from the privacy loss distribution of the training, rounded so that the line is never too low. From "
    "(ε, δ) alone: the smaller of exp(ε) FPR + δ and 1 - exp(-ε) (1 - δ - FPR).",
    "computed earlier": "This study came with Frontier, computed by this engine before; assets/starter says how:",
}
SWEEP = "What the whole study costs"
SWEEP_SOON = "Adding up what all models together give away"
SWEEP_HELP = (
    "Whoever sees several models of the same images learns more than from any one of them. Models that draw the same "
    "batches with noise of their own are, step by step, one with less noise; models with batches of their own add up "
    "one after another."
)
SWEEP_COLUMNS = {
    "One model alone": "When this model is released, and no other.",
    "Best of about 10 tries": "When about ten models like it are trained and only the best is released. Holds if the "
    "number of tries is random and drawn beforehand, each try has its own settings, batches and noise, the best is "
    "judged on public data or within the budget, and nobody sees the others (arXiv:2110.03620).",
}
UNPROTECTED = (
    "What no noise hides (models without privacy or with clipping alone, what attacks find out of single images) comes "
    "with no guarantee: no ε counts it."
)
SIDE_HELP = "Every picture is resized to this square. More pixels show more, take longer and need more memory."
OPEN = "Open"
OWNER_ONLY = "They stay with the owner of the images: there is no link to them."
FEW = 6  # values of a grid that are all named
STATES = {"queued": "Waiting", "running": "Running", "done": "Done", "failed": "Failed", "stopped": "Stopped"}
EXPORT = "Export"
EVERYTHING = "Download everything (zip)"
EVERYTHING_HELP = "Figures for paper, the numbers, and how they were measured."
FIGURES = {90: f"Figure, 90{NBSP}mm", 180: f"Figure, 180{NBSP}mm"}
PROMISE_FIGURES = {90: f"Promise, 90{NBSP}mm", 180: f"Promise, 180{NBSP}mm"}
PROMISE_NUMBERS = "Promise, numbers"
NUMBERS, ABOUT = "Numbers", "What it is"
FILES = {
    "png": "PNG",
    "svg": "SVG",
    "pdf": "PDF",
    "csv": "CSV",
    "parquet": "Parquet",
    "json": "JSON",
    "caption": "Caption",
    "study": "study.json",
}


def term(said: str, key: str, more: str = "") -> str:
    """A word, as HTML, that explains itself (TERMS, and `more`) when it is pointed at or reached by keyboard.

    >>> term("a < b", "nobody knows")
    'a &lt; b'
    """
    told = TERMS.get(key)
    if told is None:
        return escape(said)
    word, tip = escape(said), escape(f"{told} {more}".strip())
    return f'<span class="frontier-term" tabindex="0" aria-label="{word}: {tip}" data-said="{tip}">{word}</span>'


def unbroken(text: str) -> str:
    """Text of a file, with numbers that stay beside their sign.

    >>> unbroken("at ε 3 it is 86.0 %") == f"at ε{NBSP}3 it is 86.0{NBSP}%"
    True
    """
    return re.sub(r"(?<=ε) (?=\d)|(?<=\d) (?=%)", NBSP, text)


def number(epsilon: float) -> str:
    """A budget on a button, where its sign stands above."""
    return words.tick(epsilon)


def images(title: str, facts: dict[str, Any], available: bool = True) -> str:
    """A data set as one chooses it.

    >>> images("MNIST", {"n_train": 60000}, available=False)
    'MNIST (60,000) - not on this machine'
    """
    return f"{title} ({facts['n_train']:,})" + ("" if available else " - not on this machine")


def here(title: str, available: bool) -> str:
    """A model or an attack as one chooses it, in a narrow column."""
    return title + ("" if available else " - not here")


def counted(facts: dict[str, Any]) -> str:
    """How many images of which size a data set has.

    >>> counted({"n_train": 1437, "n_test": 360, "shape": (1, 8, 8), "classes": "ab"}).replace(NBSP, " ")
    '1,437 training and 360 test images, 8 × 8, grey, 2 classes'
    """
    channels, height, width = facts["shape"]
    size = f"{height}{NBSP}×{NBSP}{width}, {'grey' if channels == 1 else 'colour'}"
    return f"{facts['n_train']:,} training and {facts['n_test']:,} test images, {size}, {len(facts['classes'])} classes"


def duration(seconds: float) -> str:
    """Seconds as one says them.

    >>> [duration(s).replace(NBSP, " ") for s in (0.2, 9.6, 48, 200, 7400)]
    ['1 s', '10 s', '50 s', '3 min', '2 h']
    """
    if seconds < 10:
        return f"{max(1, round(seconds))}{NBSP}s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)}{NBSP}s"
    return f"{round(seconds / 60)}{NBSP}min" if seconds < 5400 else f"{round(seconds / 3600)}{NBSP}h"


def exact_duration(seconds: float) -> str:
    """Measured seconds, with two digits that count.

    >>> [exact_duration(s).replace(NBSP, " ") for s in (0.0312, 8.44, 1400)]
    ['0.031 s', '8.4 s', '1,400 s']
    """
    return f"{seconds:,.0f}{NBSP}s" if seconds >= 10 else f"{seconds:.2g}{NBSP}s"


def rounded_up(epsilon: float) -> float:
    """With three digits that count, and never less: no more is promised than holds.

    >>> rounded_up(27.6123), rounded_up(8.0), rounded_up(0.5)
    (27.7, 8.0, 0.5)
    """
    scale = 10.0 ** (2 - floor(log10(epsilon))) if epsilon > 0 else 1.0
    return ceil(round(epsilon * scale, 6)) / scale


def memory(n_bytes: float) -> str:
    """
    >>> memory(3.4e6).replace(NBSP, " ")
    '3.4 MB'
    """
    return size(round(n_bytes))


def small(value: float) -> str:
    """
    >>> small(1e-5), small(6.96e-05)
    ('1e-5', '6.96e-5')
    """
    return f"{value:.4g}".replace("e-0", "e-")


def place(number: int) -> str:
    """
    >>> [place(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def day(seconds: float) -> str:
    """A day (seconds since 1970) in this machine's own time."""
    return time.strftime("%Y-%m-%d", time.localtime(seconds))


def moment(seconds: float) -> str:
    """A point in time (seconds since 1970) in this machine's own time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def span(values: Sequence[float], said: Sequence[str]) -> str:
    """A grid in short: all of it when it is small, else its ends and how many there are.

    >>> span((1.0, 3.0, 8.0), ("1", "3", "8")), span(range(9), "123456789")
    ('1, 3, 8', '1 to 9 (9)')
    """
    if len(values) <= FEW:
        return ", ".join([*(one.removesuffix(f"{NBSP}%") for one in said[:-1]), said[-1]])
    return f"{said[0]} to {said[-1]} ({len(values)})"


def budgets(study: Study) -> str:
    """The budgets of a study in short."""
    return span(study.privacy.epsilons, [number(epsilon) for epsilon in study.privacy.epsilons])


def strengths(study: Study) -> str:
    """The attack strengths of a resolved study in short."""
    radii = [eps for eps in study.attack.eps or () if eps > 0] or [0.0]
    return span(radii, [words.strength(eps, study.attack.norm) for eps in radii])


def points(n: int) -> str:
    return f"{n:,} {'result' if n == 1 else 'results'}"


def repeats(n: int) -> str:
    return "1 repeat" if n == 1 else f"{n:,} repeats"


def models(n: int) -> str:
    return "1 model" if n == 1 else f"{n:,} models"


def studies(n: int) -> str:
    return "1 study" if n == 1 else f"{n:,} studies"


def size(n_bytes: int) -> str:
    """How large files are.

    >>> [size(n).replace(NBSP, " ") for n in (0, 700, 3_400_000, 2_600_000_000)]
    ['0 kB', '1 kB', '3.4 MB', '2.6 GB']
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.3g}{NBSP}{name}"
    return f"{-(-n_bytes // 1000)}{NBSP}kB"


def first_words(text: str, most: int = 60) -> str:
    """The beginning of a text in one line.

    >>> first_words("one\\ntwo three", 9)
    'one two …'
    """
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def plain(text: str) -> str:
    """Text that stands in Markdown as it is: nothing in it is a link, a colour, an icon or a formula.

    Markdown makes links of bare addresses even where every sign is escaped, so these are parted where nobody sees it.

    >>> print(plain("*a* [b](c)"))
    \\*a\\* \\[b\\]\\(c\\)
    >>> print(plain("www.a").replace(JOINER, "|"), plain("a@b").replace(JOINER, "|"))
    www|\\.a a\\@|b
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", ADDRESS.sub(rf"\g<0>{JOINER}", text))


# the self-check
WHAT_WAS_CHECKED = "What was checked"
CHECKED_SOURCE = "[arXiv:1902.06705](https://arxiv.org/abs/1902.06705)"
CHECKED = (
    "A weak attack makes a bad model look good. So after each curve the attacks are run again from scratch on {n} "
    "images that the model recognises, around the strength where about half of them break, and looked at as {source} "
    "asks."
)
CHECKS = {  # what each check is called, and what a warning would mean
    "zero_gradients": (
        "There is a slope to climb",
        "Where the gradient is exactly zero, attacks that follow it stand still, and the model only looks robust: its "
        "gradients are masked.",
    ),
    "randomised": (
        "The same picture gets the same answer",
        "A model that draws random numbers confuses an attack that sees one draw: it has to be attacked on average.",
    ),
    "noise": ("Random noise is weaker than the attack", "An attack that noise beats is not looking for anything."),
    "one_step": (
        "Many steps beat one",
        "One step that breaks more than many means that the many run astray: the loss surface misleads them.",
    ),
    "twice_the_steps": (
        "Twice the steps change little",
        "If more steps break more, the attack had not arrived: the curve would still fall.",
    ),
    "half_the_radius": (
        "More strength breaks more",
        "What breaks within a small ball lies in the larger one, too: less success there is the attack's failure.",
    ),
    "every_picture": (
        "With every picture allowed, everything breaks",
        "An attack that may draw any picture and still fails is not working.",
    ),
    "black_box": (
        "Attacks without gradients find nothing more",
        "What falls to guesses but not to gradients has gradients that hide the way.",
    ),
    "transfer": (
        "Pictures made for other models find nothing more",
        "What falls to another model's pictures but not to its own gradients has gradients that hide the way.",
    ),
}
