"""Gather a stream of writes: bytes go into packs, and what is to be done with them becomes a list of operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

from howdah.chunker import MAXIMUM, MINIMUM, Chunker
from howdah.digest import Digest
from howdah.errors import Invalid
from howdah.names import DEFAULT_DATUM, File
from howdah.pfs import changes, files
from howdah.pfs.changes import Operation, Operations, Put
from howdah.store.blobs import Writer
from howdah.store.node import Chunk, Entry
from howdah.store.pack import Kind
from howdah.store.store import Store

_Item = TypeVar("_Item", Entry, Operation)
_AT_ONCE = 1000


class Gathering:
    """One stream of writes; used by one thread at a time. What becomes of it is told where it is closed."""

    def __init__(self, store: Store, *, beside: Gathering | None = None, is_small: bool = False) -> None:
        self._store = store
        # With that of another, bytes are stored together.
        self._writer: Writer = store.writer(is_small=is_small) if beside is None else beside._writer
        self._operations = Operations()
        self._given = ("", "")  # path and datum of the last put, as they came
        self._begun: Put | None = None  # the file that is being put
        self._chunker = Chunker()
        self._is_cut = False  # whether that file comes in chunks
        self._pieces: list[Chunk] = []

    def end(self) -> tuple[Writer, Operations]:
        """The bytes and the operations, for whoever lets them happen; nothing is gathered after this."""
        self._end_file()
        return self._writer, self._operations

    def put(self, path: str, data: bytes, datum: str = "") -> None:
        """Append `data` to a file; successive puts to one file continue it."""
        self._begin_file(path, datum, is_cut=False)
        self._keep(self._chunker.feed(data))

    def replace(self, rows: Iterable[tuple[str, bytes]], datum: str = "") -> None:
        """As `delete` and `put` of each path with its content, which no further put continues."""
        self._end_file()
        put_in_order = self._operations.append
        for path, data in rows:
            if len(data) < MINIMUM and changes.is_plain(path):  # as nearly all are: one chunk, and nothing to gather
                pieces = (Chunk(self._writer.add(Kind.CHUNK, data), len(data)),) if data else ()
                put_in_order(Put(path, datum or DEFAULT_DATUM, pieces, datum))
            else:
                self.delete(path, datum)
                self.put(path, data, datum)
                self._end_file()

    def wanted(self, digests: Sequence[Digest]) -> list[bool]:
        """Which chunks `put_chunks` needs with their bytes; the others stay stored while this lives."""
        held = set(self._writer.held(digests))
        wanted = []
        for digest in digests:
            wanted.append(digest not in held)
            held.add(digest)
        return wanted

    def put_chunks(
        self, path: str, chunks: Sequence[Chunk], data: Sequence[bytes | memoryview], datum: str = ""
    ) -> None:
        """As `put`, of content that is cut already; `data` has the bytes of each chunk, none for one that is held.

        `Invalid` if the bytes are not what the digest says, or the chunk is not held.
        """
        self._begin_file(path, datum, is_cut=True)
        for chunk, given in zip(chunks, data, strict=True):
            if not 0 < chunk.size <= MAXIMUM:
                raise Invalid(f"a chunk of {path} has {chunk.size} bytes: 1 to {MAXIMUM} are allowed", kind="bad-chunk")
            if given and (len(given) != chunk.size or self._writer.add(Kind.CHUNK, given) != chunk.digest):
                raise Invalid(f"a chunk of {path} came damaged: write the file again", kind="bad-chunk")
        named = [chunk for chunk, given in zip(chunks, data, strict=True) if not given]
        held = self._writer.held([chunk.digest for chunk in named])
        if any(held.get(chunk.digest) != chunk.size for chunk in named):
            raise Invalid(f"a chunk of {path} is named, not sent, and is not held: send it", kind="bad-chunk")
        self._pieces.extend(chunks)

    def delete(self, path: str, datum: str = "") -> None:
        """Remove a file, or with a trailing slash a directory."""
        self._end_file()
        self._operations.append(changes.delete(path, datum))

    def copy(self, source: File, path: str, *, append: bool = False, datum: str = "") -> None:
        """Copy a file or directory as it is in its commit to `path`; without `append` it replaces what is there."""
        self._end_file()
        target = changes.check_path(path)
        found = files.entries(self._store, source)
        first = next(found, None)
        if first is None:
            raise files.missing(source)
        skip = len(changes.check_path(source.path).rstrip("/"))
        replaced = ""
        for entry in self._relied_on(chain((first,), found)):
            copied = changes.put(target.rstrip("/") + entry.path[skip:], entry.pieces, datum or entry.datum)
            if not append and copied.path != replaced:  # several datums of one path replace it once, together
                self._operations.append(changes.delete(copied.path))
                replaced = copied.path
            self._operations.append(copied)

    def add(self, operations: Iterable[Operation]) -> None:
        """Let these operations, whose bytes are stored, follow those that were gathered."""
        self._end_file()
        for operation in self._relied_on(operations):
            self._operations.append(operation)

    def follow(self, operations: Iterable[Operation]) -> None:
        """As `add`, of operations whose bytes are stored together with these."""
        self._end_file()
        for operation in operations:
            self._operations.append(operation)

    def _relied_on(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items, whose chunks stay stored from now on."""
        rest = iter(items)
        while some := list(islice(rest, _AT_ONCE)):
            self._writer.rely(list({piece.digest for item in some for piece in getattr(item, "pieces", ())}))
            yield from some

    def _begin_file(self, path: str, datum: str, *, is_cut: bool) -> None:
        """See that `path` is the file that is being put. What comes in chunks and what does not are joined later."""
        if (path, datum) == self._given and self._begun is not None and is_cut == self._is_cut:
            return
        begun = changes.put(path, (), datum)
        if begun != self._begun or is_cut != self._is_cut:
            self._end_file()
        self._given, self._begun, self._is_cut = (path, datum), begun, is_cut

    def _end_file(self) -> None:
        if self._begun is not None:
            self._keep(self._chunker.finish())
            self._operations.append(Put(self._begun.path, self._begun.datum, tuple(self._pieces)))
        self._begun = None
        self._pieces = []

    def _keep(self, chunks: Iterable[bytes | memoryview]) -> None:
        for data in chunks:
            self._pieces.append(Chunk(self._writer.add(Kind.CHUNK, data), len(data)))
