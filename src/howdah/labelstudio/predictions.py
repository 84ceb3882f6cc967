"""Predictions from files: each JSON file's predictions for the task of the file that it is about.

A file says what it is about by its own path, or within: in its task's data, or as label commits do. What it holds
becomes predictions whose model version is the commit that they came from. They are added to what is there, never put
in its place; the same prediction is not added twice, so reading files again is harmless.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db import DataError, transaction

from howdah.convert.predictions import Entry, entries, own_paths
from howdah.errors import Corrupt, Invalid, NotFound
from howdah.infos import FileInfo
from howdah.labelstudio import checking, host, links
from howdah.labelstudio.contents import Contents
from howdah.labelstudio.models import PachydermImportStorage
from howdah.labelstudio.progress import Problem
from howdah.names import Commit, is_commit_id

BATCH = 200
_LIMIT = 64 * 1024 * 1024
_HIDDEN = "/.howdah/"


def is_meant(info: FileInfo) -> bool:
    """Whether this is a file of predictions, and not one of a label commit's own."""
    return _HIDDEN not in info.file.path


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
