"""What files of predictions hold, and which files they are about. Pure.

A file says what it is about by its own path, or within: in its task's data, or as label commits do.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from howdah import uris
from howdah.convert import tasks
from howdah.errors import Invalid
from howdah.names import Repo


@dataclass(frozen=True, slots=True)
class Entry:
    """Predictions for one task, told by the first of these paths that is a task's."""

    paths: tuple[str, ...]
    predictions: list[Any]


def entries(content: bytes, own: Sequence[str], repo: Repo | None) -> Iterator[Entry]:
    """What a file holds; `own` are the paths that its own path may mean. Raises `Invalid` with words for the user.

    `repo` is the one whose files it may be about; any where it is None.
    """
    try:
        value = json.loads(content)
    except ValueError as error:
        raise Invalid(f"is no JSON: {error}") from error
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise Invalid("holds something that is no prediction: each is a JSON object")
    bare = [item for item in items if "result" in item]
    if bare:
        yield Entry(tuple(own), bare)
    for item in items:
        if "result" in item:
            continue
        found = item.get("predictions")
        if not isinstance(found, list):
            raise Invalid("holds no predictions: give a prediction with `result`, or a task with `predictions`")
        yield Entry((*_named(item, repo), *own), found)


def _named(item: Mapping[str, Any], repo: Repo | None) -> Iterator[str]:
    """The files of the source that a task within JSON is about."""
    path = tasks.source(item).get("path")
    if isinstance(path, str):
        yield path
    for file in uris.find_uris(item.get("data")):
        if repo is None or file.commit.repo == repo:
            yield file.path


def own_paths(path: str, endings: Sequence[str]) -> list[str]:
    """The files that a JSON file may be about by its path: `/a.jpg` by `/a.jpg.json`, or by `/a.json`."""
    stem = posixpath.splitext(path)[0]
    return [stem, *(stem + ending for ending in endings)]


def json_paths(path: str) -> list[str]:
    """The JSON files that may be about this file by their path."""
    return [f"{path}.json", f"{posixpath.splitext(path)[0]}.json"]
