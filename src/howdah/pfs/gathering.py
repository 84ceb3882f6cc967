"""Gather a stream of writes: bytes go into packs, and what is to be done with them becomes a list of operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from howdah.chunker import Chunker
from howdah.names import File
from howdah.pfs import changes, files
from howdah.pfs.changes import Operation, Put
from howdah.store.node import Chunk
from howdah.store.pack import Kind
from howdah.store.store import Store


class Gathering:
    """One stream of writes; used by one thread at a time. What becomes of it is told where it is closed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = store.writer()
        self._operations: list[Operation] = []
        self._given = ("", "")  # path and datum of the last put, as they came
        self._begun: Put | None = None  # the file that is being put
        self._chunker = Chunker()
        self._pieces: list[Chunk] = []

    def put(self, path: str, data: bytes, datum: str = "") -> None:
        """Append `data` to a file; successive puts to one file continue it."""
        if (path, datum) != self._given or self._begun is None:
            begun = changes.put(path, (), datum)
            if begun != self._begun:
                self._end_file()
            self._given, self._begun = (path, datum), begun
        self._keep(self._chunker.feed(data))

    def delete(self, path: str, datum: str = "") -> None:
        """Remove a file, or with a trailing slash a directory."""
        self._end_file()
        self._operations.append(changes.delete(path, datum))

    def copy(self, source: File, path: str, *, append: bool = False, datum: str = "") -> None:
        """Copy a file or directory as it is in its commit to `path`; without `append` it replaces what is there."""
        self._end_file()
        target = changes.check_path(path)
        found = list(files.entries(self._store, source))
        if not found:
            raise files.missing(source)
        self._writer.rely(list({piece.digest for entry in found for piece in entry.pieces}))
        skip = len(changes.check_path(source.path).rstrip("/"))
        replaced = ""
        for entry in found:
            copied = changes.put(target.rstrip("/") + entry.path[skip:], entry.pieces, datum or entry.datum)
            if not append and copied.path != replaced:  # several datums of one path replace it once, together
                self._operations.append(changes.delete(copied.path))
                replaced = copied.path
            self._operations.append(copied)

    def add(self, operations: Sequence[Operation]) -> None:
        """Let these operations, whose bytes are stored, follow those that were gathered."""
        self._end_file()
        puts = [operation for operation in operations if isinstance(operation, Put)]
        self._writer.rely(list({piece.digest for put in puts for piece in put.pieces}))
        self._operations.extend(operations)

    def _end_file(self) -> None:
        if self._begun is not None:
            self._keep(self._chunker.finish())
            self._operations.append(self._begun._replace(pieces=tuple(self._pieces)))
        self._begun = None
        self._pieces = []

    def _keep(self, chunks: Iterable[bytes | memoryview]) -> None:
        for data in chunks:
            self._pieces.append(Chunk(self._writer.add(Kind.CHUNK, data), len(data)))
