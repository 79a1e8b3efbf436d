"""What is imported is installed, what is installed is imported, and it all fits together."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN = {"app", "pages", "engine", "tests", "benchmarks", "start"}
CALLED = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "pydantic_settings": "pydantic-settings",
    "dp_accounting": "dp-accounting",
}
TOOLS = {"ruff", "mypy", "pandas-stubs", "types-psutil", "pytest-timeout", "pytest-xdist", "appdirs", "playwright"}


def required(file: str) -> set[str]:
    lines = (ROOT / file).read_text().splitlines()
    return {re.split(r"[=<>~ ;\[]", line)[0] for line in lines if line and not line.startswith(("#", "-r"))}


def imported(*places: str) -> set[str]:
    """Packages imported below some places, by the name they are installed under."""
    files = [
        file for place in places for file in ((ROOT / place).rglob("*.py") if "." not in place else [ROOT / place])
    ]
    names: set[str] = set()
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    return {CALLED.get(name, name) for name in names - set(sys.stdlib_module_names) - OWN}


def test_the_app_needs_what_requirements_txt_installs() -> None:
    assert imported("app.py", "pages", "engine") - required("requirements.txt") == set()
    assert required("requirements.txt") - imported("app.py", "pages", "engine", "tests", "benchmarks") == set()


def test_tests_need_what_requirements_dev_txt_installs() -> None:
    everything = required("requirements.txt") | required("requirements-dev.txt")
    assert imported("tests", "benchmarks") - everything == set()
    assert required("requirements-dev.txt") - imported("tests", "benchmarks") - TOOLS == set()


def test_the_start_script_needs_nothing() -> None:
    assert imported("start.py") == set()


def test_what_is_installed_fits_together() -> None:
    checked = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    if "No module named pip" in checked.stderr:
        pytest.skip("this environment has no pip to ask")
    assert checked.returncode == 0, checked.stdout
