"""Filesets: writes that belong to no commit yet, for as long as they are wanted.

They are made of a stream of writes, taken from a commit or put together of others, and added to open commits. Each
lives for a while after it was made or renewed. Whoever knows its id reads it as a commit of the repo `__filesets__`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from howdah.db.database import Tx
from howdah.digest import Digest
from howdah.errors import Code, Invalid
from howdah.names import Commit, new_commit_id
from howdah.pfs import changes, files, folding, resolve, writing
from howdah.pfs.changes import Delete, Operation, Put
from howdah.pfs.gathering import Gathering
from howdah.pfs.rows import base_tree, read_fileset, read_parent
from howdah.store import diff, tree
from howdah.store.node import Chunk
from howdah.store.store import Store
from howdah.store.tree import EMPTY

_SECOND = 1_000_000
_LIFE = 30 * 60  # seconds
_LONGEST = 24 * 3600


class Session(Gathering):
    """One stream of writes that becomes a fileset; used by one thread at a time."""

    def close(self, *, seconds: int = _LIFE) -> str:
        """Make the fileset; when this returns its id it is durable."""
        self._end_file()
        made = folding.fold(self._store, self._writer, EMPTY, self._operations)
        self._writer.flush()
        with self._store.database.write() as tx:
            self._writer.record(tx)
            id = _insert(tx, made.tree.root, now=self._store.now(), seconds=seconds)
            for data in self._operations.blocks():
                tx.run("INSERT INTO fileset_edits (id, edits) VALUES (?, ?)", id, data)
        return id


def of_commit(store: Store, commit: Commit) -> str:
    """A fileset of all files of a commit; its id."""
    while True:
        root = files.view(store, commit).root
        with store.database.write() as tx:
            if _leads_to(tx, commit, root):  # else it was written into meanwhile, and its tree may be gone
                return _insert(tx, root, now=store.now(), seconds=_LIFE)


def of_changes(store: Store, commit: Commit) -> str:
    """A fileset of what a commit changed of the one before it; its id."""
    new = files.view(store, commit).root
    with store.database.read() as tx:
        row = resolve.commit(tx, commit)
        base = base_tree(tx, read_parent(tx, row))
    session = Session(store)
    session.add(_between(store, base.root, new))
    return session.close()


def compose(store: Store, ids: Sequence[str], *, seconds: int = 0) -> str:
    """A fileset of the writes of these, one after the other; its id."""
    _check_life(seconds or _LIFE)
    session = Session(store)
    for id in ids:
        session.add(_operations(store, id))
    return session.close(seconds=seconds or _LIFE)


def add(store: Store, id: str, commit: Commit) -> None:
    """Write what a fileset holds into a commit, as if it came in one stream."""
    session = writing.Session(store, commit)
    session.add(_operations(store, id))
    session.close()


def renew(tx: Tx, id: str, *, now: int, seconds: int) -> None:
    """Let a fileset live so many seconds from now on; `NotFound` if it is there no more."""
    _check_life(seconds)
    read_fileset(tx, id, now)
    tx.run("UPDATE filesets SET expires = ? WHERE id = ?", now + seconds * _SECOND, id)


def shard(store: Store, id: str, *, number: int = 0, size: int = 0) -> Iterator[tuple[str, str]]:
    """Ranges of paths, each from a path on and before another, that together hold all files.

    Each has at least `number` files or `size` bytes where these are not 0, but for the last one. An empty text is
    no bound.
    """
    with store.database.read() as tx:
        root = read_fileset(tx, id, store.now()).root
    lower = ""
    files_in = bytes_in = 0
    for entry in tree.iterate(store.read_node, root):
        if (number and files_in >= number) or (size and bytes_in >= size):
            yield lower, entry.path
            lower, files_in, bytes_in = entry.path, 0, 0
        files_in += 1
        bytes_in += entry.size
    yield lower, ""


def read(
    store: Store, id: str, *, is_wanted: Callable[[str], bool], has_content: bool = True
) -> Iterator[tuple[str, bytes]]:
    """The wanted files in order, each as its path with a piece of its content; one without content has one, empty."""
    for path, pieces in contents(store, id, is_wanted=is_wanted):
        if not pieces or not has_content:
            yield path, b""
            continue
        for data in files.read(store, pieces):
            yield path, data


def contents(store: Store, id: str, *, is_wanted: Callable[[str], bool]) -> Iterator[tuple[str, list[Chunk]]]:
    """The wanted files in order, each as its path and the chunks of its content."""
    with store.database.read() as tx:
        root = read_fileset(tx, id, store.now()).root
    for path, entries in groupby(tree.iterate(store.read_node, root), lambda entry: entry.path):
        if is_wanted(path):
            yield path, [piece for entry in entries for piece in entry.pieces]


def expire(tx: Tx, now: int) -> None:
    """Forget the filesets whose time is over and of which no cached value speaks."""
    tx.run("DELETE FROM filesets WHERE expires <= ? AND id NOT IN (SELECT id FROM cache_filesets)", now)


def _insert(tx: Tx, root: Digest | None, *, now: int, seconds: int) -> str:
    expire(tx, now)
    id = new_commit_id()
    tx.run(
        "INSERT INTO filesets (id, created, expires, tree) VALUES (?, ?, ?, ?)", id, now, now + seconds * _SECOND, root
    )
    return id


def _check_life(seconds: int) -> None:
    if not 1 <= seconds <= _LONGEST:
        raise Invalid(
            f"ttl ({seconds} s) invalid: it must be at least one second and at most a day",
            kind="bad-ttl",
            code=Code.UNKNOWN,
        )


def _leads_to(tx: Tx, commit: Commit, root: Digest | None) -> bool:
    return resolve.commit(tx, commit).root == root


def _operations(store: Store, id: str) -> Iterator[Operation]:
    with store.database.read() as tx:
        row = read_fileset(tx, id, store.now())
        edits = [data for (data,) in tx.all("SELECT edits FROM fileset_edits WHERE id = ? ORDER BY edit", id)]
    for data in edits:
        yield from changes.decode(data)
    if not edits:
        for entry in tree.iterate(store.read_node, row.root):
            yield Put(entry.path, entry.datum, entry.pieces)


def _between(store: Store, old: Digest | None, new: Digest | None) -> Iterator[Operation]:
    for change in diff.differences(store.read_node, new, old):
        if change.old is not None:
            yield Delete(change.old.path, change.old.datum)
        if change.new is not None:
            yield Put(change.new.path, change.new.datum, change.new.pieces)
