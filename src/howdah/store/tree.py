"""Trees: immutable sorted lists of files, read by path.

A tree is named by its root node's digest; no digest is the empty tree. Reading costs follow what is asked for:
a path, a slice, or totals of a directory touch few nodes, however many files the tree holds.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from howdah import digest as digests
from howdah.digest import Digest
from howdah.store import node
from howdah.store.node import Entry, Inner, Leaf

ReadNode = Callable[[Digest], bytes]

_DECODED_ITEMS = 200_000  # of about 250 bytes


@dataclass(frozen=True, slots=True)
class Tree:
    """One state of a repo: the root's digest (None: no files), how many files, how many bytes they have."""

    root: Digest | None = None
    files: int = 0
    size: int = 0


EMPTY = Tree()


class Totals(NamedTuple):
    """What a slice of a tree adds up to."""

    files: int = 0
    size: int = 0
    total: int = 0

    def __add__(self, other: object) -> Totals:
        assert isinstance(other, Totals)
        return Totals(self.files + other.files, self.size + other.size, digests.add(self.total, other.total))


class NodeReader:
    """Reads nodes by digest and keeps the recently used ones decoded. Safe for use by several threads."""

    def __init__(self, read: ReadNode, kept: _Kept | None = None) -> None:
        self._read = read
        self._kept = _Kept() if kept is None else kept

    def __call__(self, digest: Digest) -> Leaf | Inner:
        """The decoded node."""
        kept = self._kept.get(digest)
        if kept is not None:
            return kept
        decoded = node.decode(self._read(digest))
        self._kept.put(digest, decoded)
        return decoded

    def keep(self, digest: Digest, decoded: Leaf | Inner) -> None:
        """Keep a node that has just been written: it is likely to be read next."""
        self._kept.put(digest, decoded)

    def beside(self, read: ReadNode) -> NodeReader:
        """A reader of what `read` reads, which shares with this one what they keep."""
        return NodeReader(read, self._kept)


class _Kept:
    """Decoded nodes, the least recently used ones of which go when they are many items together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nodes: OrderedDict[Digest, Leaf | Inner] = OrderedDict()
        self._items = 0

    def get(self, digest: Digest) -> Leaf | Inner | None:
        with self._lock:
            found = self._nodes.get(digest)
            if found is not None:
                self._nodes.move_to_end(digest)
            return found

    def put(self, digest: Digest, decoded: Leaf | Inner) -> None:
        with self._lock:
            if digest not in self._nodes:
                self._nodes[digest] = decoded
                self._items += _count(decoded)
            while self._items > _DECODED_ITEMS:
                self._items -= _count(self._nodes.popitem(last=False)[1])


def _count(decoded: Leaf | Inner) -> int:
    return len(decoded.keys)


def after_directory(prefix: str) -> str:
    """The least path greater than every path that starts with `prefix`, which ends in a slash."""
    return prefix[:-1] + chr(ord("/") + 1)


def iterate(read: NodeReader, root: Digest | None, start: str = "", stop: str | None = None) -> Iterator[Entry]:
    """The entries with `start <= path`, and `path < stop` where one is given, in order."""
    if root is None:
        return
    found = read(root)
    if isinstance(found, Leaf):
        at, end = _between(found, start, stop)
        if at < end:
            yield found.entry(at)  # often nobody asks for more
            yield from found.entries(at + 1, end)
        return
    for at in range(bisect_left(found.keys, start), len(found.keys)):
        if stop is not None and found.firsts[at] >= stop:
            return
        yield from iterate(read, found.child(at), start if found.firsts[at] < start else "", stop)


def _between(leaf: Leaf, start: str, stop: str | None) -> tuple[int, int]:
    """The places in a leaf from which and to which `start <= path < stop`."""
    at = bisect_left(leaf.keys, start) if start else 0
    return at, len(leaf.keys) if stop is None else bisect_left(leaf.keys, stop, at)


def backwards(read: NodeReader, root: Digest | None, start: str = "", stop: str | None = None) -> Iterator[Entry]:
    """As `iterate`, the last entry first."""
    if root is None:
        return
    found = read(root)
    if isinstance(found, Leaf):
        at, end = _between(found, start, stop)
        if at < end:
            yield found.entry(end - 1)
            yield from reversed(found.entries(at, end - 1))
        return
    for at in reversed(range(bisect_left(found.keys, start), len(found.keys))):
        if stop is None or found.firsts[at] < stop:
            yield from backwards(read, found.child(at), start, stop)


def find(read: NodeReader, root: Digest | None, path: str) -> list[Entry]:
    """The entries at exactly this path: one, or one a datum, or none."""
    return [*iterate(read, root, path, path + "\0")]  # the least path that is greater


def find_many(read: NodeReader, root: Digest | None, paths: Sequence[str]) -> Iterator[Entry]:
    """The entries at any of `paths`, which are sorted; costs follow the number of leaves touched."""
    if root is None or not paths:
        return
    found = read(root)
    if isinstance(found, Leaf):
        at = 0
        for path in paths:
            at = bisect_left(found.keys, path, at)
            while at < len(found.keys) and found.keys[at] == path:
                yield found.entry(at)
                at += 1
        return
    at = 0
    for place in range(bisect_left(found.keys, paths[0]), len(found.keys)):
        at = bisect_left(paths, found.firsts[place], at)
        if at >= len(paths):
            return
        end = bisect_right(paths, found.keys[place], at)
        if end > at:  # the last of them may go on in the next child, with other datums
            yield from find_many(read, found.child(place), paths[at:end])


def any_below(read: NodeReader, root: Digest | None, prefix: str) -> bool:
    """Whether some path starts with `prefix`, which ends in a slash: whether the directory exists."""
    return next(iterate(read, root, prefix, after_directory(prefix)), None) is not None


def directories_among(read: NodeReader, root: Digest | None, paths: Sequence[str]) -> Iterator[str]:
    """Those of `paths`, which are sorted, that are directories of the tree; costs as `find_many`."""
    yield from _with_prefixes(read, root, sorted(path + "/" for path in paths))


def _with_prefixes(read: NodeReader, root: Digest | None, prefixes: Sequence[str]) -> Iterator[str]:
    if root is None or not prefixes:
        return
    found = read(root)
    at = 0
    if isinstance(found, Leaf):
        for prefix in prefixes:
            at = bisect_left(found.keys, prefix, at)
            if at < len(found.keys) and found.keys[at].startswith(prefix):
                yield prefix[:-1]
        return
    for place in range(bisect_right(found.keys, prefixes[0]), len(found.keys)):
        end = bisect_left(prefixes, found.keys[place], at)
        # What is greater than the prefix may be this child's first path or any up to its last.
        yield from _with_prefixes(read, found.child(place), prefixes[at:end])
        at = end
        if at >= len(prefixes):
            return


def totals(read: NodeReader, root: Digest | None, start: str = "", stop: str | None = None) -> Totals:
    """Count, bytes and digest sum over the entries with `start <= path < stop`."""
    if root is None:
        return Totals()
    found = read(root)
    if isinstance(found, Leaf):
        at, end = _between(found, start, stop)
        return Totals(end - at, sum(found.sizes[at:end]), found.total(at, end))
    at = bisect_left(found.keys, start)
    end = len(found.keys) if stop is None else bisect_left(found.keys, stop)
    result = Totals()
    if at < end and found.firsts[at] < start:
        result += totals(read, found.child(at), start, stop)
        at += 1
    if at < end:
        result += Totals(sum(found.files[at:end]), sum(found.sizes[at:end]), found.total(at, end))
    if end < len(found.keys) and found.firsts[end] < (stop or ""):
        result += totals(read, found.child(end), start, stop)
    return result
