"""Where each blob lies: the only rows that know packs and offsets. Repacking changes these and no tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from howdah.db.database import Tx
from howdah.store.digest import Digest
from howdah.store.pack import Pack, Place

_BATCH = 500
_SELECT = "SELECT blobs.digest, packs.name, blobs.place, blobs.length FROM blobs JOIN packs USING (pack)"


def find(tx: Tx, digests: Sequence[Digest]) -> dict[Digest, Place]:
    """The places of those of `digests` that are stored."""
    found: dict[Digest, Place] = {}
    for start in range(0, len(digests), _BATCH):
        batch = digests[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        rows = tx.all(f"{_SELECT} WHERE blobs.digest IN ({marks})", *batch)
        found.update({row[0]: Place(row[1], row[2], row[3]) for row in rows})
    return found


def record(tx: Tx, packs: Iterable[Pack]) -> None:
    """Make the blobs of durable packs findable. A blob that another writer stored meanwhile keeps its place."""
    for pack in packs:
        number = tx.insert("INSERT INTO packs (name, size) VALUES (?, ?)", pack.name, pack.size)
        tx.many(
            "INSERT INTO blobs (digest, pack, place, length) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
            [(digest, number, offset, length) for digest, (offset, length) in pack.blobs.items()],
        )
