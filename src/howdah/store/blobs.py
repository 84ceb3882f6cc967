"""Blobs by digest: read them, and write new ones so that rows may name them.

Reading checks each blob against its digest, so damaged bytes are never handed out. Writing goes through a
`Writer`: it gathers blobs into packs, leaves out what is stored already, and makes the packs durable before
the caller's transaction records them (bytes before rows).

What a living writer relies on is never removed (`removal`): what it found stored, and the packs that it has made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

from howdah.db.database import Database, Tx
from howdah.digest import Digest, of_bytes
from howdah.errors import Corrupt, NotFound
from howdah.store import index
from howdah.store.pack import Kind, Pack, Place, new_name
from howdah.store.shelf import Shelf
from howdah.threads import beside

PACK_SIZE = 32 << 20
_LEAST_PACK = 1 << 20
_ROOM = 128 << 20  # for what all writers together gather before they write it out
_SMALL = 64 << 10  # a pack of at most this lies with the rows
_WEIGHT = 500  # about what a blob takes in memory besides its bytes, while it waits to be written out


class Blobs:
    """Every blob of one store. Safe for use by several threads."""

    def __init__(self, database: Database, shelf: Shelf, *, room: int = _ROOM) -> None:
        self._database = database
        self._shelf = shelf
        self._room = room
        self._writers: WeakSet[Writer] = WeakSet()
        self._lock = threading.Lock()
        self._removing = threading.Lock()  # taken before a transaction, never within one

    def read(self, digest: Digest) -> bytes:
        """The blob's bytes; `Corrupt` if they are missing or not what was written."""
        return self.fetch(digest, self.find([digest])[digest])

    def find(self, digests: Sequence[Digest]) -> dict[Digest, Place]:
        """The place of each blob; `Corrupt` if one is not in the index."""
        with self._database.read() as tx:
            places = index.find(tx, digests)
        for digest in digests:
            if digest not in places:
                raise Corrupt(
                    f"blob {digest.hex()} is not in the index: its commit was deleted meanwhile, or the index is"
                    " damaged, which `howdah fsck --fix` repairs"
                )
        return places

    def stored(self, digests: Sequence[Digest]) -> dict[Digest, int]:
        """Those of `digests` that are stored already, with their lengths."""
        with self._database.read() as tx:
            return index.lengths(tx, digests)

    def writer(self, *, is_small: bool = False) -> Writer:
        """A new writer; it holds at most about one pack in memory, less where many write at once. See `Writer`."""
        writer = Writer(self, self._shelf, is_small=is_small)
        with self._lock:
            self._writers.add(writer)
        return writer

    def pack_size(self) -> int:
        """How many bytes a writer may gather now, as many being written out: its part of the room of all."""
        return max(_LEAST_PACK, min(PACK_SIZE, self._room // max(1, 2 * len(self._writers))))

    def fetch(self, digest: Digest, place: Place) -> bytes:
        """The bytes of a blob whose place is known; `Corrupt` if they are not what was written.

        A blob that was moved since its place was looked up is looked for once more.
        """
        try:
            data = self._shelf.get(place.pack, place.offset, place.length)
        except NotFound as error:
            moved = self.find([digest])[digest]
            if moved != place:
                return self.fetch(digest, moved)
            raise Corrupt(f"pack {place.pack} is missing: restore it from a backup") from error
        if of_bytes(data) != digest:
            raise Corrupt(
                f"blob {digest.hex()} in pack {place.pack} at byte {place.offset} is damaged: restore it from a backup"
            )
        return data

    def path(self, place: Place) -> Path | None:
        """The file of this machine that a blob lies in, if it is one."""
        return self._shelf.path(place.pack)

    @contextmanager
    def removal(self) -> Iterator[Callable[[Tx, Sequence[Digest]], set[Digest]]]:
        """While this lasts, no writer comes to rely on stored blobs; gives which of some blobs one does already.

        Blobs may be removed by a transaction that begins and ends inside.
        """
        with self._removing:
            relied = [writer.relied for writer in self._living()]
            made = self.made()

            def kept(tx: Tx, digests: Sequence[Digest]) -> set[Digest]:
                places = index.find(tx, digests) if made else {}
                own = {digest for digest, place in places.items() if place.pack in made}
                return own.union(*(some.intersection(digests) for some in relied))

            yield kept

    def relied_on(self, digests: Sequence[Digest], writer: Writer) -> dict[Digest, int]:
        """Those of `digests` that are stored, with their lengths; they stay for as long as the writer lives."""
        with self._removing:
            stored = self.stored(digests)
            writer.relied.update(stored)
        return stored

    def record(self, pack: Pack, writer: Writer) -> None:
        """Make a durable pack findable before anything names it; its blobs stay for as long as the writer lives."""
        with self._removing:
            places: dict[Digest, Place] = {}
            with self._database.write() as tx:
                if index.record(tx, pack) < len(pack.blobs):
                    places = index.find(tx, list(pack.blobs))
            # What another writer stored meanwhile has kept its place, and would go with that one's pack.
            writer.relied.update(digest for digest, place in places.items() if place.pack != pack.name)

    def made(self) -> set[str]:
        """The names of the packs that living writers have made, recorded or not yet."""
        return {name for writer in self._living() for name in writer.packs()}

    def _living(self) -> list[Writer]:
        with self._lock:
            return list(self._writers)


class Writer:
    """Writes blobs; used by one thread at a time.

    `add` may be called any number of times; then `flush` makes everything durable, and `record`, inside the
    caller's transaction, makes it findable. Full packs are durable and findable already by then, so that little is
    held in memory, and little is left to that transaction, however much was added. Bytes of a writer that never gets
    there are garbage, nothing more. None of its methods but `record` may be called inside a writing transaction.

    With `is_small`, what is little becomes durable with the caller's transaction, beside its rows (see `shelf`).
    """

    def __init__(self, blobs: Blobs, shelf: Shelf, *, is_small: bool) -> None:
        self._is_small = is_small
        self._blobs = blobs
        self._shelf = shelf
        self._waiting: dict[Digest, tuple[Kind, bytes | memoryview]] = {}
        self._waiting_size = 0
        self._look_at = _LEAST_PACK  # when to see next whether a pack is full
        self._packs: list[str] = []
        self._made: Pack | None = None  # made last, and not known to be recorded
        self._under_way: Future[None] | None = None  # it is being made durable while the next is gathered
        self.relied: set[Digest] = set()
        """Blobs of others that it found stored and may name; grows under the lock of `Blobs.relied_on`."""

    def add(self, kind: Kind, data: bytes | memoryview) -> Digest:
        """Take one blob, whose bytes do not change any more; returns its digest."""
        digest = of_bytes(data)
        if digest not in self._waiting and not (self._made and digest in self._made.blobs):
            self._waiting[digest] = (kind, data)
            self._waiting_size += len(data) + _WEIGHT
            if self._waiting_size >= self._look_at:
                self._look_at += _LEAST_PACK
                if self._waiting_size >= self._blobs.pack_size():
                    self._begin_pack()
        return digest

    def rely(self, digests: Sequence[Digest]) -> None:
        """Name stored blobs without adding them; `NotFound` if one is gone. They stay while the writer lives."""
        if set(digests) - self._blobs.relied_on(digests, self).keys():
            raise NotFound("what is to be copied was deleted meanwhile: look for it again", kind="source-deleted")

    def held(self, digests: Sequence[Digest]) -> dict[Digest, int]:
        """Those of `digests` that need not be added, with their lengths: what is stored, and what was added here.

        They stay while the writer lives.
        """
        own: dict[Digest, int] = {}
        for digest in digests:
            if digest in self._waiting:
                own[digest] = len(self._waiting[digest][1])
            elif self._made and digest in self._made.blobs:
                own[digest] = self._made.blobs[digest][1]
        others = [digest for digest in digests if digest not in own]
        return own | self._blobs.relied_on(others, self) if others else own

    def packs(self) -> list[str]:
        """The names of the packs that it has made or is making."""
        return self._packs.copy()

    def read(self, digest: Digest) -> bytes:
        """A blob, be it stored before or added here and not yet recorded."""
        own = self._own(digest)
        return self._blobs.read(digest) if own is None else own

    def _own(self, digest: Digest) -> bytes | None:
        """A blob that the index does not name yet."""
        waiting = self._waiting.get(digest)
        if waiting is not None:
            return bytes(waiting[1])
        made = self._made
        if made is None or digest not in made.blobs:
            return None
        self._end_pack()
        return self._shelf.get(made.name, *made.blobs[digest])

    def flush(self) -> None:
        """Make everything added so far durable, but for what is to be so with the rows."""
        self._end_pack()
        pack = self._next_pack()
        if pack is not None and not (self._is_small and pack.size <= _SMALL):
            self._made = None  # until it is durable
            self._put(pack)
            self._made = pack

    def record(self, tx: Tx) -> None:
        """Make everything that `flush` stored findable, as part of the caller's transaction."""
        assert not self._waiting  # the caller flushes first: bytes before rows
        assert self._under_way is None
        if self._made is not None:
            index.record(tx, self._made)

    def _begin_pack(self) -> None:
        """Let a thread make durable and findable what waits, once the pack before is; more may be added meanwhile."""
        self._end_pack()
        pack = self._next_pack()
        if pack is not None:
            self._under_way = beside(lambda: self._put_and_record(pack), "pack")

    def _end_pack(self) -> None:
        """See that the pack made last is recorded."""
        under_way, made = self._under_way, self._made
        self._under_way = self._made = None
        if under_way is not None:
            under_way.result()
        elif made is not None:  # flushed for a transaction that did not come to an end
            self._blobs.record(made, self)

    def _next_pack(self) -> Pack | None:
        """What waits as a pack; None if all of it is stored already."""
        if not self._waiting:
            return None
        stored = self._blobs.relied_on(list(self._waiting), self)
        pack = Pack(new_name())
        for digest, (kind, data) in self._waiting.items():
            if digest not in stored:
                pack.add(digest, kind, data)
        self._waiting = {}
        self._waiting_size = 0
        self._look_at = _LEAST_PACK
        if not pack.blobs:
            return None
        self._packs.append(pack.name)  # before it is there, so that nobody takes it for one that was left behind
        self._made = pack
        return pack

    def _put(self, pack: Pack) -> None:
        try:
            self._shelf.put(pack.name, pack.parts)
        except BaseException:
            self._packs.remove(pack.name)
            raise
        pack.parts = []  # the bytes lie in the bucket now; only the places are still needed

    def _put_and_record(self, pack: Pack) -> None:
        self._put(pack)
        self._blobs.record(pack, self)
