"""Arrows that the import contracts cannot draw."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
OLDEST = (3, 10)

# Modules at the top of a program: they alone look at the environment and pass values inward.
EDGES = {
    "howdah/cli/main.py": "the command line",
    "howdah/labelstudio/prepare.py": "a program of its own, started by the installer",
    "howdah/labelstudio/serve.py": "a program of its own, started by the launcher",
    "howdah/labelstudio/settings.py": "Django's settings, made from the environment",
    "howdah/labelstudio/wsgi.py": "the entry of any WSGI server",
    "howdah/launch/engine.py": "launch.py, run by an engine",
    "howdah/launch/entry.py": "launch.py",
    "howdah/launch/main.py": "the launcher inside the installation",
    "howdah/launch/suite.py": "launch.py test",
    "howdah/worker/__main__.py": "a program of its own, started by the store",
    "howdah/testing/launched.py": "starts the launcher for a test, in the test's environment",
}


def _sources() -> list[Path]:
    return [path for path in SOURCE.rglob("*.py") if "gen" not in path.parts]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _file(module: str) -> Path | None:
    stem = SOURCE.joinpath(*module.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.exists()), None)


def test_what_runs_before_the_installation_needs_the_standard_library_alone() -> None:
    seen, todo, foreign = set[Path](), [ROOT / "launch.py"], set[str]()
    while todo:
        path = todo.pop()
        seen.add(path)
        for module in _imports(path):
            if module.startswith("howdah"):
                found = _file(module)
                todo += [found] if found is not None and found not in seen else []
            elif module.partition(".")[0] not in sys.stdlib_module_names | {"__future__"}:
                foreign.add(module)
    assert not foreign
    assert SOURCE / "howdah/launch/install.py" in seen


def test_only_edges_read_the_environment() -> None:
    reading = {
        path.relative_to(SOURCE).as_posix()
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    assert reading <= EDGES.keys()


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_sources_have_the_grammar_of_the_oldest_python(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        ast.parse(path.read_text("utf-8"), str(path), feature_version=OLDEST)


def test_launch_py_can_be_read_by_pythons_that_are_too_old() -> None:
    source = (ROOT / "launch.py").read_text("ascii")
    tree = ast.parse(source, feature_version=(3, 4))
    assert not any(isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr) for node in ast.walk(tree))
