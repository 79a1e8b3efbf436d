"""Registries that know their entries without importing them.

A page must list attacks and models without paying for `import torch`. So an entry is found by reading
its decorator in the source: name, literal keywords and docstring. The module is imported when the entry
is first used. Adding an entry takes one file.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from engine.checks import known

F = TypeVar("F", bound=Callable[..., Any])


def register(name: str, *, version: int = 1, **facts: object) -> Callable[[F], F]:
    """Mark a function as the entry `name`; all arguments are literals. Raise `version` when its numbers change."""
    return lambda function: function


@dataclass(frozen=True)
class Entry:
    """One registered function: what its decorator says, and the function itself on demand."""

    name: str
    version: int
    facts: dict[str, Any]
    doc: str
    module: str
    function: str

    def load(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        loaded: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return loaded


class Registry:
    """The entries of one package; `kind` is the word used in messages.

    >>> sorted(Registry("attack", "engine.robustness").names)[:1]
    ['apgd']
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """All entries by name; ValueError when two share a name."""
        found: dict[str, Entry] = {}
        for entry in self._scan():
            if entry.name in found:
                raise ValueError(f"two {self.kind} entries are called '{entry.name}'")
            found[entry.name] = entry
        return found

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.entries)

    def __getitem__(self, name: str) -> Entry:
        """The entry; BadInput that lists the choices when there is none."""
        return self.entries[known(self.kind, name, self.entries)]

    def _scan(self) -> Iterator[Entry]:
        folder = Path(__file__).parent.parent.joinpath(*self.package.split("."))
        for file in sorted(folder.glob("*.py")):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                for call in getattr(node, "decorator_list", []):
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "register":
                        yield _entry(f"{self.package}.{file.stem}", node, call)


def _entry(module: str, node: Any, call: ast.Call) -> Entry:
    facts = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
    version = facts.pop("version", 1)
    name = ast.literal_eval(call.args[0])
    return Entry(name, version, facts, ast.get_docstring(node) or "", module, node.name)
