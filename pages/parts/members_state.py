"""Which study the page about membership shows, what else it could, and what can be asked of the store."""

from dataclasses import dataclass

import streamlit as st

from engine import ledgers, planning, services
from engine.errors import FrontierError
from engine.jobs.progress import Status
from engine.results import ATTACKED
from engine.study import Study
from engine.threats import members
from engine.threats.members import Opening
from pages.parts import address, labels, members_words, notices, run_list
from pages.parts.titles import title

PAGE = "members"
STUDY, ATTACK, CHOSEN = "members-study", "members-attack", "members-attack-chosen"
TAMPERED = "members-tampered"  # whether the attack learns from images that were tampered with
OPENING = "opening"  # in place of a digest: what comes with Frontier
RECENT = 100  # studies that are offered


@dataclass(frozen=True)
class Shown:
    """What is drawn: what comes with Frontier, or a study of this store, measured already or not."""

    opening: Opening | None = None
    status: Status | None = None

    @property
    def study(self) -> Study:
        if self.opening is not None:
            return self.opening.study
        assert self.status is not None
        return self.status.study

    @property
    def digest(self) -> str:
        return OPENING if self.status is None else self.status.digest

    @property
    def asked(self) -> bool:
        """Leakage is among what this study measures."""
        return members.LEAKAGE in self.study.extras


def opening() -> Opening | None:
    """What comes with Frontier, unless its images are marked private here."""
    found = members.opening()
    return None if found is None or ledgers.private(found.study.dataset) else found


def offered() -> dict[str, Status]:
    """Studies that can be shown, by digest, measured ones first, then newest first.

    One that was asked again, with leakage, stands for itself. Left out are images marked private: no guarantee covers
    what attackers find of them (ledgers.passed_on).
    """
    recent = services.statuses(limit=RECENT)
    chosen = st.session_state.get(STUDY, OPENING)
    if chosen not in (OPENING, *(one.digest for one in recent)) and (older := services.status(chosen)):
        recent.append(older)
    closed = {name for name in {one.study.dataset for one in recent} if ledgers.private(name)}
    here = {one.digest: one for one in recent if one.study.dataset not in closed}
    found = {digest: one for digest, one in here.items() if _again(one.study) not in here}
    return dict(sorted(found.items(), key=lambda one: members.LEAKAGE not in one[1].study.extras))


def _again(study: Study) -> str | None:
    """The digest of the study that asks the same and what is given away; None for one that asks it already."""
    return None if members.LEAKAGE in study.extras else planning.digest(members.asking(study))


def read() -> None:
    """Take what is shown from the link; whoever comes by the navigation finds what was left."""
    now, came = address.read(PAGE)
    if came:
        st.session_state[STUDY] = now.get("study", OPENING)
        forget_attack()
        if "attack" in now:
            show_attack(now["attack"])
            choose_attack()


def show_attack(attack: str) -> None:
    """Set what the page asks for: the attack, and which images it learns from."""
    st.session_state[ATTACK] = attack.removesuffix(ATTACKED)
    st.session_state[TAMPERED] = attack.endswith(ATTACKED)


def attack() -> str:
    """The attack that the page asks for."""
    return f"{st.session_state.get(ATTACK, '')}{ATTACKED if st.session_state.get(TAMPERED) else ''}"


def choose_attack() -> None:
    """From now on this attack is shown, whichever proves to be the strongest."""
    st.session_state[CHOSEN] = True


def forget_attack() -> None:
    """The strongest attack of whatever is shown next."""
    for key in (ATTACK, TAMPERED, CHOSEN):
        st.session_state.pop(key, None)


def shown(choices: list[str], found: dict[str, Status]) -> Shown:
    """What stands chosen; the first of `choices`, and a word, where that is not here."""
    if st.session_state.setdefault(STUDY, choices[0]) not in choices:
        st.warning(members_words.NOT_HERE, icon=":material/link_off:")
        st.session_state[STUDY] = choices[0]
    chosen: str = st.session_state[STUDY]
    return Shown(opening=opening()) if chosen == OPENING else Shown(status=found[chosen])


def write() -> None:
    """Make the address say what is shown."""
    chosen = st.session_state.get(STUDY, OPENING)
    said = {} if chosen == OPENING else {"study": str(chosen)}
    address.write(PAGE, said | ({"attack": attack()} if st.session_state.get(CHOSEN) else {}))


def name(chosen: str, found: dict[str, Status]) -> str:
    """What a choice is called."""
    if chosen == OPENING:
        comes = members.opening()
        return members_words.OPENING.format(title("dataset", comes.study.dataset) if comes else "")
    status = found[chosen]
    more = "" if members.LEAKAGE in status.study.extras else members_words.UNMEASURED
    return f"{run_list.name(status)}, ε {labels.budgets(status.study)} ({chosen[:6]}){more}"


def measure(study: Study) -> None:
    """Ask for the same study with what it gives away; the page then shows how that comes in."""
    with notices.remember():
        st.session_state[STUDY] = services.submit(members.asking(study))
        forget_attack()


def seconds(study: Study) -> float | None:
    """About so long it takes; None when it cannot be asked, which the press then says."""
    try:
        return services.estimate(members.asking(study)).seconds
    except FrontierError:
        return None
