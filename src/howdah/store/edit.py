"""Make a new tree from an old one and a list of edits, rewriting only the nodes that the edits touch.

The result is the tree that building the same files from nothing would give, node for node.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from howdah import digest as digests
from howdah.digest import Digest
from howdah.store import node
from howdah.store.node import MAXIMUM, MAXIMUM_BYTES, MINIMUM, Entry, Inner, Leaf, Part, Range
from howdah.store.tree import NodeReader, Tree, after_directory

WriteNode = Callable[[bytes], Digest]


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of one path: `entries` replace whatever is there; none: the path goes.

    A path with a trailing slash and no entries removes the directory.
    """

    path: str
    entries: tuple[Entry, ...] = ()


class _Columns(Protocol):
    """A node of any level."""

    keys: list[str]
    whole: int | None

    def weight(self, start: int, stop: int) -> int: ...
    def part(self, at: int) -> int: ...


_Node = TypeVar("_Node", bound=_Columns)
_Item = TypeVar("_Item")


class _Gathered(Generic[_Node, _Item]):
    """The items of the next node of one level: parts of old nodes, and new ones in between."""

    def __init__(
        self, level: int, of: Callable[[Sequence[_Item]], _Node], join: Callable[[Sequence[Part[_Node]]], _Node]
    ) -> None:
        self.count = 0
        self._level = level
        self._of = of
        self._join = join
        self._parts: list[Part[_Node]] = []
        self._items: list[_Item] = []  # behind the parts
        self._weight = 0

    def add(self, item: _Item, key: str, weight: int) -> bool:
        """The next item; whether the node ends with it."""
        self._items.append(item)
        self.count += 1
        self._weight += weight
        return node.ends_node(self._level, self.count, self._weight, key)

    def extend(self, old: _Node, start: int, stop: int) -> tuple[int, bool]:
        """The items of an old node from one place to another, as far as the node goes: to where, and whether it ends.

        What makes this cheap is that most of them are known not to be a node's end: in the old one they were not.
        """
        end = self._end(old, start, stop)
        stop, ends = (stop, False) if end is None else (end, True)
        self._end_items()
        self._parts.append((old, start, stop))
        self.count += stop - start
        self._weight += old.weight(start, stop)
        return stop, ends

    def take(self) -> _Node:
        """The node of all that was gathered; the next one begins."""
        self._end_items()
        old, start, stop = self._parts[0]
        if len(self._parts) > 1 or stop - start < len(old.keys):
            made = self._join(self._parts)
            made.whole = _total(self._parts)
        else:
            made = old
        self._parts = []
        self.count = self._weight = 0
        return made

    def _end_items(self) -> None:
        if self._items:
            self._parts.append((self._of(self._items), 0, len(self._items)))
            self._items = []

    def _end(self, old: _Node, start: int, stop: int) -> int | None:
        """Behind which of these items of an old node this one ends, if it does."""
        keys, seen = old.keys, MINIMUM - 1  # from this place on, a key that is an end was the old node's
        first = start + max(0, MINIMUM - 1 - self.count)  # from here on a key can be the end
        looked = [*range(first, min(stop, seen))]
        if stop == len(keys) and stop > max(first, seen):
            looked.append(stop - 1)
        ends = [at + 1 for at in looked if node.is_end(self._level, keys[at])][:1]
        if start + MAXIMUM - self.count <= stop:
            ends.append(start + MAXIMUM - self.count)
        weight = self._weight + old.weight(start, stop)
        for at in range(stop, start, -1):
            if weight < MAXIMUM_BYTES:
                break
            ends.append(at)
            weight -= old.weight(at - 1, at)
        return min(ends, default=None)


def _total(parts: Sequence[Part[_Node]]) -> int:
    """The sum of the parts of all these items. What is missing of an old node may be less than what is there."""
    runs: dict[int, tuple[_Node, list[tuple[int, int]]]] = {}
    for old, start, stop in parts:
        runs.setdefault(id(old), (old, []))[1].append((start, stop))
    total = 0
    for old, taken in runs.values():
        count = len(old.keys)
        if old.whole is not None and 2 * sum(stop - start for start, stop in taken) > count:
            total += old.whole
            gaps = [(end, begin) for (_, end), (begin, _) in pairwise([(0, 0), *taken, (count, count)])]
            total -= sum(old.part(at) for start, stop in gaps for at in range(start, stop))
        else:
            total += sum(old.part(at) for start, stop in taken for at in range(start, stop))
    return digests.add(total, 0)


class _Builder:
    """Gathers items level by level and writes each node as soon as its end is certain."""

    def __init__(self, read: NodeReader, write: WriteNode) -> None:
        self._write = write
        self._keep = read.keep
        self._leaf: _Gathered[Leaf, Entry] = _Gathered(0, Leaf.of, Leaf.join)
        self._inner: list[_Gathered[Inner, Range]] = []  # [k]: children gathered for the next node of level k + 1

    def add(self, entry: Entry) -> None:
        """The next entry."""
        if self._leaf.add(entry, entry.path, node.weight(entry)):
            self._end_leaf()

    def add_entries(self, leaf: Leaf, start: int, stop: int) -> None:
        """The next entries: those of an old leaf from one place to another."""
        while start < stop:
            start, ends = self._leaf.extend(leaf, start, stop)
            if ends:
                self._end_leaf()

    def takes(self, level: int) -> bool:
        """Whether a whole node of `level` may follow as it is: no node of that level or below is begun."""
        return not self._leaf.count and not any(gathered.count for gathered in self._inner[:level])

    def add_node(self, level: int, child: Range) -> None:
        """The next node of `level`, unchanged."""
        if self._above(level).add(child, child.last, node.RANGE_WEIGHT):
            self._end_inner(level)

    def add_nodes(self, inner: Inner, start: int, stop: int) -> None:
        """The next nodes: an old one's children from one place to another, unchanged."""
        while start < stop:
            start, ends = self._above(inner.level - 1).extend(inner, start, stop)
            if ends:
                self._end_inner(inner.level - 1)

    def finish(self) -> Tree:
        """Write what is left; returns the tree."""
        if self._leaf.count:
            self._end_leaf()
        level = 0
        while level < len(self._inner):
            gathered = self._inner[level]
            is_top = not any(above.count for above in self._inner[level + 1 :])
            if is_top and gathered.count == 1:
                root = gathered.take().range_of(0)
                return Tree(root.digest, root.files, root.size)
            if gathered.count:
                self._end_inner(level)
            level += 1
        return Tree()

    def _above(self, level: int) -> _Gathered[Inner, Range]:
        for above in range(len(self._inner) + 1, level + 2):
            self._inner.append(_Gathered(above, partial(Inner.of, above), Inner.join))
        return self._inner[level]

    def _end_leaf(self) -> None:
        self.add_node(0, self._written(self._leaf.take()))

    def _end_inner(self, level: int) -> None:
        self.add_node(level + 1, self._written(self._inner[level].take()))

    def _written(self, made: Leaf | Inner) -> Range:
        digest = self._write(made.encode())
        self._keep(digest, made)
        return made.range(digest)


class _Applier:
    """Walks the old tree beside the edits."""

    def __init__(self, read: NodeReader, builder: _Builder, edits: Sequence[Edit]) -> None:
        self._read = read
        self._builder = builder
        self._edits = edits
        self._paths = [edit.path for edit in edits]
        self._at = 0
        self._removed = ""  # the directory that an edit removed last, with its slash

    def visit(self, child: Range, *, is_last: bool) -> None:
        """Take over one node of the old tree that may have changed; `is_last`: nothing of the old tree follows it."""
        if self._is_removed(child.first) and self._is_removed(child.last) and self._none_until(child.last):
            return
        found = self._read(child.digest)
        found.whole = child.total
        self.open(found, is_last=is_last)

    def open(self, found: Leaf | Inner, *, is_last: bool) -> None:
        """Take over what is in a node of the old tree."""
        if isinstance(found, Leaf):
            self._entries(found)
            return
        at, count = 0, len(found.keys)
        while at < count:
            # The old tree's last node of a level ended for want of items: it must be gathered anew if any follow.
            left = self._at < len(self._edits)
            stop = min(bisect_left(found.keys, self._paths[self._at], at), count - is_last) if left else count
            if at < stop and self._builder.takes(found.level - 1) and self._is_untouched(found.firsts[at]):
                self._builder.add_nodes(found, at, stop)
                at = stop
            else:
                self.visit(found.range_of(at), is_last=is_last and at == count - 1)
                at += 1

    def rest(self) -> None:
        """The edits behind the old tree's end."""
        while self._at < len(self._edits):
            self._next_edit()

    def _none_until(self, path: str) -> bool:
        return self._at >= len(self._edits) or self._paths[self._at] > path

    def _is_untouched(self, first: str) -> bool:
        """Whether no edit until now has to do with nodes whose first path this is, or a greater one."""
        if self._removed and first < after_directory(self._removed):
            return False
        # A path's datums may go on in the next leaf, and the edit is of them all.
        return not self._at or self._paths[self._at - 1] != first

    def _is_removed(self, path: str) -> bool:
        return bool(self._removed) and path.startswith(self._removed)

    def _next_edit(self) -> None:
        edit = self._edits[self._at]
        self._at += 1
        # Edits are sorted, so those inside a removed directory follow; what they add was added after it went.
        if edit.path.endswith("/") and not self._is_removed(edit.path):
            self._removed = edit.path
        for entry in edit.entries:
            self._builder.add(entry)

    def _entries(self, leaf: Leaf) -> None:
        """Take over a leaf: what is not edited between what is."""
        paths = leaf.keys
        at = bisect_right(paths, self._paths[self._at - 1]) if self._at and self._paths[self._at - 1] == paths[0] else 0
        while at < len(paths):
            left = self._at < len(self._edits)
            stop = bisect_left(paths, self._paths[self._at], at) if left else len(paths)
            self._keep(leaf, at, stop)
            at = stop
            if at < len(paths):
                at = bisect_right(paths, self._paths[self._at], at)
                self._next_edit()

    def _keep(self, leaf: Leaf, start: int, stop: int) -> None:
        """Take over the entries from one place to another that were not in a directory that is removed."""
        if self._removed:
            gone = bisect_left(leaf.keys, self._removed, start, stop)
            self._builder.add_entries(leaf, start, gone)
            start = bisect_left(leaf.keys, after_directory(self._removed), gone, stop)
        self._builder.add_entries(leaf, start, stop)


def apply(read: NodeReader, write: WriteNode, tree: Tree, edits: Sequence[Edit]) -> Tree:
    """The tree after `edits`, which are sorted by path, at most one a path.

    Removing a directory takes effect before the edits of paths inside it.
    """
    builder = _Builder(read, write)
    applier = _Applier(read, builder, edits)
    if tree.root is not None:
        if not edits:
            return tree
        applier.open(read(tree.root), is_last=True)
    applier.rest()
    return builder.finish()
