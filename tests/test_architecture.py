"""Imports point one way: read from the source, so that a forbidden arrow fails before it is ever run."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = (  # a module may import from its own layer and from those below it
    ("app", "pages"),
    ("engine.__main__", "engine.ledger_commands", "engine.terminal"),
    (
        "engine.services",
        "engine.ledgers",
        "engine.exports",
        "engine.holdings",
        "engine.lab",
        "engine.lessons",
        "engine.exhibit",
        "engine.starter",
        "engine.stories",
        "engine.report",
        "engine.threats",
    ),
    ("engine.jobs",),
    (
        "engine.store",
        "engine.runs",
        "engine.evaluation",
        "engine.leaking",
        "engine.shadowing",
        "engine.auditing",
        "engine.rows",
    ),
    ("engine.planning", "engine.guarantees"),
    ("engine.training", "engine.features", "engine.checkpoint", "engine.effort"),
    ("engine.robustness", "engine.leakage", "engine.defences"),
    ("engine.privacy", "engine.models", "engine.data", "engine.corruptions"),
    ("engine.study", "engine.options", "engine.wanted", "engine.notes"),
    ("engine.registry", "engine.settings", "engine.recipes", "engine.events"),
    (
        "engine.results",
        "engine.extras",
        "engine.exposures",
        "engine.mechanism",
        "engine.promise",
        "engine.checks",
        "engine.errors",
        "engine.version",
        "engine.machine",
        "engine.disk",
        "engine.draws",
        "engine",
    ),
)
TORCH = ("torch", "torchvision", "opacus", "torchattacks", "safetensors.torch")


def modules() -> dict[str, Path]:
    files = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "engine").rglob("*.py")]
    return {name(file): file for file in files if file.is_file()}


def name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(nodes: list[ast.AST], importer: str) -> set[str]:
    """Full names of what is imported: `from engine.data import images` gives engine.data and engine.data.images."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer} imports relatively"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def everywhere(module: str) -> set[str]:
    """Imports of a module, those inside functions too."""
    return imported(list(ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))), module)


def at_import(module: str) -> set[str]:
    """Imports that run when the module is imported."""
    return imported(list(ast.parse(MODULES[module].read_text(encoding="utf-8")).body), module)


def layer(module: str) -> int:
    depth = {part: index for index, parts in enumerate(LAYERS) for part in parts}
    best = max((part for part in depth if within(module, part)), key=len, default=None)
    assert best, f"{module} is in no layer: add it to LAYERS and to docs/architecture.md"
    return depth[best]


def within(module: str, package: str) -> bool:
    return module == package or (package != "engine" and module.startswith(package + "."))


MODULES = modules()


@pytest.mark.parametrize("module", MODULES)
def test_no_arrow_points_up(module: str) -> None:
    up = {other for other in everywhere(module) & set(MODULES) if layer(other) < layer(module)}
    assert not up, f"{module} imports {', '.join(sorted(up))}, which lies above it"


def test_no_cycle() -> None:
    graph = {module: (everywhere(module) & set(MODULES)) - {module} - parents(module) for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports run in a circle: {' -> '.join(error.args[1])}")


def parents(module: str) -> set[str]:
    """The packages a module lies in: their __init__ runs first and may name what the module uses."""
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


@pytest.mark.parametrize(
    "module", [m for m in MODULES if within(m, "pages") or m in ("app", "engine.privacy.accounting")]
)
def test_pages_and_accounting_do_without_torch(module: str) -> None:
    assert not {other for other in everywhere(module) if other.split(".")[0] in TORCH or other in TORCH}
    for reached in reach(module):
        assert not {other for other in at_import(reached) if other.split(".")[0] in TORCH}, f"through {reached}"


def reach(module: str) -> set[str]:
    """Every module that importing this one imports."""
    found, queue = set(), [module]
    while queue:
        if (module := queue.pop()) not in found:
            found.add(module)
            queue += [other for other in at_import(module) | parents(module) if other in MODULES]
    return found


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("engine")])
def test_the_engine_knows_no_page(module: str) -> None:
    tops = {other.split(".")[0] for other in everywhere(module)}
    assert not tops & {"streamlit", "starlette", "uvicorn", "pages", "app"}


@pytest.mark.parametrize("module", [m for m in MODULES if within(m, "pages") or m == "app"])
def test_pages_ask_services_only(module: str) -> None:
    forbidden = {"sqlalchemy", "threading", "multiprocessing", "sqlite3"}
    assert not {other.split(".")[0] for other in everywhere(module)} & forbidden
    assert not {other for other in everywhere(module) if within(other, "engine.store") or within(other, "engine.runs")}


@pytest.mark.parametrize("module", [m for m in MODULES if not within(m, "engine.store")])
def test_only_the_store_imports_sqlalchemy(module: str) -> None:
    assert "sqlalchemy" not in {other.split(".")[0] for other in everywhere(module)}


@pytest.mark.parametrize("package", [m for m in MODULES if MODULES[m].name == "__init__.py" and m == "engine"])
def test_the_engine_package_holds_a_docstring_and_no_import(package: str) -> None:
    assert not everywhere(package)


@pytest.mark.parametrize(
    "module",
    [
        "engine.services",
        "engine.ledgers",
        "engine.holdings",
        "engine.lab.client",
        "engine.lessons",
        "engine.exhibit",
        "engine.threats.copied",
        "engine.threats.members",
        "engine.planning",
        "engine.privacy.accounting",
        "engine.__main__",
    ],
)
def test_importing_it_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit(sum(name in sys.modules for name in {TORCH!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_an_arrow_that_points_up_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "checks.py"
    file.write_text("def f():\n    from engine import services\n")
    monkeypatch.setitem(MODULES, "engine.checks", file)
    with pytest.raises(AssertionError, match=r"engine\.checks imports engine\.services, which lies above it"):
        test_no_arrow_points_up("engine.checks")
    with pytest.raises(pytest.fail.Exception, match="imports run in a circle"):
        test_no_cycle()
