"""The commands of the privacy ledger: `python -m engine ledger --help`. They alone decide anything about it."""

from math import inf
from typing import Annotated

import typer

from engine.errors import FrontierError

ledger = typer.Typer(help="What was spent of each data set's privacy, and what its owner allows.")
Dataset = Annotated[str, typer.Argument(help="A data set, as `ledger` lists it.")]


def say(sentence: str) -> None:
    """To whoever sits at the terminal: results go to standard output."""
    typer.echo(sentence, err=True)


@ledger.callback(invoke_without_command=True)
def list_ledgers(context: typer.Context) -> None:
    """List what was spent of each data set."""
    from engine import ledgers
    from engine.terminal import print_ledgers

    if context.invoked_subcommand is None:
        print_ledgers([ledgers.statement(name) for name in ledgers.names()])


@ledger.command()
def cap(
    name: Dataset,
    epsilon: Annotated[float, typer.Argument(help="What may be spent at most; inf lifts a cap.")],
    delta: Annotated[float | None, typer.Option(help="At this delta [the smaller of 1e-5 and 1/(10 N)].")] = None,
    uncounted: Annotated[bool, typer.Option("--uncounted", help="Although studies from before are not in it.")] = False,
) -> None:
    """Set what may be spent: a study that would pass it is refused before it starts.

    Another cap takes the place of the one before. Below what is spent it refuses all that follows.
    """
    from engine import ledgers

    for member in ledgers.set_cap(name, epsilon, delta, uncounted=uncounted):
        rule = f"at most {epsilon:g} from now on, by studies in mode private alone" if epsilon < inf else "no cap"
        say(f"{member}: {rule}.")


@ledger.command()
def private(name: Dataset) -> None:
    """Mark a data set as private: results without a guarantee are neither linked nor exported."""
    from engine import ledgers

    for member in ledgers.mark(name, private=True):
        say(f"{member}: private. Results without a guarantee stay on this machine.")


@ledger.command()
def public(name: Dataset) -> None:
    """Mark a data set as public: whatever is computed with it may be linked and exported."""
    from engine import ledgers

    for member in ledgers.mark(name, private=False):
        say(f"{member}: public. Whatever is computed with it may be linked and exported; a cap stays as it is.")


@ledger.command()
def check() -> None:
    """Check that no row was changed, removed or moved, and say where each ledger stands.

    Write the last numbers down elsewhere: then nobody who may write to this store can shorten it unseen.
    """
    from engine import ledgers
    from engine.terminal import print_heads

    problems = ledgers.check()
    print_heads(ledgers.heads(), problems)
    if problems:
        raise FrontierError(f"the privacy ledger of {', '.join(problems)} does not add up: see above")


@ledger.command("accept")
def accept_ledger(name: Dataset) -> None:
    """Go on from a ledger that does not add up, as it stands now; what was wrong stays written in it."""
    from engine import ledgers

    accepted = ledgers.accept(name)
    say(f"{name}: accepted although {'; '.join(accepted)}." if accepted else f"{name}: nothing is wrong with it.")
