"""The nodes of trees, and where one ends.

A tree is a sorted list of entries cut into leaves; the leaves' ranges are again a sorted list, cut into nodes of
level 1, and so on up to one root. Where a node ends depends only on the items since it began: after `MINIMUM`
items the first whose key hashes right, or `MAXIMUM` items, or `MAXIMUM_BYTES`. So equal data splits equally, and
a change rewrites few nodes.

Bytes of a node: a msgpack array of columns (docs/formats.md).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import msgpack

from howdah import digest as digests
from howdah.digest import Digest
from howdah.errors import Corrupt
from howdah.names import DEFAULT_DATUM

MINIMUM = 64
MAXIMUM = 1024
MAXIMUM_BYTES = 256 << 10
# The chance that an item past the minimum ends a node is 1 in 2^_BITS.
_BITS = 8
# Odd multipliers, one a level: without mixing, checksums of numbered names would hit or miss together.
_MIX = (0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F)


class Chunk(NamedTuple):
    """A piece of a file: its bytes' digest and length."""

    digest: Digest
    size: int


class Entry(NamedTuple):
    """A file in a tree. `chunks` is empty where the whole file is one chunk (or empty): `digest` names it then."""

    path: str
    datum: str
    size: int
    digest: Digest
    chunks: tuple[Chunk, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What entries are sorted by: bytewise by path, then by datum."""
        return (self.path, self.datum)

    @property
    def pieces(self) -> tuple[Chunk, ...]:
        """The file's content, in order."""
        if self.chunks or not self.size:
            return self.chunks
        return (Chunk(self.digest, self.size),)

    @property
    def part(self) -> int:
        """The file's part in directory digests."""
        return digests.of_entry(self.path, self.datum, self.digest)


class Range(NamedTuple):
    """A node as its parent knows it: the paths it spans, and totals over the files below it."""

    first: str
    last: str
    files: int
    size: int
    total: int
    digest: Digest


class Leaf:
    """A decoded leaf: entries in order. Nothing in it changes."""

    __slots__ = ("_sums", "entries")

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self._sums: list[int] = []

    def total(self, start: int, stop: int) -> int:
        """The sum of the parts of the entries from one place to another."""
        if not self._sums:  # all of them at once: a folder's neighbours are asked for next
            self._sums = [0, *accumulate([entry.part for entry in self.entries])]
        return digests.subtract(self._sums[stop], self._sums[start])


class Inner(NamedTuple):
    """A decoded node of a higher level; its children are nodes of `level - 1`."""

    level: int
    ranges: list[Range]


def make_entry(path: str, datum: str, pieces: Sequence[Chunk]) -> Entry:
    """The entry of a file with these contents."""
    if len(pieces) > 1:
        digest = digests.of_chunks(piece.digest for piece in pieces)
        return Entry(path, datum, sum(piece.size for piece in pieces), digest, tuple(pieces))
    if pieces:
        return Entry(path, datum, pieces[0].size, pieces[0].digest)
    return Entry(path, datum, 0, digests.EMPTY)


def ends_node(level: int, count: int, size: int, key: str) -> bool:
    """Whether a node of `level` with `count` items and about `size` bytes ends after the item with this key."""
    if count < MINIMUM:
        return size >= MAXIMUM_BYTES
    if count >= MAXIMUM or size >= MAXIMUM_BYTES:
        return True
    mixed = (zlib.crc32(key.encode()) * _MIX[level % len(_MIX)]) & 0xFFFFFFFF
    return mixed >> (32 - _BITS) == 0


def weight(entry: Entry) -> int:
    """About how many bytes an entry takes in a leaf."""
    return 48 + len(entry.path) + 40 * len(entry.chunks)


def encode_leaf(entries: Sequence[Entry]) -> bytes:
    """The bytes of a leaf."""
    packed: bytes = msgpack.packb(
        [
            0,
            [entry.path for entry in entries],
            [entry.size for entry in entries],
            b"".join([entry.digest for entry in entries]),
            {at: entry.datum for at, entry in enumerate(entries) if entry.datum != DEFAULT_DATUM},
            {
                at: [b"".join(chunk.digest for chunk in entry.chunks), [chunk.size for chunk in entry.chunks]]
                for at, entry in enumerate(entries)
                if entry.chunks
            },
        ]
    )
    return packed


def encode_inner(level: int, ranges: Sequence[Range]) -> bytes:
    """The bytes of a node above the leaves."""
    packed: bytes = msgpack.packb(
        [
            level,
            [child.first for child in ranges],
            [child.last for child in ranges],
            [child.files for child in ranges],
            [child.size for child in ranges],
            b"".join([child.total.to_bytes(digests.SIZE, "big") for child in ranges]),
            b"".join([child.digest for child in ranges]),
        ]
    )
    return packed


def range_of_leaf(digest: Digest, leaf: Leaf) -> Range:
    """What a parent keeps of a leaf."""
    entries = leaf.entries
    size = sum([entry.size for entry in entries])
    return Range(entries[0].path, entries[-1].path, len(entries), size, leaf.total(0, len(entries)), digest)


def range_of_inner(digest: Digest, ranges: Sequence[Range]) -> Range:
    """What a parent keeps of a node above the leaves."""
    return Range(
        ranges[0].first,
        ranges[-1].last,
        sum(child.files for child in ranges),
        sum(child.size for child in ranges),
        digests.add(sum(child.total for child in ranges), 0),
        digest,
    )


def decode(data: bytes) -> Leaf | Inner:
    """The node with these bytes; anything else raises `Corrupt`."""
    try:
        columns = msgpack.unpackb(data, strict_map_key=False)
        level = columns[0]
        return _decode_inner(level, columns) if level else _decode_leaf(columns)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, msgpack.UnpackException) as error:
        raise Corrupt(f"a tree's node cannot be decoded ({error}): restore it from a backup") from error


def _split(joined: bytes, count: int) -> list[Digest]:
    if len(joined) != count * digests.SIZE:
        raise ValueError("a column of digests has the wrong length")
    return [joined[at : at + digests.SIZE] for at in range(0, len(joined), digests.SIZE)]


def _decode_leaf(columns: Sequence[Any]) -> Leaf:
    _, paths, sizes, joined, datums, chunks = columns
    names = _split(joined, len(paths))
    entries = [Entry(path, DEFAULT_DATUM, size, name) for path, size, name in zip(paths, sizes, names, strict=True)]
    for at, datum in datums.items():
        entries[at] = entries[at]._replace(datum=datum)
    for at, (pieces, lengths) in chunks.items():
        listed = tuple(map(Chunk, _split(pieces, len(lengths)), lengths))
        entries[at] = entries[at]._replace(chunks=listed)
    return Leaf(entries)


def _decode_inner(level: int, columns: Sequence[Any]) -> Inner:
    _, firsts, lasts, counts, sizes, totals, joined = columns
    sums = [int.from_bytes(total, "big") for total in _split(totals, len(firsts))]
    names = _split(joined, len(firsts))
    return Inner(level, list(map(Range, firsts, lasts, counts, sizes, sums, names)))


class References(NamedTuple):
    """What a node's bytes name: nodes of the level below, or chunks of files."""

    nodes: list[Digest]
    chunks: list[Digest]


def references(data: bytes) -> References:
    """The blobs that the node with these bytes names; anything else raises `Corrupt`."""
    found = decode(data)
    if isinstance(found, Inner):
        return References([child.digest for child in found.ranges], [])
    return References([], [piece.digest for entry in found.entries for piece in entry.pieces])
