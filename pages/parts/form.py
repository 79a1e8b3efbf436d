"""The form that makes a study. What it holds is checked by the engine; its limits here are only a convenience."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import streamlit as st

from engine import planning, services
from engine.errors import BadInput, DataMissing
from engine.report import words
from engine.services import Choice, Choices
from engine.study import WORST, Study, number, parse
from pages.parts import labels
from pages.parts.titles import heading

BUDGETS = (0.5, 1.0, 3.0, 8.0, inf)
DEFAULT = "digits"


@dataclass(frozen=True)
class Asked:
    """What the form asks for: a resolved study and its digest, or the sentence that says what is wrong."""

    dataset: str
    study: Study | None
    digest: str
    problem: str


class Form:
    """The widgets, filled with a study: the one shown, else the defaults. They keep what a person changes."""

    def __init__(self, choices: Choices, shown: Study | None) -> None:
        self.data = {choice.name: choice for choice in choices.datasets}
        self.models = {choice.name: choice for choice in choices.models}
        self.attacks = {choice.name: choice for choice in choices.attacks}
        self.defences = {choice.name: choice for choice in choices.defences}
        self.shown = shown if shown and shown.dataset in self.data else None
        self.missing = ""
        self.values: dict[str, Any] = {}
        self.buttons = self.notices = st.empty()

    def draw(self) -> Asked:
        """The main row, room for buttons, and everything else under Advanced."""
        left, middle, right = st.columns([1.05, 1.3, 1.6], gap="medium")
        with left:
            dataset = self._images()
        with middle:
            self._budgets(dataset)
        self.notices = st.container()
        self.buttons = st.container(horizontal=True, vertical_alignment="center")
        if self.shown and dataset.name != self.shown.dataset:
            self.missing = self.data[self.shown.dataset].remedy
        with st.expander("Advanced", icon=":material/tune:"):
            self._advanced(dataset)
        with right:
            self._strengths(dataset)
        return self._asked(dataset)

    def _start(self, key: str, value: Any) -> str:
        """The key of a widget, with what it holds until somebody changes it."""
        st.session_state.setdefault(key, value)
        return key

    def _like(self, dataset: Choice) -> Study | None:
        """The study shown, if it is about this data set."""
        return self.shown if self.shown and self.shown.dataset == dataset.name else None

    def _images(self) -> Choice:
        if st.session_state.get("form-data", DEFAULT) not in self.data:  # deleted meanwhile
            del st.session_state["form-data"]
        name = st.selectbox(
            labels.IMAGES,
            sorted(self.data, key=lambda name: not self.data[name].available),
            format_func=lambda name: labels.images(
                self.data[name].title, self.data[name].facts, self.data[name].available
            ),
            key=self._start("form-data", self._first()),
            help=labels.IMAGES_HELP,
        )
        return self.data[name]

    def _first(self) -> str:
        """The data set shown, unless its images are not here: then the one that always is, and the remedy is said."""
        if self.shown is None:
            return DEFAULT
        return self.shown.dataset if self.data[self.shown.dataset].available else DEFAULT

    def _budgets(self, dataset: Choice) -> None:
        like = self._like(dataset)
        chosen = like.privacy.epsilons if like else BUDGETS
        options = sorted({*BUDGETS, *chosen, *(self.shown.privacy.epsilons if self.shown else ())})
        self.values["epsilons"] = st.pills(
            labels.BUDGETS,
            options,
            selection_mode="multi",
            wrap=True,
            format_func=labels.number,
            help=labels.BUDGETS_HELP,
            key=self._start("form-budgets", list(chosen)),
        )

    def _strengths(self, dataset: Choice) -> None:
        norm = self.values["norm"]
        like = self._like(dataset)
        own = like.attack.eps if like and like.attack.norm == norm and like.attack.eps else ()
        usual = planning.usual_radii(dataset.facts, norm)
        options = [eps for eps in sorted({*usual, *own}) if eps > 0]
        chosen = [eps for eps in own or usual if eps > 0]
        self.values["eps"] = st.pills(
            labels.STRENGTHS,
            options,
            selection_mode="multi",
            wrap=True,
            format_func=lambda eps: words.strength(eps, norm),
            help=labels.STRENGTHS_HELP[norm],
            key=self._start(f"form-strengths-{dataset.name}-{norm}", chosen),
        )

    def _advanced(self, dataset: Choice) -> None:
        like = self._like(dataset) or parse({"dataset": dataset.name})
        attacks = self._chosen_attacks(like.attack.names)
        first, second, third = st.columns(3, gap="medium")
        with first:
            self._choose("model", labels.MODEL, self.models, like.model)
            self._defence(like)
            self._count("seeds", labels.REPEATS, like.seeds, 1000, labels.REPEATS_HELP)
        with second:
            self._how_attacked(dataset, like, attacks)
        with third:
            self._delta(dataset)
            self._more("more_epsilons", labels.MORE_BUDGETS, "for example 0.25, 2", labels.MORE_BUDGETS_HELP)
            self._how_private(like)
        self._extras(like)

    def _how_attacked(self, dataset: Choice, like: Study, attacks: list[Choice]) -> None:
        """What attacks may change, how hard they try, and on how many images and models."""
        self._norm(attacks, like.attack.norm)
        self._source(dataset, like.attack.source)
        still = attacks and not any(attack.facts["iterative"] for attack in attacks)
        self._count("steps", labels.STEPS, like.attack.steps, 1000, labels.STEPS_HELP, bool(still))
        hint = "for example 0.75, 1.5" if self.values["norm"] == "l2" else "in %, for example 4, 7.5"
        self._more("more_eps", labels.MORE_STRENGTHS, hint, labels.MORE_STRENGTHS_HELP)
        most, trained = dataset.facts["n_test"], self.values["seeds"] or 1
        self._count("images", labels.ATTACKED, min(like.attack.images, most), most, labels.ATTACKED_HELP)
        attacked, tip = min(like.attack.seeds, trained), labels.ATTACKED_REPEATS_HELP
        self._count("attack_seeds", labels.ATTACKED_REPEATS, attacked, trained, tip)

    def _how_private(self, like: Study) -> None:
        """Where noise comes from, whose batches are whose, and the baseline between privacy and none."""
        mode = self._start("form-mode", like.privacy.mode)
        self.values["mode"] = st.selectbox(
            labels.MODE, list(labels.MODES), format_func=_mode, key=mode, help=labels.MODE_HELP
        )
        together = bool(self.models[self.values["model"]].facts["one_pass"])
        self._tick(
            "independent_batches",
            labels.OWN_BATCHES,
            like.privacy.independent_batches,
            labels.OWN_BATCHES_HELP if together else labels.OWN_BATCHES_ANYWAY,
            off=not together,
        )
        self._tick("clip_only", labels.ALSO_CLIP, like.privacy.clip_only, labels.ALSO_CLIP_HELP)

    def _defence(self, like: Study) -> None:
        """How the model is trained, and what stands before it."""
        for field, kind, first, label, tip in (
            ("defence", "training", like.defence.training, labels.DEFENCE, labels.DEFENCE_HELP),
            ("guard", "input", like.defence.input, labels.GUARD, labels.GUARD_HELP),
        ):
            none = labels.NO_DEFENCE if kind == "training" else labels.NO_GUARD
            names = ["none", *(name for name, one in self.defences.items() if one.facts["kind"] == kind)]
            self.values[field] = st.selectbox(
                label,
                names,
                format_func=partial(_defence_title, none),
                key=self._start(f"form-{field}", first),
                help=tip,
            )

    def _extras(self, like: Study) -> None:
        self.values["extras"] = st.pills(
            labels.EXTRAS_TITLE,
            list(labels.EXTRAS),
            selection_mode="multi",
            format_func=labels.EXTRAS.__getitem__,
            key=self._start("form-extras", list(like.extras)),
            help=labels.EXTRAS_HELP,
        )

    def _tick(self, field: str, label: str, first: bool, tip: str, off: bool = False) -> None:
        self.values[field] = st.checkbox(label, key=self._start(f"form-{field}", first), help=tip, disabled=off)

    def _choose(self, field: str, label: str, choices: dict[str, Choice], first: str) -> Choice:
        key = self._start(f"form-{field}", first)
        name = st.selectbox(
            label,
            _offered(choices),
            format_func=lambda name: labels.here(heading(field, name), choices[name].available),
            key=key,
            help=choices[st.session_state[key]].doc,
        )
        self.values[field] = name
        return choices[name]

    def _chosen_attacks(self, first: Sequence[str]) -> list[Choice]:
        """The attacks that an image has to withstand, the usual ones before the others."""
        self.values["names"] = st.multiselect(
            labels.ATTACK,
            sorted(self.attacks, key=lambda name: (name not in WORST, WORST.index(name) if name in WORST else 0)),
            format_func=lambda name: heading("attack", name),
            key=self._start("form-names", [name for name in first if name in self.attacks]),
            help=labels.ATTACK_HELP,
            placeholder="at least one",
            wrap=True,
        )
        return [self.attacks[name] for name in self.values["names"]]

    def _source(self, dataset: Choice, first: str | None) -> None:
        """The study whose model lends its pictures, where an attack needs one."""
        self.values["source"] = None
        if not any(self.attacks[name].facts.get("needs") == "source" for name in self.values["names"]):
            return
        known = services.lenders(dataset.name)
        key = self._start(f"form-source-{dataset.name}", first if first in known else next(iter(known), None))
        self.values["source"] = st.selectbox(
            labels.SOURCE, list(known), format_func=lambda digest: known[digest], key=key, help=labels.SOURCE_HELP
        )

    def _norm(self, chosen: Sequence[Choice], first: str) -> None:
        each = [attack.facts["norms"] for attack in chosen] or [tuple(labels.NORMS)]
        norms = [norm for norm in labels.NORMS if all(norm in known for known in each)] or list(each[0])
        key = self._start("form-norm", first if first in norms else norms[0])
        if st.session_state[key] not in norms:
            st.session_state[key] = norms[0]
        self.values["norm"] = st.selectbox(
            labels.NORM, norms, format_func=labels.NORMS.__getitem__, key=key, help=labels.NORM_HELP
        )

    def _count(self, field: str, label: str, first: int, most: int, tip: str | None = None, off: bool = False) -> None:
        key = self._start(f"form-{field}" + (f"-{most}" if field in ("images", "attack_seeds") else ""), first)
        self.values[field] = st.number_input(
            label, min_value=1, max_value=most, step=1, key=key, help=tip, disabled=off
        )

    def _delta(self, dataset: Choice) -> None:
        like = self._like(dataset)
        usual = services.resolve(parse({"dataset": dataset.name})).privacy.delta
        first = (like.privacy.delta if like else usual) or 0.0
        key = self._start(f"form-delta-{dataset.name}", labels.small(first))
        typed = st.text_input(labels.DELTA, key=key, help=labels.DELTA_HELP)
        self.values["delta"] = first if typed == labels.small(first) else typed  # what is shown is rounded

    def _more(self, field: str, label: str, hint: str, tip: str) -> None:
        self.values[field] = st.text_input(label, key=self._start(f"form-{field}", ""), placeholder=hint, help=tip)

    def _asked(self, dataset: Choice) -> Asked:
        try:
            study = services.resolve(parse(self._plain(dataset)))
        except (BadInput, DataMissing) as error:
            return Asked(dataset.name, None, "", str(error))
        for needed in (dataset, self.models[study.model]):
            if not needed.available:
                return Asked(dataset.name, None, "", needed.remedy)
        return Asked(dataset.name, study, planning.digest(study), "")

    def _defended(self, dataset: Choice) -> dict[str, Any]:
        """With the radius that the study shown was trained at, where this is still its defence."""
        chosen = {"training": self.values["defence"], "input": self.values["guard"]}
        like = self._like(dataset)
        same = like is not None and like.defence.training == chosen["training"]
        return chosen | ({"eps": like.defence.eps} if like is not None and same else {})

    def _plain(self, dataset: Choice) -> dict[str, Any]:
        values = self.values
        if not values["names"]:
            raise BadInput("Choose at least one attack.")
        if not values["eps"] and not values["more_eps"].strip():
            raise BadInput("Choose at least one attack strength.")
        if not values["epsilons"] and not values["more_epsilons"].strip():
            raise BadInput("Choose at least one privacy budget.")
        norm = values["norm"]
        return {
            "dataset": dataset.name,
            "model": values["model"],
            "seeds": values["seeds"],
            "extras": values["extras"],
            "defence": self._defended(dataset),
            "privacy": {
                "epsilons": [*values["epsilons"], *_listed(values["more_epsilons"].replace("none", "inf"))],
                "delta": number("delta", values["delta"]),
                "mode": values["mode"],
                "independent_batches": values["independent_batches"],
                "clip_only": values["clip_only"],
            },
            "attack": {
                "names": values["names"],
                "source": values["source"],
                "norm": norm,
                "eps": [
                    *values["eps"],
                    *(_radius(text, norm) for text in _listed(values["more_eps"].replace("%", " "))),
                ],
                "steps": values["steps"],
                "images": values["images"],
                "seeds": values["attack_seeds"],
            },
        }


def _defence_title(none: str, name: str) -> str:
    return none if name == "none" else heading("defence", name)


def _mode(mode: str) -> str:
    return labels.MODES[mode].capitalize()


def _offered(choices: dict[str, Choice]) -> list[str]:
    """What is here before what is not; of models, those that train in one pass first, the usual one before all."""
    usual = Study().model
    return sorted(
        choices,
        key=lambda name: (not choices[name].available, not choices[name].facts.get("one_pass"), name != usual),
    )


def _listed(text: str) -> list[str]:
    return text.replace(",", " ").replace(";", " ").split()


def _radius(text: str, norm: str) -> float:
    """A strength as it was typed: percent of full brightness, or a distance."""
    value = number("attack strength", text)
    if norm == "l2":
        return value
    if not 0 <= value <= 100:
        raise BadInput(f"attack strength {value:g} % is not in 0 to 100 % of {labels.WHOLE[norm]}")
    return value / 100


def forget() -> None:
    """Empty the form, so that it is filled anew from the study that is shown."""
    for key in [key for key in st.session_state if str(key).startswith("form-")]:
        del st.session_state[key]
