"""The tasks that a file of tasks holds: JSON, JSON lines or Parquet, with what they refer to pinned.

A task may name other files of the repo: by a path from the repo's root, by a path from the file's own folder, or by
the address of a branch. Where such a file is there, the task gets its address in the commit that is synced; anything
else stays as it is.
"""

from __future__ import annotations

import io
import json
import os
import posixpath
from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from howdah import uris
from howdah.client import commits, files
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Invalid, NotFound
from howdah.infos import FileInfo, FileType
from howdah.labelstudio import host, probing
from howdah.labelstudio.adding import PinnedObject
from howdah.labelstudio.contents import Contents
from howdah.names import Commit, File, is_commit_id

_ENDINGS = {"", ".json", ".jsonl", ".parquet"}
_LIMIT = 512 * 1024 * 1024
_LONGEST = 1000
_FOLDERS = 256
# What these tags show is text of the task itself, even if there is a file of that name.
_WORDS = frozenset({"Text", "HyperText", "Choices", "Labels", "Header", "Paragraphs"})


class Reader:
    """Reads files of tasks of one commit."""

    def __init__(self, conn: Connection, commit: Commit, types: dict[str, str], contents: Contents) -> None:
        """`types` are the names of the labeling configuration with their tags."""
        self._conn = conn
        self._commit = commit
        self._contents = contents
        self._types = types
        self._names = lru_cache(_FOLDERS)(self._names_in)
        self._pinned = lru_cache(_FOLDERS)(self._pin)

    def objects(self, info: FileInfo) -> list[PinnedObject]:
        """The tasks in the file; raises `ValueError` or a `HowdahError` with words for the user."""
        path = info.file.path
        ending = os.path.splitext(path.lower())[1]
        if ending not in _ENDINGS:
            raise Invalid("is not a JSON file; to make each file a task, choose the import method Files")
        if info.size > _LIMIT:
            raise Invalid(f"is larger than {_LIMIT >> 20} MiB; split it")
        content = self._contents.read(info)
        read = parquet(content, path) if content[:4] == b"PAR1" else host.load_tasks_json(content, path)
        pinned = {"digest": info.digest.hex(), "commit": self._commit.id}
        tasks = [PinnedObject(**asdict(item), **pinned) for item in read]
        if not all(isinstance(task.task_data, dict) for task in tasks):
            raise Invalid("holds something that is no task: each task is a JSON object")
        for task in tasks:
            self._resolve(task.task_data, posixpath.dirname(path))
        return tasks

    def _resolve(self, task: dict[str, Any], folder: str) -> None:
        inner = task.get("data")
        data = inner if isinstance(inner, dict) else task
        for name, value in data.items():
            if data is task and name in ("annotations", "predictions", "meta"):
                continue
            pinned = uris.replace_uris(value, self._pinned_uri)
            data[name] = self._pinned_paths(pinned, folder) if self._may_refer(name) else pinned

    def _may_refer(self, name: str) -> bool:
        return not self._types or self._types.get(name, "Text") not in _WORDS

    def _pinned_paths(self, value: Any, folder: str) -> Any:
        if isinstance(value, str):
            return self._pinned_path(value, folder)
        if isinstance(value, list):
            return [self._pinned_paths(item, folder) for item in value]
        if isinstance(value, dict):
            return {name: self._pinned_paths(item, folder) for name, item in value.items()}
        return value

    def _pinned_path(self, text: str, folder: str) -> str:
        if not text or len(text) > _LONGEST or "://" in text or "\n" in text:
            return text
        for base in ("/",) if text.startswith("/") else (folder, "/"):
            path = posixpath.normpath(posixpath.join(base, text.lstrip("/")))
            parent, _, name = path.rpartition("/")
            if name and name in self._names(parent or "/"):
                return uris.format_uri(File(self._commit, path))
        return text

    def _names_in(self, folder: str) -> frozenset[str]:
        """The files in a folder, none where it is missing."""
        try:
            found = files.list(self._conn, File(self._commit, folder))
            return frozenset(info.file.path.rpartition("/")[2] for info in found if info.type is FileType.FILE)
        except (NotFound, Invalid):
            return frozenset()

    def _pinned_uri(self, text: str, file: File) -> str:
        commit = file.commit if is_commit_id(file.commit.id) else self._pinned(file.commit)
        return text if commit is None else uris.format_uri(File(commit, file.path))

    def _pin(self, wanted: Commit) -> Commit | None:
        try:
            return probing.pinned(self._conn, commits.inspect(self._conn, wanted).commit).commit
        except HowdahError:
            return None


def parquet(content: bytes, key: str) -> Iterator[Any]:
    """The rows of a Parquet file as the host's account of tasks; raises `ValueError` with words for the user."""
    import pyarrow.parquet  # noqa: PLC0415  (it is large, and seldom needed)

    try:
        source: Any = pyarrow.parquet.ParquetFile(io.BytesIO(content))  # type: ignore[no-untyped-call]
        number = 0
        for group in range(source.num_row_groups):
            for row in source.read_row_group(group).to_pylist():
                yield host.StorageObject(task_data=_task(row), key=key, row_index=number, row_group=group)
                number += 1
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"is no Parquet file that can be read: {error}") from error


def _task(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a task: its columns are the data, unless there is a column of that name."""
    plain = json.loads(json.dumps(row, default=_text))
    for name in ("data", "annotations", "predictions", "meta"):
        if isinstance(plain.get(name), str):
            try:
                plain[name] = json.loads(plain[name])
            except ValueError:
                continue
    return {
        name: value for name, value in plain.items() if value is not None or name not in ("annotations", "predictions")
    }


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        raise ValueError("holds bytes in a column; put such content into files of its own")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
