"""When an installation is good, when it is made anew, and whose it is. Making one for real: `test_fresh`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.launch import install
from howdah.launch.install import InstallFailed, Note, Place
from howdah.testing.launched import until


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project with an environment that looks whole."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("click==8.1\n")
    place = Place(tmp_path)
    place.python.parent.mkdir(parents=True)
    place.python.write_text("#!/bin/sh\n")
    place.python.chmod(0o755)
    install.write_note(place, Note(str(tmp_path), install.requirements_digest(tmp_path), ("labelstudio",)))
    return place


def _refuse(_text: str) -> None:
    raise AssertionError("nothing is to be done")


def test_whole_installation_is_used_as_it_is(place: Place) -> None:
    assert install.ensure(place.root, ("labelstudio",), {}, _refuse) == place


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_noticed(place: Place, name: str) -> None:
    (place.root / name).write_text("changed\n")
    assert not install.is_ready(place, ("labelstudio",))


def test_changed_source_needs_no_installation(place: Place) -> None:
    (place.root / "src").mkdir()
    (place.root / "src" / "new.py").write_text("")
    assert install.is_ready(place, ("labelstudio",))


def test_missing_extra_is_noticed(place: Place) -> None:
    assert not install.is_ready(place, ("labelstudio", "test"))


def test_half_made_installation_is_noticed(place: Place) -> None:
    install.write_note(place, Note(str(place.root)))
    assert not install.is_ready(place, ("labelstudio",))


def test_moved_project_is_noticed(place: Place, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in (place.root / "pyproject.toml", place.root / "constraints.txt", place.venv):
        os.rename(path, moved / path.name)
    assert not install.is_ready(Place(moved), ("labelstudio",))


def test_vanished_python_is_noticed(place: Place) -> None:
    place.python.unlink()
    place.python.symlink_to("/no/such/python")
    assert not install.is_ready(place, ("labelstudio",))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"root": 1}', "\x00"])
def test_unreadable_note_is_no_note(place: Place, text: str) -> None:
    place.note.write_text(text)
    assert install.read_note(place) is None


def test_environment_of_somebody_else_is_not_touched(place: Place) -> None:
    place.note.unlink()
    with pytest.raises(InstallFailed, match=r"was not made by launch\.py"):
        install.ensure(place.root, ("labelstudio",), {}, print)
    assert place.python.exists()


def test_machine_without_pip_and_uv_is_told_what_to_do(place: Place) -> None:
    place.python.write_text("#!/bin/sh\nexit 1\n")
    install.write_note(place, Note(str(place.root), "older", ("labelstudio",)))
    with pytest.raises(InstallFailed, match="apt-get install python3-venv"):
        install.ensure(place.root, ("labelstudio",), {"PATH": "/nowhere", "PYTHONPATH": "/nowhere"}, print)


# Stands in for uv, which is not ours: notes that it was run, and succeeds. (`test_fresh` runs the real one.)
UV = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$*" >> "$NOTES"
printf 'Installed 2 packages\n + click==8.1\n - click==8.0\n' >&2
[ -z "$GO_ON" ] || until [ -e "$GO_ON" ]; do sleep 0.05; done
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose uv is the stand-in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "uv").write_text(UV)
    (folder / "uv").chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "NOTES": str(tmp_path / "notes"), "GO_ON": ""}


def test_half_made_installation_is_made_anew(place: Place, environ: dict[str, str]) -> None:
    install.write_note(place, Note(str(place.root)))
    leftover = place.venv / "leftover"
    leftover.write_text("")
    install.ensure(place.root, ("labelstudio",), environ, print)
    assert not leftover.exists()
    assert install.is_ready(place, ("labelstudio",))
    assert (place.venv / "pyvenv.cfg").exists()


def test_changed_requirements_are_installed_into_what_is_there(
    place: Place, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (place.root / "constraints.txt").write_text("click==8.2\n")
    kept = place.venv / "kept"
    kept.write_text("")
    install.ensure(place.root, ("labelstudio",), environ, print)
    assert kept.exists()
    assert "Installed 2 packages\n" in (shown := capsys.readouterr().out)
    assert "click==" not in shown
    told = Path(environ["NOTES"]).read_text()
    assert f"--build-constraints {place.root / 'constraints.txt'}" in told


@pytest.mark.parametrize("tool", ["uv", "hatchling", "editables", "setuptools"])
def test_what_packages_are_built_with_is_pinned(tool: str) -> None:
    constraints = (Path(__file__).resolve().parents[2] / "constraints.txt").read_text()
    assert f"\n{tool}==" in constraints


def test_adding_an_extra_keeps_the_others(place: Place, environ: dict[str, str]) -> None:
    install.ensure(place.root, ("test",), environ, print)
    assert install.is_ready(place, ("labelstudio", "test"))


def test_launches_at_the_same_time_install_once(place: Place, environ: dict[str, str], tmp_path: Path) -> None:
    install.write_note(place, Note(str(place.root)))
    script = (
        "import os, sys, pathlib; from howdah.launch import install\n"
        "install.ensure(pathlib.Path(sys.argv[1]), ('labelstudio',), os.environ, lambda t: print(t, flush=True))"
    )
    environ["GO_ON"] = str(tmp_path / "go-on")
    command = [sys.executable, "-c", script, str(place.root)]
    both = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    until(lambda: Path(environ["NOTES"]).exists(), what="the first installation")
    Path(environ["GO_ON"]).touch()
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(Path(environ["NOTES"]).read_text().splitlines()) == 1
    for process in both:
        process.communicate()
