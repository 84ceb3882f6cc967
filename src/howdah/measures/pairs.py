"""Labels and the predictions for them, out of folders: for each labeled task what is true and what was predicted.

True is what the newest annotation says, or the newest that somebody marked as ground truth; skipped ones say nothing.
Predicted is the last prediction of the file that is about the task, or, without such files, of the task itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from howdah.convert import tasks
from howdah.convert.labels import InFolder
from howdah.convert.predictions import entries, json_paths
from howdah.errors import Invalid
from howdah.uris import find_uris

Region = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Regions:
    """What an annotation or a prediction says; `score` is how sure it is where a region does not tell."""

    regions: tuple[Region, ...]
    score: float = 1.0

    def score_of(self, region: Region) -> float:
        """How sure a region is."""
        found = region.get("score")
        return float(found) if isinstance(found, int | float) else self.score


@dataclass(frozen=True, slots=True)
class Pair:
    """A labeled task with a prediction."""

    task: str
    truth: Regions
    guess: Regions


Told = Mapping[str, list[Any]]
"""Predictions by each path that they are about."""


@dataclass(slots=True)
class Pairs:
    """Those of a folder of labels, with predictions told apart if there are any; `notes` tell what was left out."""

    labels: Path
    predictions: Told | None = None
    labeled: int = 0
    predicted: int = 0
    """How many of the labeled tasks have a prediction."""
    notes: list[str] = field(default_factory=list)

    def read(self) -> Iterator[Pair]:
        """In the order of the tasks' paths."""
        told = self.predictions
        for path, content in InFolder(self.labels).tasks():
            try:
                task = tasks.read(content)
            except Invalid as error:
                self.notes.append(f"{path} is no task, left out: {error.message}")
                continue
            truth = _truth(task)
            if truth is None:
                continue
            self.labeled += 1
            found = task.get("predictions") if told is None else _of(task, path, told)
            guess = _last(found)
            if guess is not None:
                self.predicted += 1
                yield Pair(path, truth, guess)


def predictions(folder: Path, notes: list[str]) -> Told:
    """Those of a folder, by the paths that they are about and by their file's own; the first where there are several.

    Which files could not be read goes to `notes`.
    """
    found: dict[str, list[Any]] = {}
    for path, content in InFolder(folder).tasks():
        try:
            for entry in entries(content, [path], None):
                for each in entry.paths:
                    found.setdefault(each, entry.predictions)
        except (Invalid, RecursionError) as error:
            notes.append(f"predictions of {path} are left out: the file {error}")
    return found


def _of(task: Mapping[str, Any], path: str, told: Told) -> list[Any] | None:
    """The predictions that are about what the task shows, or else about the task's own file."""
    for shown in _shown(task):
        for each in (shown, *json_paths(shown)):
            if each in told:
                return told[each]
    return told.get(path)


def _shown(task: Mapping[str, Any]) -> Iterator[str]:
    path = tasks.source(task).get("path")
    if isinstance(path, str):
        yield path
    for file in find_uris(task.get("data")):
        yield file.path


def _truth(task: Mapping[str, Any]) -> Regions | None:
    found: Sequence[Mapping[str, Any]] = tasks.counted(task)
    marked = [each for each in found if each.get("ground_truth")]
    newest = max(marked or found, key=lambda each: str(each.get("updated_at") or ""), default=None)
    return None if newest is None else Regions(_regions(newest.get("result")))


def _last(predictions: Any) -> Regions | None:
    given = [each for each in predictions if isinstance(each, dict)] if isinstance(predictions, list) else []
    if not given:
        return None
    score = given[-1].get("score")
    return Regions(_regions(given[-1].get("result")), float(score) if isinstance(score, int | float) else 1.0)


def _regions(result: Any) -> tuple[Region, ...]:
    given = result if isinstance(result, list) else []
    return tuple(each for each in given if isinstance(each, dict) and isinstance(each.get("value"), dict))
