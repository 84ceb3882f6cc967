"""Two ways to what a Sync has to look at: everything that a commit holds, or what differs from the last one.

Both tell the known files that are gone first, and then the files that are there. A difference is told by the store
for the price of what changed; the whole is for a first Sync, another selection, and wherever it is not sure that the
tasks are what the last Sync left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import NotFound
from howdah.infos import FileChange, FileInfo
from howdah.labelstudio import links, sync
from howdah.labelstudio.models import PachydermImportStorage
from howdah.labelstudio.sync import Known, Selection
from howdah.names import Commit, File

_BATCH = 1000


class Way(Protocol):
    """One of the two; `found` is how many files there are, once that is known."""

    found: int

    def gone(self) -> Iterator[Known]:
        """The known files that the commit lacks."""

    def files(self) -> Iterator[FileInfo]:
        """The selected files, those that may be left alone perhaps left out, in order of path."""


class Whole:
    """All that is selected of a commit."""

    def __init__(self, conn: Connection, storage: PachydermImportStorage, commit: Commit, selection: Selection) -> None:
        self._conn = conn
        self._storage = storage
        self._commit = commit
        self._selection = selection
        self.found = 0

    def gone(self) -> Iterator[Known]:
        """Needs the whole list; where nothing is known, only how long it is."""
        if not links.current(self._storage).exists():
            self.found = sum(1 for _ in self.files())
            return
        for info, known in sync.merge(self.files(), links.all_known(self._storage)):
            self.found += info is not None
            if info is None and known is not None:
                yield known

    def files(self) -> Iterator[FileInfo]:
        """Every file."""
        return selected(self._conn, self._commit, self._selection)


class Since:
    """What differs between two commits."""

    def __init__(
        self, conn: Connection, storage: PachydermImportStorage, ends: tuple[Commit, Commit], selection: Selection
    ) -> None:
        self._conn = conn
        self._storage = storage
        self._before, self._after = ends
        self._selection = selection
        self.found = 0

    def gone(self) -> Iterator[Known]:
        """The paths that only the older commit has."""
        for batch in sync.batches(self._lost(), _BATCH):
            yield from links.known(self._storage, [info.file.path for info in batch]).values()

    def _lost(self) -> Iterator[FileInfo]:
        for change in self._changes():
            if change.new is not None:
                self.found += change.new in self._selection
            elif change.old is not None and change.old in self._selection:
                yield change.old

    def files(self) -> Iterator[FileInfo]:
        """The paths that are new or have another content."""
        for change in self._changes():
            if change.new is not None and change.new in self._selection:
                yield change.new

    def _changes(self) -> Iterator[FileChange]:
        folder = self._selection.folder
        new, old = File(self._after, folder), File(self._before, folder)
        try:
            yield from files.diff(self._conn, new, old)
        except NotFound:
            # Neither commit has the folder: then nothing differs.
            if _has(self._conn, new) or _has(self._conn, old):
                raise


def selected(conn: Connection, commit: Commit, selection: Selection) -> Iterator[FileInfo]:
    """The files of a commit that are selected, in order of path; raises `NotFound` for a folder that is not there."""
    folder = File(commit, selection.folder)
    try:
        found = files.walk(conn, folder) if selection.recursive else files.list(conn, folder)
        yield from (info for info in found if info in selection)
    except NotFound as error:
        if selection.folder != "/":
            raise NotFound(f"folder {selection.folder} not found in {commit}") from error
        # An empty commit has no root to walk.


def _has(conn: Connection, file: File) -> bool:
    try:
        files.inspect(conn, file)
    except NotFound:
        return False
    return True
