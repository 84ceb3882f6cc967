"""What the store's bytes are needed for: the roots from which gc marks."""

from __future__ import annotations

from collections.abc import Sequence

from howdah.db.database import Tx
from howdah.pfs import changes
from howdah.pfs.changes import Put
from howdah.store import gc
from howdah.store.digest import Digest
from howdah.store.store import Store


class CommitRoots:
    """The trees of all commits, and the chunks of edits that wait. Edits are read once, since they never change."""

    def __init__(self) -> None:
        self._last = 0

    def fresh(self, tx: Tx) -> tuple[Sequence[Digest], Sequence[Digest]]:
        """See `gc.Roots`."""
        trees = [root for (root,) in tx.all("SELECT DISTINCT tree FROM commits WHERE tree IS NOT NULL")]
        chunks: list[Digest] = []
        for number, data in tx.all("SELECT edit, edits FROM edits WHERE edit > ? ORDER BY edit", self._last):
            self._last = number
            chunks.extend(piece.digest for op in changes.decode(data) if isinstance(op, Put) for piece in op.pieces)
        return trees, chunks


def collect(store: Store, *, unread: gc.Unread = gc.nobody_reads) -> gc.Report:
    """Remove what no commit needs; see `gc.collect`."""
    return gc.collect(store, CommitRoots(), unread=unread)
