"""Code has the `howdah` of the installation that the worker runs from, wherever that is."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import howdah
from howdah.names import Commit, Project, Repo
from howdah.worker import environment, installation
from howdah.worker.environment import About
from howdah.worker.slot import Place, Slot
from tests.worker import runs
from tests.worker.conftest import place


def _environment(**given: str) -> dict[str, str]:
    about = About("f" * 64, "job", Commit(Repo(Project(), "out"), "master"))
    return environment.whole(given, environment.told(about, ()))


def test_code_finds_howdah_behind_the_programs_of_the_machine(open_folder: Path) -> None:
    made = installation.opened(place(open_folder / "installed"), installation.needed())
    made.folder.mkdir(parents=True)
    with Slot(made) as slot:
        shown = runs.run(slot, ["howdah", "--version"], environment=_environment())
        first = runs.run(slot, ["sh", "-c", "command -v sh"], environment=_environment())

    assert (shown.how, shown.code, shown.lines) == ("exited", 0, [f"howdah, version {howdah.__version__}"])
    assert first.lines[0] in {"/usr/bin/sh", "/bin/sh"}


def test_of_a_closed_folder_only_what_is_needed_is_shown(open_folder: Path) -> None:
    home = open_folder / "home"
    wanted = home / "a/python"
    wanted.mkdir(parents=True)
    links = home / "links"
    links.mkdir()
    (links / "python").symlink_to(wanted)
    home.chmod(0o700)
    slot = Place(open_folder / "slot", covered=(open_folder / "data",), user=61184)

    made = installation.opened(slot, [wanted, wanted, links / "python"])
    assert (made.covered, made.shown) == ((open_folder / "data", home), (wanted, links))
    assert installation.opened(replace(slot, user=None), [wanted]) == replace(slot, user=None)
    assert installation.opened(slot, [Path("/usr")]) == slot


def test_of_tmp_which_each_run_has_of_its_own_what_is_needed_is_shown(open_folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as found:
        made = installation.opened(Place(open_folder), [Path(found)])
        assert (made.covered, made.shown) == ((), (Path(found),))


def test_what_is_needed_is_this_python_and_this_code() -> None:
    found = installation.needed()
    assert Path(sys.prefix) in found
    assert any(Path(howdah.__file__).is_relative_to(each) for each in found)
