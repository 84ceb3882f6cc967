"""What code has of the installation that the worker runs from: its programs, `howdah` among them, and their Python.

They are at the end of the path, behind the machine's own. An installation in `/tmp`, of which each run has its own, is
shown there. Code of another user than the worker's, which is root then, cannot enter folders that are closed to others,
such as root's home: they are covered, and of what is in them the installation alone is shown.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import howdah
from howdah.worker.slot import Place

PROGRAMS = str(Path(sys.executable).parent)
_OWN = Path("/tmp")  # noqa: S108 -- each run has its own


def needed() -> list[Path]:
    """The folders of the Python and of our own code."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    python = Path(sys.executable).resolve().parents[1]
    return [*dict.fromkeys([*map(Path, found), python, Path(howdah.__file__).parents[1]])]


def opened(place: Place, folders: Iterable[Path]) -> Place:
    """The place, with these folders where its code could not come to them; they are shown as they are."""
    covered, shown = dict.fromkeys(place.covered), dict.fromkeys(place.shown)
    for path in (path for folder in folders for path in _places(folder)):
        closed = None if place.user is None else next(_closed(path), None)
        if path.is_relative_to(_OWN):
            shown[path] = None
        elif closed is not None:
            covered[closed] = shown[path] = None
    return replace(place, covered=tuple(covered), shown=tuple(shown))


def _places(folder: Path) -> Iterator[Path]:
    """Where a folder is; where a link to it is too, the folder of that."""
    real = folder.resolve()
    if real != folder.absolute():
        yield folder.absolute().parent.resolve()
    yield real


def _closed(path: Path) -> Iterator[Path]:
    """The folders on the way that others cannot enter, the highest first."""
    for above in reversed(path.parents):
        if not above.stat().st_mode & stat.S_IXOTH:
            yield above
