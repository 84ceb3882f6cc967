"""Look whether every blob lies where the index says, by reading every pack; and rebuild the index from the packs.

Memory: 9 bytes a blob, and one pack with the list of its blobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from howdah.digest import Digest
from howdah.errors import HowdahError, NotFound
from howdah.store import gc, index
from howdah.store.marks import Marks
from howdah.store.pack import FOLDER, Blob, Place, survey
from howdah.store.store import Store

_SOUND = 1
_LOOK = 5000


class Sound:
    """Which blobs can be read, and what is amiss with packs: `told`, a line each. Made with `Store.upkeep` held."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.told: list[str] = []
        self.damaged: set[str] = set()
        """Packs with something amiss in them."""
        self._elsewhere: set[Digest] = set()  # found where the index does not say
        with store.database.read() as tx:
            named = index.names(tx)
            self._marks = Marks(index.digests(tx))
        for name, blobs, amiss in _surveyed(store, self.told, named):
            if amiss:
                self.told.append(amiss)
                self.damaged.add(name)
            for digest, place, indexed in _indexed(store, blobs):
                if indexed == place:
                    self._marks.set(digest, _SOUND)
                elif indexed is not None:
                    self._elsewhere.add(digest)
            named.discard(name)
        self.told.extend(f"pack {name} is missing" for name in sorted(named))
        for digest in self.unsound():  # a pack's headers can be damaged, and its blobs sound
            if not self.why(digest):
                self._marks.set(digest, _SOUND)

    def __contains__(self, digest: Digest) -> bool:
        """Whether the blob can be read; one that is newer than this look can."""
        mark = self._marks.get(digest)
        return bool(mark) or (mark is None and bool(self._store.blobs.stored([digest])))

    def why(self, digest: Digest) -> str:
        """What is the matter with a blob; empty if it can be read."""
        try:
            self._store.blobs.read(digest)
        except HowdahError as error:
            told = error.message.partition(":")[0]
            return f"{told}, and lies elsewhere, so that --fix can help" if digest in self._elsewhere else told
        return ""

    def unsound(self) -> Iterator[Digest]:
        """The blobs of the index that cannot be read."""
        with self._store.database.read() as tx:
            for digest in index.digests(tx):
                if self._marks.get(digest) == 0:
                    yield digest


def repair(store: Store, sound: Sound) -> list[str]:
    """Let the index find again what is in the packs, and forget what is nowhere; returns what was done.

    What is forgotten can be stored anew: whoever puts the same content heals every commit that has it.
    """
    found = 0
    for name, blobs, _ in _surveyed(store, [], set()):
        lost = {
            digest: place
            for digest, place, indexed in _indexed(store, blobs)
            if indexed is None or (indexed != place and digest not in sound)
        }
        if lost:
            with store.database.write() as tx:
                index.place(tx, name, lost)
            found += len(lost)
    gone = [digest for digest in sound.unsound() if _is_lost(store, digest)]
    with store.blobs.removal() as kept, store.database.write() as tx:
        relied = kept(tx, gone)
        gone = [digest for digest in gone if digest not in relied]
        index.remove(tx, gone)
        index.forget_packs(tx, [fill.pack for fill in index.fills(tx) if not fill.blobs])
    with store.database.read() as tx:
        before = index.names(tx)
        fills = [fill for fill in index.fills(tx) if fill.name in sound.damaged]
    gc.rewrite(store, fills)
    with store.database.read() as tx:
        left = before - index.names(tx)
    done = [f"pack {name}: what is sound was brought into a new pack" for name in sorted(left)]
    if found:
        done.append(f"index: {found} blobs found again in the packs")
    if gone:
        done.append(f"index: {len(gone)} blobs forgotten whose bytes are lost, so that they can be stored anew")
    return done


def _is_lost(store: Store, digest: Digest) -> bool:
    try:
        store.blobs.read(digest)
    except HowdahError as error:
        return error.kind != "disk"  # what the disk does not give now it may give tomorrow
    return False


def _indexed(store: Store, blobs: Sequence[Blob]) -> Iterator[tuple[Digest, Place, Place | None]]:
    """Each blob, where it lies, and where the index says that it does."""
    for start in range(0, len(blobs), _LOOK):
        some = blobs[start : start + _LOOK]
        with store.database.read() as tx:
            found = index.find(tx, [digest for digest, _, _ in some])
        for digest, _, place in some:
            yield digest, place, found.get(digest)


def _surveyed(store: Store, told: list[str], named: set[str]) -> Iterator[tuple[str, list[Blob], str]]:
    """Each pack's name, sound blobs, and what is amiss with it; what living writers are making is left out.

    A pack that the disk does not give is told, and taken from `named`.
    """
    listed = list(store.shelf.list(FOLDER))
    made = store.blobs.made()
    with store.database.read() as tx:
        recorded = index.names(tx)
    for name, size in listed:
        if name in made and name not in recorded:
            continue
        try:
            blobs, amiss = survey(name, store.shelf.get(name, 0, size))
        except NotFound:
            continue
        except HowdahError as error:
            told.append(f"pack {name} cannot be read ({error.message})")
            named.discard(name)
            continue
        yield name, blobs, amiss if name in recorded else ""
