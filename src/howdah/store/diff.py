"""The differences of two trees: equal nodes are skipped whole, so the cost follows the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from howdah.digest import SIZE, Digest
from howdah.store.node import Entry, Inner, Leaf, Range
from howdah.store.tree import NodeReader


class Difference(NamedTuple):
    """One path (and datum) at which the trees differ; the side that lacks it is None."""

    new: Entry | None
    old: Entry | None

    @property
    def key(self) -> tuple[str, str]:
        """What differences are sorted by."""
        entry = self.new or self.old
        assert entry is not None
        return entry.key


class _Side:
    """One tree being walked: the next item is an entry, or a whole node that has not been opened yet."""

    def __init__(self, read: NodeReader) -> None:
        self._read = read
        self._stack: list[Range | Entry] = []

    @property
    def next(self) -> Range | Entry | None:
        """The item that comes next."""
        return self._stack[-1] if self._stack else None

    def drop_equal(self, other: _Side) -> None:
        """Pass over all that comes next on both sides alike, entries and whole nodes."""
        left, right = self._stack, other._stack
        while left and right and left[-1] == right[-1]:
            left.pop()
            right.pop()

    def drop(self) -> None:
        """Pass over the next item, whole."""
        self._stack.pop()

    def open(self) -> None:
        """Put the items of the next node in its place."""
        item = self._stack.pop()
        assert isinstance(item, Range)
        self.push(self._read(item.digest))

    def push(self, found: Leaf | Inner, start: int = 0, stop: int | None = None) -> None:
        """Let the items of a node, from one place to another, come next."""
        items: list[Entry] | list[Range] = (
            found.entries(start, stop) if isinstance(found, Leaf) else found.ranges(start, stop)
        )
        self._stack.extend(reversed(items))


def differences(read: NodeReader, new: Digest | None, old: Digest | None) -> Iterator[Difference]:
    """Where the tree `new` differs from the tree `old`, in order of path."""
    if new == old:
        return
    left, right = _Side(read), _Side(read)
    _push(read, (left, new), (right, old))
    while True:
        left.drop_equal(right)
        a, b = left.next, right.next
        if a is None and b is None:
            return
        if isinstance(a, Range) or isinstance(b, Range):
            _open(read, left, right)
        elif b is None or (a is not None and a.key < b.key):
            yield Difference(a, None)
            left.drop()
        elif a is None or b.key < a.key:
            yield Difference(None, b)
            right.drop()
        else:
            if a.digest != b.digest:
                yield Difference(a, b)
            left.drop()
            right.drop()


def _open(read: NodeReader, left: _Side, right: _Side) -> None:
    """Where a whole node is next that the sides do not share: look into the larger one, or into two versions of one."""
    a, b = left.next, right.next
    if isinstance(a, Range) and isinstance(b, Range) and (a.first, a.last) == (b.first, b.last):
        left.drop()
        right.drop()
        _push(read, (left, a.digest), (right, b.digest))
    elif isinstance(a, Range) and not (isinstance(b, Range) and b.files > a.files):
        left.open()
    else:
        right.open()


def _push(read: NodeReader, new: tuple[_Side, Digest | None], old: tuple[_Side, Digest | None]) -> None:
    """Let the items of two nodes come next, each on its side, but for what they have alike at both ends."""
    nodes = [(side, read(digest)) for side, digest in (new, old) if digest is not None]
    before = behind = 0
    if len(nodes) == 2:
        (_, left), (_, right) = nodes
        before, behind = _alike(left, right)
    for side, found in nodes:
        side.push(found, before, len(found.keys) - behind)


def _alike(left: Leaf | Inner, right: Leaf | Inner) -> tuple[int, int]:
    """How many items two nodes have alike, at their beginnings and at their ends."""
    if left.level != right.level or _datums(left) or _datums(right):
        return 0, 0
    ends = len(left.keys), len(right.keys)

    def is_alike(count: int, first: tuple[int, int]) -> bool:
        (a, b), size = first, SIZE
        return (
            left.digests[a * size : (a + count) * size] == right.digests[b * size : (b + count) * size]
            and left.keys[a : a + count] == right.keys[b : b + count]
        )

    before = _most(min(ends), lambda count: is_alike(count, (0, 0)))
    behind = _most(min(ends) - before, lambda count: is_alike(count, (ends[0] - count, ends[1] - count)))
    return before, behind


def _datums(found: Leaf | Inner) -> bool:
    """Whether a path is not enough to tell entries apart."""
    return isinstance(found, Leaf) and bool(found.datums)


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The greatest number up to a limit that fits, as all smaller ones do."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
