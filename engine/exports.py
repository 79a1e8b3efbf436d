"""A study's files to take home, the same for pages and the command line: what report.export makes of what is known.

Like engine.services: what goes wrong is a FrontierError whose message may be shown as it stands.
"""

from dataclasses import replace

from engine import ledgers, planning, services
from engine.data import entry
from engine.errors import BadInput
from engine.promise import Guarantees
from engine.report import figures, words
from engine.report.caption import Part
from engine.report.export import WIDTHS, Subject, exported, file_name
from engine.services import Choice
from engine.settings import Settings
from engine.study import Study


def export(
    digest: str,
    *formats: str,
    width: int = WIDTHS[-1],
    strength: float | None = None,
    settings: Settings | None = None,
) -> dict[str, bytes]:
    """Files by name of a study's results, in formats of report.export.FORMATS; pictures are `width` mm wide.

    `strength` is the attack marked on the charts (default: figures.default_strength). BadInput for anything unknown,
    and for a study without results.
    """
    subject = _subject(digest, strength, settings or Settings())
    if subject.withheld and subject.frame.empty:
        raise BadInput(subject.withheld)
    return {file_name(name, width): exported(subject, name, width) for name in formats}


def _subject(digest: str, strength: float | None, settings: Settings) -> Subject:
    if (found := services.status(digest, settings=settings)) is None:
        raise BadInput(f"study '{digest}' is unknown")
    study, frame = found.study, services.frame(digest, settings=settings)
    frame, known = ledgers.passed_on(study, frame, settings=settings), services.choices(settings=settings)
    data, model = _part(known.datasets, study.dataset), _part(known.models, study.model)
    attack = _attack([_part(known.attacks, name) for name in study.attack.names])
    if study.own:  # its facts are in the study, also when its images are gone
        data = replace(data, facts=entry.of(study).facts)
    return Subject(
        study=study,
        digest=digest,
        state=found.state,
        seconds=found.finished - found.started if found.finished and found.started else None,
        frame=frame,
        withheld=withheld(study, settings=settings),
        strength=figures.marked_strength(study.attack.eps or (), strength),
        parts=(data, model, attack),
        made=shipped.made if (shipped := services.origin(found)) else services.made_by(digest, settings=settings),
        together=_together(study, digest, settings),
        standing=services.standing(digest, settings=settings),
    )


def withheld(study: Study, *, settings: Settings | None = None) -> str:
    """What is left out of a study's files, as a sentence; "" when nothing is."""
    reason = ledgers.owner_only(study, settings=settings)
    return f"{reason} Those results are left out: they stay with the owner of the images." if reason else ""


def _together(study: Study, digest: str, settings: Settings) -> Guarantees | None:
    """What releasing all models of a study promises; None of one that another version trained in another way."""
    return services.guarantees(study, settings=settings) if planning.digest(study) == digest else None


def _attack(parts: list[Part]) -> Part:
    """What an image was attacked with: one attack, or the worst of several."""
    if len(parts) == 1:
        return parts[0]
    sources = words.listed([str(part.facts.get("source", part.name)) for part in parts])
    titles = words.listed([part.title.lower() for part in parts])
    return Part("+".join(part.name for part in parts), f"the worst, image by image, of {titles}", {"source": sources})


def _part(entries: tuple[Choice, ...], name: str) -> Part:
    """What an entry of a registry is called; its name when it is gone."""
    found = next((choice for choice in entries if choice.name == name), None)
    return Part(name, found.title, found.facts) if found else Part(name, name, {})
