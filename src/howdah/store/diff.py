"""The differences of two trees: equal nodes are skipped whole, so the cost follows the change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from howdah.digest import Digest
from howdah.store.node import Entry, Leaf, Range
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

    def __init__(self, read: NodeReader, root: Digest | None) -> None:
        self._read = read
        self._stack: list[Range | Entry] = []
        if root is not None:
            self._push(root)

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
        self._push(item.digest)

    def _push(self, digest: Digest) -> None:
        found = self._read(digest)
        self._stack.extend(reversed(found.entries() if isinstance(found, Leaf) else found.ranges()))


def differences(read: NodeReader, new: Digest | None, old: Digest | None) -> Iterator[Difference]:
    """Where the tree `new` differs from the tree `old`, in order of path."""
    if new == old:
        return
    left, right = _Side(read, new), _Side(read, old)
    while True:
        left.drop_equal(right)
        a, b = left.next, right.next
        if a is None and b is None:
            return
        if isinstance(a, Range) or isinstance(b, Range):
            _open(left, right)
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


def _open(left: _Side, right: _Side) -> None:
    """Where a whole node is next that the sides do not share: look into the larger one."""
    a, b = left.next, right.next
    if isinstance(a, Range) and not (isinstance(b, Range) and b.files > a.files):
        left.open()
    else:
        right.open()
