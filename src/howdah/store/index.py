"""Where each blob lies: the only rows that know packs and offsets. Repacking changes these and no tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from howdah.db.database import Row, Tx
from howdah.digest import Digest
from howdah.store.pack import Pack, Place

_BATCH = 500
_PAGE = 20_000
_PLACES = "SELECT blobs.digest, packs.name, blobs.place, blobs.length FROM blobs JOIN packs USING (pack)"
_SMALL = "SELECT pack, name, length(bytes) FROM small_packs JOIN packs USING (pack) ORDER BY name"
_LENGTHS = "SELECT digest, length FROM blobs"


class Fill(NamedTuple):
    """How much of a pack the index names: how many blobs, and their bytes."""

    pack: int
    name: str
    size: int
    blobs: int
    bytes: int


def find(tx: Tx, digests: Sequence[Digest]) -> dict[Digest, Place]:
    """The places of those of `digests` that are stored."""
    return {row[0]: Place(row[1], row[2], row[3]) for row in _look(tx, _PLACES, digests)}


def lengths(tx: Tx, digests: Sequence[Digest]) -> dict[Digest, int]:
    """The lengths of those of `digests` that are stored."""
    return dict(_look(tx, _LENGTHS, digests))


def _look(tx: Tx, select: str, digests: Sequence[Digest]) -> Iterator[Row]:
    for start in range(0, len(digests), _BATCH):
        batch = digests[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        yield from tx.all(f"{select} WHERE blobs.digest IN ({marks})", *batch)


def record(tx: Tx, pack: Pack) -> int:
    """Make the blobs of a pack findable; returns of how many that was the first place.

    One that is not durable by now, since it is small, is with these rows.

    A blob that another writer stored meanwhile keeps its place.
    """
    number = add_pack(tx, pack.name, pack.size)
    if pack.parts:
        tx.run("INSERT INTO small_packs (pack, bytes) VALUES (?, ?)", number, b"".join(pack.parts))
    return tx.many(
        "INSERT INTO blobs (digest, pack, place, length) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
        [(digest, number, offset, length) for digest, (offset, length) in pack.blobs.items()],
    )


def add_pack(tx: Tx, name: str, size: int) -> int:
    """A new pack's number."""
    return tx.insert("INSERT INTO packs (name, size) VALUES (?, ?)", name, size)


def small(tx: Tx, name: str, offset: int, length: int) -> bytes | None:
    """Bytes of a pack that lies here, as of an object in a bucket; None of any other."""
    row = tx.one("SELECT bytes FROM small_packs JOIN packs USING (pack) WHERE name = ?", name)
    return row[0][offset : offset + length] if row is not None else None


def all_small(tx: Tx) -> list[tuple[int, str, int]]:
    """Number, name and size of each pack that lies here, in order of name."""
    return [(row[0], row[1], row[2]) for row in tx.all(_SMALL)]


def digests(tx: Tx) -> Iterator[Digest]:
    """Every indexed blob, in ascending order."""
    for page in pages(tx):
        yield from page


def pages(tx: Tx) -> Iterator[list[Digest]]:
    """As `digests`, some thousands at a time."""
    page = [digest for (digest,) in tx.all("SELECT digest FROM blobs ORDER BY digest LIMIT ?", _PAGE)]
    while page:
        yield page
        rows = tx.all("SELECT digest FROM blobs WHERE digest > ? ORDER BY digest LIMIT ?", page[-1], _PAGE)
        page = [digest for (digest,) in rows]


def remove(tx: Tx, digests: Iterable[Digest]) -> None:
    """Forget these blobs."""
    tx.many("DELETE FROM blobs WHERE digest = ?", [(digest,) for digest in digests])


def fills(tx: Tx) -> list[Fill]:
    """How full each pack is; one look at every blob."""
    rows = tx.all(
        "SELECT packs.pack, name, size, coalesce(named, 0), coalesce(bytes, 0) FROM packs LEFT JOIN"
        " (SELECT pack, count(*) AS named, sum(length) AS bytes FROM blobs GROUP BY pack) USING (pack) ORDER BY pack"
    )
    return [Fill(*row) for row in rows]


def of_pack(tx: Tx, pack: int, name: str) -> dict[Digest, Place]:
    """The blobs that are found in a pack, in the order in which they lie there; one look at every blob."""
    rows = tx.all("SELECT digest, place, length FROM blobs WHERE pack = ? ORDER BY place", pack)
    return {digest: Place(name, offset, length) for digest, offset, length in rows}


def names(tx: Tx) -> set[str]:
    """The names of all packs."""
    return {name for (name,) in tx.all("SELECT name FROM packs")}


def move(tx: Tx, pack: Pack, sources: Sequence[int]) -> None:
    """Let the blobs of a durable pack be found there instead of in the packs `sources`, which are forgotten."""
    number = add_pack(tx, pack.name, pack.size)
    tx.many(
        "UPDATE blobs SET pack = ?, place = ? WHERE digest = ?",
        [(number, offset, digest) for digest, (offset, _) in pack.blobs.items()],
    )
    forget_packs(tx, sources)


def forget_packs(tx: Tx, packs: Iterable[int]) -> None:
    """Remove the rows of packs that no blob is in."""
    tx.many("DELETE FROM packs WHERE pack = ?", [(pack,) for pack in packs])


def place(tx: Tx, name: str, places: Mapping[Digest, Place]) -> None:
    """Let these blobs be found in the pack `name`, known or not."""
    size = max(place.offset + place.length for place in places.values())
    row = tx.one("SELECT pack FROM packs WHERE name = ?", name)
    number = row[0] if row is not None else add_pack(tx, name, size)
    tx.many(
        "INSERT INTO blobs (digest, pack, place, length) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
        " SET pack = excluded.pack, place = excluded.place, length = excluded.length",
        [(digest, number, place.offset, place.length) for digest, place in places.items()],
    )
