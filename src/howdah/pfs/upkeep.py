"""What the store's bytes are needed for: the roots from which gc marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from howdah.db.database import Tx
from howdah.digest import Digest
from howdah.pfs import changes, filesets
from howdah.pfs.changes import Put
from howdah.store import gc
from howdah.store.store import Store


class CommitRoots:
    """The trees of all commits and filesets, and the chunks of their edits, which are read once: they never change."""

    def __init__(self) -> None:
        self._last = 0
        self._last_of_filesets = 0

    def fresh(self, tx: Tx) -> tuple[Sequence[Digest], Sequence[Digest]]:
        """See `gc.Roots`."""
        trees = [root for (root,) in tx.all("SELECT DISTINCT tree FROM commits WHERE tree IS NOT NULL")]
        chunks: list[Digest] = []
        for number, data in tx.all("SELECT edit, edits FROM edits WHERE edit > ? ORDER BY edit", self._last):
            self._last = number
            chunks.extend(_pieces(data))
        trees += [root for (root,) in tx.all("SELECT DISTINCT tree FROM filesets WHERE tree IS NOT NULL")]
        waiting = tx.all("SELECT edit, edits FROM fileset_edits WHERE edit > ? ORDER BY edit", self._last_of_filesets)
        for number, data in waiting:
            self._last_of_filesets = number
            chunks.extend(_pieces(data))
        return trees, chunks


def _pieces(edits: bytes) -> Iterator[Digest]:
    return (piece.digest for op in changes.decode(edits) if isinstance(op, Put) for piece in op.pieces)


def collect(store: Store, *, unread: gc.Unread = gc.nobody_reads) -> gc.Report:
    """Remove what no commit needs; see `gc.collect`."""
    with store.database.write() as tx:
        filesets.expire(tx, store.now())
    return gc.collect(store, CommitRoots(), unread=unread)
