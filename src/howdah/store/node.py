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
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgpack

from howdah import digest as digests
from howdah.digest import Digest
from howdah.errors import Corrupt
from howdah.names import DEFAULT_DATUM

MINIMUM = 64
MAXIMUM = 1024
MAXIMUM_BYTES = 256 << 10
RANGE_WEIGHT = 128
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


_Node = TypeVar("_Node")
Part = tuple[_Node, int, int]
"""The items of a node from one place to another."""


@dataclass(slots=True, eq=False)
class Leaf:
    """A leaf in columns, as its bytes are: entries are made when they are asked for. Nothing in it changes.

    `keys` are the paths; `whole` is the sum of all parts, once somebody knows it.
    """

    keys: list[str]
    sizes: list[int]
    digests: bytes
    datums: dict[int, str]
    chunks: dict[int, tuple[Chunk, ...]]
    whole: int | None = None
    level: ClassVar[int] = 0
    _sums: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Leaf:
        """The leaf of these entries."""
        return cls(
            [entry.path for entry in entries],
            [entry.size for entry in entries],
            b"".join([entry.digest for entry in entries]),
            {at: entry.datum for at, entry in enumerate(entries) if entry.datum != DEFAULT_DATUM},
            {at: entry.chunks for at, entry in enumerate(entries) if entry.chunks},
            digests.add(sum([entry.part for entry in entries]), 0),
        )

    @classmethod
    def join(cls, parts: Sequence[Part[Leaf]]) -> Leaf:
        """The leaf of these parts of leaves, one after the other."""
        joined = cls([], [], b"".join([_cut(leaf.digests, start, stop) for leaf, start, stop in parts]), {}, {})
        for leaf, start, stop in parts:
            shift = len(joined.keys) - start
            joined.keys += leaf.keys[start:stop]
            joined.sizes += leaf.sizes[start:stop]
            joined.datums.update((at + shift, datum) for at, datum in leaf.datums.items() if start <= at < stop)
            joined.chunks.update((at + shift, listed) for at, listed in leaf.chunks.items() if start <= at < stop)
        return joined

    def entry(self, at: int) -> Entry:
        """The entry at a place."""
        datum, chunks = self.datums.get(at, DEFAULT_DATUM), self.chunks.get(at, ())
        return Entry(self.keys[at], datum, self.sizes[at], _cut(self.digests, at, at + 1), chunks)

    def entries(self, start: int = 0, stop: int | None = None) -> list[Entry]:
        """The entries from one place to another."""
        end = len(self.keys) if stop is None else stop
        names = _split(_cut(self.digests, start, end))
        found = list(map(Entry, self.keys[start:end], repeat(DEFAULT_DATUM), self.sizes[start:end], names))
        for at in {*self.datums, *self.chunks}:
            if start <= at < end:
                found[at - start] = self.entry(at)
        return found

    def weight(self, start: int, stop: int) -> int:
        """About how many bytes the entries from one place to another take."""
        listed = sum([len(chunks) for at, chunks in self.chunks.items() if start <= at < stop])
        return 48 * (stop - start) + sum(map(len, self.keys[start:stop])) + 40 * listed

    def part(self, at: int) -> int:
        """The part of the entry at a place."""
        return self.entry(at).part

    def total(self, start: int, stop: int) -> int:
        """The sum of the parts of the entries from one place to another."""
        if not self._sums:  # all of them at once: a folder's neighbours are asked for next
            self._sums = [0, *accumulate([entry.part for entry in self.entries()])]
        return digests.subtract(self._sums[stop], self._sums[start])

    def range(self, digest: Digest) -> Range:
        """What a parent keeps of this leaf, whose digest it is."""
        if self.whole is None:
            self.whole = digests.add(sum([entry.part for entry in self.entries()]), 0)
        return Range(self.keys[0], self.keys[-1], len(self.keys), sum(self.sizes), self.whole, digest)

    def encode(self) -> bytes:
        """The leaf's bytes."""
        listed = {
            at: [b"".join([chunk.digest for chunk in chunks]), [chunk.size for chunk in chunks]]
            for at, chunks in self.chunks.items()
        }
        packed: bytes = msgpack.packb([0, self.keys, self.sizes, self.digests, self.datums, listed])
        return packed


@dataclass(slots=True, eq=False)
class Inner:
    """A node of a higher level, in columns; its children are nodes of `level - 1`. Nothing in it changes.

    `keys` are the last paths of the children; `whole` is as a leaf's.
    """

    level: int
    firsts: list[str]
    keys: list[str]
    files: list[int]
    sizes: list[int]
    totals: bytes
    digests: bytes
    whole: int | None = None

    @classmethod
    def of(cls, level: int, ranges: Sequence[Range]) -> Inner:
        """The node with these children."""
        return cls(
            level,
            [child.first for child in ranges],
            [child.last for child in ranges],
            [child.files for child in ranges],
            [child.size for child in ranges],
            b"".join([child.total.to_bytes(digests.SIZE, "big") for child in ranges]),
            b"".join([child.digest for child in ranges]),
            digests.add(sum([child.total for child in ranges]), 0),
        )

    @classmethod
    def join(cls, parts: Sequence[Part[Inner]]) -> Inner:
        """The node of these parts of nodes of one level, one after the other."""
        joined = cls(
            parts[0][0].level,
            *([], [], [], []),
            b"".join([_cut(inner.totals, start, stop) for inner, start, stop in parts]),
            b"".join([_cut(inner.digests, start, stop) for inner, start, stop in parts]),
        )
        for inner, start, stop in parts:
            joined.firsts += inner.firsts[start:stop]
            joined.keys += inner.keys[start:stop]
            joined.files += inner.files[start:stop]
            joined.sizes += inner.sizes[start:stop]
        return joined

    def child(self, at: int) -> Digest:
        """The digest of the child at a place."""
        return _cut(self.digests, at, at + 1)

    def range_of(self, at: int) -> Range:
        """The child at a place."""
        return Range(self.firsts[at], self.keys[at], self.files[at], self.sizes[at], self.part(at), self.child(at))

    def ranges(self, start: int = 0, stop: int | None = None) -> list[Range]:
        """The children from one place to another."""
        end = len(self.keys) if stop is None else stop
        columns = [column[start:end] for column in (self.firsts, self.keys, self.files, self.sizes)]
        totals = [int.from_bytes(total, "big") for total in _split(_cut(self.totals, start, end))]
        return list(map(Range, *columns, totals, _split(_cut(self.digests, start, end))))

    def weight(self, start: int, stop: int) -> int:
        """About how many bytes the children from one place to another take; long paths do not matter here."""
        return RANGE_WEIGHT * (stop - start)

    def part(self, at: int) -> int:
        """The sum of the parts below the child at a place."""
        return int.from_bytes(_cut(self.totals, at, at + 1), "big")

    def total(self, start: int, stop: int) -> int:
        """The sum of the parts below the children from one place to another."""
        return digests.add(sum(map(self.part, range(start, stop))), 0)

    def range(self, digest: Digest) -> Range:
        """What a parent keeps of this node, whose digest it is."""
        if self.whole is None:
            self.whole = self.total(0, len(self.keys))
        return Range(self.firsts[0], self.keys[-1], sum(self.files), sum(self.sizes), self.whole, digest)

    def encode(self) -> bytes:
        """The node's bytes."""
        columns = [self.level, self.firsts, self.keys, self.files, self.sizes, self.totals, self.digests]
        packed: bytes = msgpack.packb(columns)
        return packed


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
    return count >= MAXIMUM or size >= MAXIMUM_BYTES or is_end(level, key)


def is_end(level: int, key: str) -> bool:
    """Whether a node of `level` that has `MINIMUM` items ends after an item with this key, however small it is."""
    mixed = (zlib.crc32(key.encode()) * _MIX[level % len(_MIX)]) & 0xFFFFFFFF
    return mixed >> (32 - _BITS) == 0


def weight(entry: Entry) -> int:
    """About how many bytes an entry takes in a leaf."""
    return 48 + len(entry.path) + 40 * len(entry.chunks)


def decode(data: bytes) -> Leaf | Inner:
    """The node with these bytes; anything else raises `Corrupt`."""
    try:
        columns = msgpack.unpackb(data, strict_map_key=False)
        return _decode_inner(columns) if columns[0] else _decode_leaf(columns)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, msgpack.UnpackException) as error:
        raise Corrupt(f"a tree's node cannot be decoded ({error}): restore it from a backup") from error


def _cut(joined: bytes, start: int, stop: int) -> bytes:
    """The digests, of those joined, from one place to another."""
    return joined[start * digests.SIZE : stop * digests.SIZE]


def _split(joined: bytes) -> list[Digest]:
    return [joined[at : at + digests.SIZE] for at in range(0, len(joined), digests.SIZE)]


def _check(count: int, *columns: list[Any] | bytes) -> None:
    for column in columns:
        if len(column) != (count * digests.SIZE if isinstance(column, bytes) else count):
            raise ValueError("its columns differ in length")


def _decode_leaf(columns: Sequence[Any]) -> Leaf:
    _, paths, sizes, joined, datums, listed = columns
    _check(len(paths), sizes, joined)
    chunks = {}
    for at, (pieces, lengths) in listed.items():
        _check(len(lengths), pieces)
        chunks[at] = tuple(map(Chunk, _split(pieces), lengths))
    return Leaf(paths, sizes, joined, dict(datums), chunks)


def _decode_inner(columns: Sequence[Any]) -> Inner:
    level, firsts, lasts, counts, sizes, totals, joined = columns
    _check(len(firsts), lasts, counts, sizes, totals, joined)
    return Inner(level, firsts, lasts, counts, sizes, totals, joined)


class References(NamedTuple):
    """What a node's bytes name: nodes of the level below, or chunks of files."""

    nodes: list[Digest]
    chunks: list[Digest]


def references(data: bytes) -> References:
    """The blobs that the node with these bytes names; anything else raises `Corrupt`."""
    found = decode(data)
    if isinstance(found, Inner):
        return References(_split(found.digests), [])
    return References([], [piece.digest for entry in found.entries() for piece in entry.pieces])
