"""How files become tasks: each file one task, or each file a list of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Protocol

from django.db import DataError, transaction

from howdah import uris
from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import Corrupt, NotFound
from howdah.infos import FileInfo
from howdah.labelstudio import kinds, sync
from howdah.labelstudio.adding import Adder, PinnedObject
from howdah.labelstudio.checking import BAD, reason
from howdah.labelstudio.datakeys import Chooser
from howdah.labelstudio.mirror import Mirror
from howdah.labelstudio.progress import Problem
from howdah.labelstudio.tasks_of import Reader
from howdah.names import Commit, File

_TOGETHER = 1000
_PARTIAL = "?"
_BAD = (*BAD, NotFound, Corrupt)


class Mode(Protocol):
    """Takes files that are new, and such as have another content or are there again."""

    def add(self, infos: Sequence[FileInfo]) -> None:
        """Tasks for new files."""

    def edit(self, infos: Sequence[FileInfo]) -> None:
        """Known files that have another content, or were gone."""


class EachFile:
    """Every file is a task, whose data is its address."""

    def __init__(self, conn: Connection, commit: Commit, adder: Adder, mirror: Mirror, keys: Chooser) -> None:
        self._conn = conn
        self._commit = commit
        self._adder = adder
        self._mirror = mirror
        self._keys = keys

    def add(self, infos: Sequence[FileInfo]) -> None:
        """All in one transaction."""
        if infos:
            self._adder.add([self._task(info) for info in infos])

    def edit(self, infos: Sequence[FileInfo]) -> None:
        """All in one transaction."""
        if infos:
            self._mirror.edit(infos)

    def _task(self, info: FileInfo) -> PinnedObject:
        path = info.file.path
        file = File(self._commit, path)
        name = self._keys.name_for(path, lambda: self._first(file))
        return PinnedObject({name: uris.format_uri(file)}, path, digest=info.digest.hex(), commit=self._commit.id)

    def _first(self, file: File) -> bytes:
        with closing(files.get(self._conn, file)) as pieces:
            return next(pieces, b"")[: kinds.FIRST]


class Rows:
    """Files hold tasks. A file that cannot be taken is a problem, and tried again by the next Sync."""

    def __init__(self, reader: Reader, adder: Adder, mirror: Mirror, report: Callable[[Problem], None]) -> None:
        self._reader = reader
        self._adder = adder
        self._mirror = mirror
        self._report = report

    def add(self, infos: Sequence[FileInfo]) -> None:
        """Many small files in one transaction, as long as it stays a short one."""
        together: list[tuple[str, list[PinnedObject]]] = []
        for path, objects in self._read(infos):
            if len(objects) > _TOGETHER:
                self._try(path, lambda path=path, objects=objects: self._add_large(path, objects))  # type: ignore[misc]
                continue
            together.append((path, objects))
            if sum(len(each) for _, each in together) >= _TOGETHER:
                self._add(together)
                together = []
        self._add(together)

    def _add_large(self, path: str, objects: list[PinnedObject]) -> None:
        """Many tasks of one file, in transactions that are short enough for people to go on labeling.

        Until all are there, they are marked as of no known content: a Sync that follows a cut looks at the file again.
        """
        digest = objects[0].digest
        for part in sync.batches(objects, _TOGETHER):
            for item in part:
                item.digest = _PARTIAL
            self._adder.add(part)
        self._mirror.complete(path, digest)

    def edit(self, infos: Sequence[FileInfo]) -> None:
        """A transaction for each file."""
        for info in infos:
            for path, objects in self._read([info]):
                self._try(path, lambda info=info, found={path: objects}: self._mirror.edit([info], found))  # type: ignore[misc]

    def _read(self, infos: Sequence[FileInfo]) -> Iterator[tuple[str, list[PinnedObject]]]:
        for info in infos:
            try:
                yield info.file.path, self._reader.objects(info)
            except _BAD as error:
                self._report(Problem(info.file.path, reason(error)))

    def _add(self, together: Sequence[tuple[str, list[PinnedObject]]]) -> None:
        try:
            with transaction.atomic():
                self._adder.add([item for _, objects in together for item in objects])
        except (*_BAD, DataError):
            # One of them cannot be kept: which?
            for path, objects in together:
                self._try(path, lambda objects=objects: self._adder.add(objects))  # type: ignore[misc]

    def _try(self, path: str, act: Callable[[], None]) -> None:
        try:
            act()
        except _BAD as error:
            self._report(Problem(path, reason(error)))
        except DataError as error:  # PostgreSQL keeps no NUL in a text
            why = f"holds what the database cannot keep: {str(error).splitlines()[0]}"
            self._report(Problem(path, why))
