"""Remove the bytes that nothing refers to, and gather what is left in fewer packs; everybody goes on working.

What must stay is what the rows lead to at the very moment of removal, and what living writers rely on:

- Marking walks the trees outside of any transaction. Rows are removed by transactions that first mark what has come to
  be since, so a commit and a removal come one after the other, never half and half.
- A writer that finds its blob stored holds it fast (`Blobs.relied_on`) before it lets go of the bytes.
- Objects go last. One that no row names is left alone while the writer that makes it lives.

A crash leaves rows whose blobs nobody needs, or objects that no row names: the next run removes them. Memory: 9 bytes a
blob, and two packs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from howdah.db.database import Tx
from howdah.digest import Digest, of_bytes
from howdah.errors import Corrupt, NotFound
from howdah.store import index, node
from howdah.store.blobs import PACK_SIZE
from howdah.store.index import Fill
from howdah.store.marks import Marks
from howdah.store.pack import FOLDER, MAGIC, Blob, Kind, Pack, kind_at, new_name, survey
from howdah.store.store import Store

_NEEDED = 1
_WALKED = 2  # apart from the other: a file's bytes may be those of a node, whose children must be seen too
_REMOVE_AT_ONCE = 5000
_SMALL = PACK_SIZE // 4
_MANY_SMALL = 16


Needed: TypeAlias = dict[Digest, tuple[Kind, memoryview]]
"""Blobs of a pack, with what they are."""
Unread = Callable[[], AbstractContextManager[bool]]
"""Tells, for as long as the block lasts, whether nobody else reads packs by an older state of the rows."""


@contextmanager
def nobody_reads() -> Iterator[bool]:
    """The `Unread` of a store that no other process looks at."""
    yield True


class Roots(Protocol):
    """What rows lead to."""

    def fresh(self, tx: Tx) -> tuple[Sequence[Digest], Sequence[Digest]]:
        """Roots of trees, and chunks; those that were given before may be left out, unless they were away since."""


class Report(NamedTuple):
    """What a run did. `freed` may be below 0, where little garbage was found and packs were rewritten."""

    blobs: int
    packs_before: int
    packs_after: int
    freed: int
    is_held: bool
    """Whether objects that could go were kept, since somebody reads them."""


@dataclass(slots=True)
class _Marker:
    """Marks what is needed."""

    store: Store
    roots: Roots
    marks: Marks
    unknown: set[Digest]  # nodes that are newer than the marks

    def mark(self, tx: Tx | None = None) -> None:
        """Mark what the rows lead to, as `tx` or a look of its own sees them."""
        if tx is None:
            with self.store.database.read() as look:
                trees, chunks = self.roots.fresh(look)
        else:
            trees, chunks = self.roots.fresh(tx)
        for chunk in chunks:
            self.marks.set(chunk, _NEEDED)
        waiting = [root for root in trees if self._enter(root)]
        while waiting:
            found = self._references(waiting.pop())
            for chunk in found.chunks:
                self.marks.set(chunk, _NEEDED)
            waiting.extend(child for child in found.nodes if self._enter(child))

    def is_garbage(self, digest: Digest) -> bool:
        """Whether a blob that was there when the marks were made is not needed."""
        return self.marks.get(digest) == 0

    def _references(self, digest: Digest) -> node.References:
        try:
            return node.references(self.store.blobs.read(digest))
        except Corrupt as error:
            raise Corrupt(
                f"nothing more is removed, since a tree cannot be read ({error.message.partition(':')[0]}):"
                " `howdah fsck` names the commits; bring it back from a backup, or delete these"
            ) from error

    def _enter(self, digest: Digest) -> bool:
        """Mark a node; whether it is for the first time."""
        marked = self.marks.get(digest)
        if marked is None:
            is_first = digest not in self.unknown
            self.unknown.add(digest)
            return is_first
        self.marks.set(digest, _NEEDED | _WALKED)
        return not marked & _WALKED


def collect(store: Store, roots: Roots, *, unread: Unread = nobody_reads) -> Report:
    """Remove what nothing refers to, and rewrite packs of which little is needed, and small ones where they are many.

    A damaged tree raises `Corrupt`, and nothing that it may lead to is removed.
    """
    with store.upkeep:
        before = dict(store.shelf.list(FOLDER))
        with store.database.read() as tx:
            marker = _Marker(store, roots, Marks(index.digests(tx)), set())
        removed = _remove(marker)
        may = _clear(store, unread)  # at once, so that there is room for what is rewritten
        rewrite(store, _wasteful(store))
        may = _clear(store, unread) and may
        after = dict(store.shelf.list(FOLDER))
        return Report(removed, len(before), len(after), sum(before.values()) - sum(after.values()), not may)


def _remove(marker: _Marker) -> int:
    """Remove the rows of blobs that are not needed; returns how many."""
    database, blobs = marker.store.database, marker.store.blobs
    marker.mark()
    removed = 0
    for candidates in _garbage(marker):
        marker.mark()  # what is new by now; so that there is next to nothing left to be marked below
        with blobs.removal() as kept, database.write() as tx:
            marker.mark(tx)
            garbage = [digest for digest in candidates if marker.is_garbage(digest)]
            gone = set(garbage) - kept(tx, garbage)
            index.remove(tx, gone)
        removed += len(gone)
    return removed


def _garbage(marker: _Marker) -> Iterator[list[Digest]]:
    with marker.store.database.read() as tx:
        gathered: list[Digest] = []
        for page in index.pages(tx):
            gathered.extend(digest for digest in page if marker.is_garbage(digest))
            while len(gathered) >= _REMOVE_AT_ONCE:
                yield gathered[:_REMOVE_AT_ONCE]
                del gathered[:_REMOVE_AT_ONCE]
        if gathered:
            yield gathered


def _wasteful(store: Store) -> list[Fill]:
    """The packs of which less than half is needed, and small ones where they are many."""
    with store.database.read() as tx:
        fills = [fill for fill in index.fills(tx) if fill.blobs]
    small = [fill for fill in fills if fill.size < _SMALL]
    chosen = {fill for fill in fills if 2 * fill.bytes < fill.size - len(MAGIC)}
    if len(small) >= _MANY_SMALL:
        chosen.update(small)
    return sorted(chosen)


def rewrite(store: Store, chosen: Sequence[Fill]) -> None:
    """Bring what is needed of these packs into new ones.

    One that has lost some of it is left as it is, and so is one whose writer lives.
    """
    made = store.blobs.made()  # after the look at the rows: what was recorded then, and is not here, is nobody's
    _join(store, ((fill.pack, _needed(store, fill)) for fill in chosen if fill.name not in made))


def gather(store: Store, *, least: int = _MANY_SMALL) -> int:
    """Bring what is needed of small packs that lie with the rows into the bucket, if they are many; returns how many.

    Nothing is done while somebody else removes or moves bytes.
    """
    with store.database.read() as tx:
        small = index.all_small(tx)
    if len(small) < least or not store.upkeep.acquire(blocking=False):
        return 0
    try:
        made = store.blobs.made()  # as above
        _join(store, ((number, _sound(store, name, size)) for number, name, size in small if name not in made))
    finally:
        store.upkeep.release()
    return len(small)


def _sound(store: Store, name: str, size: int) -> Needed | None:
    """The blobs that the index finds in a pack; None if something is amiss with that."""
    try:
        whole = store.shelf.get(name, 0, size)
    except NotFound:
        return None
    held, amiss = survey(name, whole)
    return None if amiss else _found(store, held, whole)


def _join(store: Store, packs: Iterable[tuple[int, Needed | None]]) -> None:
    """Bring what is needed of these packs into new ones, but for those that are damaged."""
    pack = Pack(new_name())
    sources: list[int] = []
    for number, needed in packs:
        if needed is None:
            continue  # left for fsck to tell, and for a backup to mend
        if sources and pack.size + sum(len(data) for _, data in needed.values()) > PACK_SIZE:
            _replace(store, pack, sources)
            pack, sources = Pack(new_name()), []
        for digest, (kind, data) in needed.items():
            pack.add(digest, kind, data)
        sources.append(number)
    if sources:
        _replace(store, pack, sources)


def _needed(store: Store, fill: Fill) -> Needed | None:
    """The blobs that the index finds in a pack; None if it does not hold them all."""
    try:
        whole = store.shelf.get(fill.name, 0, fill.size)
    except NotFound:
        return None
    held, _ = survey(fill.name, whole)
    found = _found(store, held, whole)
    return found if len(found) == fill.blobs else _placed(store, fill, whole)


def _found(store: Store, held: Sequence[Blob], whole: bytes) -> Needed:
    """Those of the blobs of a whole pack that the index finds there."""
    with store.database.read() as tx:
        places = index.find(tx, [digest for digest, _, _ in held])
    view = memoryview(whole)
    return {
        digest: (kind, view[place.offset : place.offset + place.length])
        for digest, kind, place in held
        if places.get(digest) == place
    }


def _placed(store: Store, fill: Fill, whole: bytes) -> Needed | None:
    """As `_needed`, for a pack whose headers may be damaged: by the index alone, which is looked through for it."""
    with store.database.read() as tx:
        places = index.of_pack(tx, fill.pack, fill.name)
    found = {}
    for digest, place in places.items():
        data = memoryview(whole)[place.offset : place.offset + place.length]
        if of_bytes(data) != digest:
            return None
        found[digest] = (kind_at(whole, place), data)
    return found


def _replace(store: Store, pack: Pack, sources: Sequence[int]) -> None:
    if not pack.blobs:
        with store.database.write() as tx:
            index.forget_packs(tx, sources)
        return
    store.shelf.put(pack.name, pack.parts)
    pack.parts = []  # durable by now
    with store.database.write() as tx:
        index.move(tx, pack, sources)


def _clear(store: Store, unread: Unread) -> bool:
    """Forget the packs that no blob is in, and remove the objects that no row names, unless somebody reads them."""
    with store.database.read() as tx:
        empty = [fill.pack for fill in index.fills(tx) if not fill.blobs]
    if empty:
        with store.database.write() as tx:
            index.forget_packs(tx, empty)
    with unread() as may:
        if may:
            _remove_unnamed(store)
        return may


def _remove_unnamed(store: Store) -> None:
    listed = [name for name, _ in store.shelf.list(FOLDER)]
    made = store.blobs.made()  # before the look at the rows: what is recorded in between is found there
    with store.database.read() as tx:
        named = index.names(tx)
    for name in listed:
        if name not in made and name not in named:
            store.shelf.delete(name)
