"""What operations do to a tree.

They wait with the open commit, in order, and are folded into its tree when somebody reads it or finishes it: `fold`
replays them, looks up what appends build on, and rewrites the touched nodes; `settle` does so for a commit's row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from howdah.chunker import Chunker
from howdah.db.database import Tx
from howdah.errors import WrongState
from howdah.pfs import changes
from howdah.pfs.changes import Operation, Put
from howdah.pfs.rows import CommitRow, read_commit, read_parent, usable_ancestor
from howdah.store import edit, tree
from howdah.store.blobs import Writer
from howdah.store.edit import Edit
from howdah.store.node import Chunk, Entry, make_entry
from howdah.store.pack import Kind
from howdah.store.store import Store
from howdah.store.tree import NodeReader, Tree

_AT_ONCE = 60_000  # about 60 MB


class Folded(NamedTuple):
    """A tree after a fold, and the paths that may be wrong in it (see `faults`)."""

    tree: Tree
    suspects: tuple[str, ...]


@dataclass(slots=True)
class _Path:
    """What the operations from number `begun` on say of one path.

    `segments` holds, a datum, contents to be joined in order. There are many paths, so each is small.
    """

    begun: int
    keeps: bool = True
    dropped: frozenset[str] = frozenset()
    segments: list[tuple[str, tuple[Chunk, ...]]] = field(default_factory=list)


class _Replay:
    """The sum of a list of operations."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.paths: dict[str, _Path] = {}
        self.directories: dict[str, int] = {}  # of those removed: by which operation last
        for number, operation in enumerate(operations):
            if isinstance(operation, Put):
                if operation.replaced is not None:
                    self._remove_file(operation.path, operation.replaced, number)
                path = self._path(operation.path, number)
                path.segments.append((operation.datum, operation.pieces))
            elif operation.path.endswith("/"):
                self.directories[operation.path] = number
            else:
                self._remove_file(operation.path, operation.datum, number)
        for gone in [path for path, state in self.paths.items() if self.is_removed(path, state.begun)]:
            del self.paths[gone]

    def is_removed(self, path: str, since: int = -1) -> bool:
        """Whether a directory that held this path was removed, after operation `since`."""
        at = path.rfind("/")
        while at >= 0 and self.directories:
            if self.directories.get(path[: at + 1], -1) > since:
                return True
            at = path.rfind("/", 0, at)
        return False

    def _path(self, path: str, number: int) -> _Path:
        found = self.paths.get(path)
        if found is None or self.is_removed(path, found.begun):
            found = self.paths[path] = _Path(number)
        return found

    def _remove_file(self, name: str, datum: str, number: int) -> None:
        if not datum:
            self.paths[name] = _Path(number, keeps=False)
            return
        path = self._path(name, number)
        path.dropped |= {datum}
        path.segments = [segment for segment in path.segments if segment[0] != datum]


def fold(store: Store, writer: Writer, base: Tree, operations: Iterable[Operation]) -> Folded:
    """The tree after `operations` on `base`. New nodes go to `writer`; the caller flushes and records it.

    So many operations are folded at a time as memory is meant for.
    """
    read = store.read_node.beside(writer.read)
    after, suspects = base, set[str]()
    rest = iter(operations)
    while some := list(islice(rest, _AT_ONCE)):
        replay = _Replay(some)
        before = tree.EMPTY if "/" in replay.directories else after
        edits = _edits(store, writer, read, before, replay)
        after = edit.apply(read, lambda data: writer.add(Kind.NODE, data), before, edits)
        suspects.update(_suspects(read, before, after, edits))
    return Folded(after, tuple(sorted(suspects)))


def _edits(store: Store, writer: Writer, read: NodeReader, base: Tree, replay: _Replay) -> list[Edit]:
    """What becomes of each path, in path order. Empties the replay on the way: there may be many paths."""
    below = _below(read, base, replay)
    edits = {directory: Edit(directory) for directory in replay.directories if directory != "/"}
    while replay.paths:
        path, state = replay.paths.popitem()
        edits[path] = Edit(path, _entries(store, writer, path, state, below.get(path, [])))
    return [edits[path] for path in sorted(edits)]


def faults(read: NodeReader, root: bytes | None, suspects: Sequence[str]) -> str:
    """What is wrong with the first of the suspect paths in a tree; empty if nothing is."""
    for path in sorted(set(suspects)):
        entries = tree.find(read, root, path)
        if len(entries) > 1:
            first, second = entries[0].datum, entries[1].datum
            return f'duplicate path output by different datums (path "{path}" from "{first}" and "{second}")'
        if entries and tree.any_below(read, root, path + "/"):
            return f'file / directory path collision ("{path}" is both)'
    return ""


def _below(read: NodeReader, base: Tree, replay: _Replay) -> dict[str, list[Entry]]:
    """The old entries of those paths that keep something of them."""
    wanted = sorted(path for path, state in replay.paths.items() if state.keeps and not replay.is_removed(path))
    found: dict[str, list[Entry]] = {}
    for entry in tree.find_many(read, base.root, wanted):
        found.setdefault(entry.path, []).append(entry)
    return found


def _entries(store: Store, writer: Writer, path: str, state: _Path, old: list[Entry]) -> tuple[Entry, ...]:
    if not old and len(state.segments) == 1:  # a new or replaced file, as most are
        ((datum, pieces),) = state.segments
        return (make_entry(path, datum, pieces),)
    kept = {entry.datum: entry for entry in old if entry.datum not in state.dropped}
    joined: dict[str, list[tuple[Chunk, ...]]] = {}
    for datum, pieces in state.segments:
        joined.setdefault(datum, []).append(pieces)
    for datum, segments in joined.items():
        if datum in kept:
            segments.insert(0, kept[datum].pieces)  # what the appends build on
        kept[datum] = make_entry(path, datum, _join(store, writer, segments))
    return tuple(kept[datum] for datum in sorted(kept))


def _join(store: Store, writer: Writer, segments: Sequence[tuple[Chunk, ...]]) -> tuple[Chunk, ...]:
    """One content of several: cut anew behind the first segment's last sure cut, so that equal content is equal."""
    filled = [segment for segment in segments if segment]
    if len(filled) <= 1:
        return filled[0] if filled else ()
    joined = list(filled[0][:-1])
    again = [filled[0][-1], *(chunk for segment in filled[1:] for chunk in segment)]
    chunker = Chunker()
    for chunk in again:
        joined.extend(_store_chunks(writer, chunker.feed(writer.read(chunk.digest))))
    joined.extend(_store_chunks(writer, chunker.finish()))
    return tuple(joined)


def _store_chunks(writer: Writer, chunks: Iterable[bytes | memoryview]) -> Iterator[Chunk]:
    for data in chunks:
        yield Chunk(writer.add(Kind.CHUNK, data), len(data))


def _suspects(read: NodeReader, base: Tree, after: Tree, edits: Sequence[Edit]) -> Iterator[str]:
    """Paths of `after` that the edits may have made wrong: a file where a directory is, or two datums' file."""
    added = [edit.path for edit in edits if edit.entries]
    yield from (edit.path for edit in edits if len(edit.entries) > 1)
    yield from tree.directories_among(read, base.root, added)
    folders = {path[:at] for path in added for at in _slashes(path)}
    yield from (entry.path for entry in tree.find_many(read, after.root, sorted(folders)))


def _slashes(path: str) -> Iterator[int]:
    """Where the slashes of a path are, but for the first."""
    at = path.find("/", 1)
    while at >= 0:
        yield at
        at = path.find("/", at + 1)


def settle(store: Store, number: int) -> Tree:
    """Fold the edits that wait with a commit into its tree; returns the tree."""
    while True:
        with store.database.read() as tx:
            row = read_commit(tx, number)
            check_base(tx, row)
            waiting = tx.all("SELECT edit, edits FROM edits WHERE number = ? ORDER BY edit", number)
        if not waiting:
            return row.tree
        writer = store.writer()
        operations = (operation for _, data in waiting for operation in changes.decode(data))
        folded = fold(store, writer, row.tree, operations)
        writer.flush()
        with store.database.write() as tx:
            if read_commit(tx, number).root != row.root or not _still_waits(tx, number, waiting[0][0]):
                continue
            writer.record(tx)
            suspects = json.dumps(sorted({*json.loads(row.suspects), *folded.suspects}))
            tree = folded.tree
            tx.run(
                "UPDATE commits SET tree = ?, files = ?, size = ?, suspects = ? WHERE number = ?",
                *(tree.root, tree.files, tree.size, suspects, number),
            )
            tx.run("DELETE FROM edits WHERE number = ? AND edit <= ?", number, waiting[-1][0])


def check_base(tx: Tx, row: CommitRow) -> None:
    """Raise `WrongState` if the commit is open on one that is open too, whose content it will begin with."""
    base = open_base(tx, row)
    if base is not None:
        raise WrongState(f"base commit {base.id} for commit {row.id} unfinished", kind="base-not-finished")


def open_base(tx: Tx, row: CommitRow) -> CommitRow | None:
    """The commit whose content an open one will begin with, if that is open too."""
    base = usable_ancestor(tx, read_parent(tx, row)) if row.finished is None else None
    return base if base is not None and base.finished is None else None


def _still_waits(tx: Tx, number: int, edit: int) -> bool:
    return tx.one("SELECT 1 FROM edits WHERE number = ? AND edit = ?", number, edit) is not None
