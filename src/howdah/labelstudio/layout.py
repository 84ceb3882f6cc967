"""Where in a target's branch the file of a task is. Pure.

A task's file is named by its id, or after what it shows: `/images/dog.jpg` is in `/images/dog.jpg.json`, row 3 of
`/rows.jsonl` in `/rows.jsonl/3.json`. Names of files end in `.json` and names of folders never do, so no name is
both. Tasks that show nothing of a source are in a folder of their own.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

CONFIG = ".howdah/labeling.xml"
"""Below the folder: the project's labeling configuration."""

_UNSOURCED = "_tasks"
_ENDING = ".json"


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a source a task shows: a file, or a row of it; `past`: another task shows a newer version."""

    path: str
    row: int | None = None
    past: bool = False


def config_path(folder: str) -> str:
    """The file with the labeling configuration."""
    return f"{folder.rstrip('/')}/{CONFIG}"


def by_task(folder: str, task: int) -> str:
    """The file of a task, by its id."""
    return f"{folder.rstrip('/')}/{task}{_ENDING}"


def by_source(folder: str, task: int, shown: Shown | None) -> str:
    """The file of a task, by what it shows."""
    if shown is None:
        return by_task(f"{folder.rstrip('/')}/{_UNSOURCED}", task)
    *folders, name = shown.path.strip("/").split("/")
    if shown.row is not None:
        folders, name = [*folders, name], str(shown.row)
    path = "/".join([folder.rstrip("/"), *map(_folder, folders), name + _ENDING])
    return beside(path, task) if shown.past else path


def _folder(name: str) -> str:
    return f"{name}.d" if name.endswith(_ENDING) else name


def beside(path: str, task: int) -> str:
    """The name of a task's file where `path` is another task's."""
    return f"{path.removesuffix(_ENDING)}.{task}{_ENDING}"


def settle(wanted: Mapping[int, str], known: Mapping[int, str], taken: Container[str]) -> dict[int, str]:
    """A path for each task, no two equal: the one wanted, or where that is another task's, the one beside it.

    Who has a name keeps it; of those who are new the lowest id comes first. `taken` holds the paths of tasks that are
    not among these.
    """
    settled = {}
    for task, path in wanted.items():
        if known.get(task) in (path, beside(path, task)):
            settled[task] = known[task]
    used = set(settled.values())
    for task in sorted(wanted.keys() - settled.keys()):
        path = wanted[task]
        while path in used or path in taken:
            path = beside(path, task)
        settled[task] = path
        used.add(path)
    return settled
