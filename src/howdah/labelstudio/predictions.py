"""Predictions from files: each JSON file's predictions for the task of the file that it is about.

A file says what it is about by its own path, or within: in its task's data, or as label commits do. What it holds
becomes predictions whose model version is the commit that they came from. They are added to what is there, never put
in its place; the same prediction is not added twice, so reading files again is harmless.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import DataError, transaction

from howdah import uris
from howdah.errors import Corrupt, Invalid, NotFound
from howdah.infos import FileInfo
from howdah.labelstudio import checking, host, links
from howdah.labelstudio.contents import Contents
from howdah.labelstudio.models import PachydermImportStorage
from howdah.labelstudio.progress import Problem
from howdah.names import Commit, Repo, is_commit_id

BATCH = 200
_LIMIT = 64 * 1024 * 1024
_HIDDEN = "/.howdah/"


@dataclass(frozen=True, slots=True)
class Entry:
    """Predictions for one task, told by the first of these paths that is a task's."""

    paths: tuple[str, ...]
    predictions: list[Any]


def is_meant(info: FileInfo) -> bool:
    """Whether this is a file of predictions, and not one of a label commit's own."""
    return _HIDDEN not in info.file.path


def entries(content: bytes, own: Sequence[str], repo: Repo) -> Iterator[Entry]:
    """What a file holds; `own` are the paths that its own path may mean. Raises `Invalid` with words for the user."""
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


def _named(item: Mapping[str, Any], repo: Repo) -> Iterator[str]:
    """The files of the source that a task within JSON is about."""
    meta = item.get("meta")
    label = meta.get("howdah") if isinstance(meta, dict) else None
    source = label.get("source") if isinstance(label, dict) else None
    if isinstance(source, dict) and isinstance(source.get("path"), str):
        yield source["path"]
    for file in uris.find_uris(item.get("data")):
        if file.commit.repo == repo:
            yield file.path


def own_paths(path: str, endings: Sequence[str]) -> list[str]:
    """The files that a JSON file may be about by its path: `/a.jpg` by `/a.jpg.json`, or by `/a.json`."""
    stem = posixpath.splitext(path)[0]
    return [stem, *(stem + ending for ending in endings)]


def json_paths(path: str) -> list[str]:
    """The JSON files that may be about this file by their path."""
    return [f"{path}.json", f"{posixpath.splitext(path)[0]}.json"]


class Predictor:
    """Adds the predictions of one commit's files to the tasks of a source."""

    def __init__(
        self, storage: PachydermImportStorage, commit: Commit, contents: Contents, report: Callable[[Problem], None]
    ) -> None:
        self._storage = storage
        self._commit = commit
        self._contents = contents
        self._report = report
        self._checker = checking.Checker(storage.project)
        self._count = 0

    @cached_property
    def _endings(self) -> list[str]:
        keys = links.current(self._storage).values_list("key", flat=True).iterator(chunk_size=5000)
        return sorted({posixpath.splitext(key)[1] for key in keys} - {".json", ""})

    def take(self, infos: Sequence[FileInfo], *, lonely: bool = True) -> int:
        """Add what is new in these files, and tell how much; one about no task is a problem, if `lonely` ones are."""
        before = self._count
        read = [(info.file.path, entry) for info in infos for entry in self._read(info)]
        tasks = self._tasks({path for _, entry in read for path in entry.paths})
        checked = []
        for name, entry in read:
            task = next((tasks[path] for path in entry.paths if path in tasks), None)
            if task is None:
                if lonely:
                    self._report(Problem(name, "is about no file that is a task here"))
                continue
            try:
                checked.append((name, task, self._checker.check(entry.predictions)))
            except checking.BAD as error:
                self._report(Problem(name, checking.reason(error)))
        self._write_each(checked)
        return self._count - before

    def _read(self, info: FileInfo) -> list[Entry]:
        path = info.file.path
        try:
            if posixpath.splitext(path)[1].lower() != ".json":
                raise Invalid("is no JSON file")
            if info.size > _LIMIT:
                raise Invalid(f"is larger than {_LIMIT >> 20} MiB; split it")
            return list(entries(self._contents.read(info), own_paths(path, self._endings), self._storage.repo))
        except (Invalid, NotFound, Corrupt, RecursionError) as error:
            self._report(Problem(path, str(error)))
            return []

    def _tasks(self, paths: set[str]) -> dict[str, int]:
        """The task of each of these files that is one task."""
        found = links.current(self._storage).filter(row_index__isnull=True, key__in=paths)
        return dict(found.values_list("key", "task_id"))

    def _write_each(self, checked: Sequence[tuple[str, int, list[dict[str, Any]]]]) -> None:
        try:
            self._write(checked)
        except DataError as error:  # PostgreSQL keeps no NUL in a text
            if len(checked) > 1:
                for each in checked:
                    self._write_each([each])
            else:
                why = f"holds what the database cannot keep: {str(error).splitlines()[0]}"
                self._report(Problem(checked[0][0], why))

    def _write(self, checked: Sequence[tuple[str, int, list[dict[str, Any]]]]) -> None:
        with transaction.atomic():
            there = self._there([task for _, task, _ in checked])
            fresh = [
                (task, {**each, "model_version": self._commit.id})
                for _, task, found in checked
                for each in found
                if checking.canonical(each) not in there.get(task, ())
            ]
            written = self._checker.add(fresh)
        self._count += written

    def _there(self, tasks: Sequence[int]) -> dict[int, set[str]]:
        """The predictions that each task has of its newest commit, and of this one."""
        newest: dict[int, tuple[str, set[str]]] = {}
        again: dict[int, set[str]] = {}
        found = host.Prediction.objects.filter(task_id__in=tasks).order_by("pk")
        for task, version, result, score in found.values_list("task_id", "model_version", "result", "score"):
            if not is_commit_id(version or ""):
                continue
            text = checking.canonical({"result": result, "score": score})
            if newest.get(task, ("",))[0] != version:
                newest[task] = (version, set())
            newest[task][1].add(text)
            if version == self._commit.id:
                again.setdefault(task, set()).add(text)
        return {task: texts | again.get(task, set()) for task, (_, texts) in newest.items()}

    def show(self) -> None:
        """Have the newest predictions shown to people who label, unless the project shows others by choice."""
        project = host.Project.objects.filter(pk=self._storage.project_id)
        shown = project.values_list("model_version", flat=True).get() or ""
        if self._count and (not shown or is_commit_id(shown)):
            project.update(model_version=self._commit.id)
