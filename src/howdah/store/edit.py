"""Make a new tree from an old one and a list of edits, rewriting only the nodes that the edits touch.

The result is the tree that building the same files from nothing would give, node for node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from howdah.digest import Digest
from howdah.store import node
from howdah.store.node import Entry, Inner, Leaf, Range
from howdah.store.tree import NodeReader, Tree, after_directory

WriteNode = Callable[[bytes], Digest]


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of one path: `entries` replace whatever is there; none: the path goes.

    A path with a trailing slash and no entries removes the directory.
    """

    path: str
    entries: tuple[Entry, ...] = ()


class _Builder:
    """Gathers items level by level and writes each node as soon as its end is certain."""

    def __init__(self, read: NodeReader, write: WriteNode) -> None:
        self._write = write
        self._keep = read.keep
        self._entries: list[Entry] = []
        self._weight = 0
        self._ranges: list[list[Range]] = []  # [k]: children gathered for the next node of level k + 1

    def add(self, entry: Entry) -> None:
        """The next entry."""
        self._entries.append(entry)
        self._weight += node.weight(entry)
        if node.ends_node(0, len(self._entries), self._weight, entry.path):
            self._end_leaf()

    def takes(self, level: int) -> bool:
        """Whether a whole node of `level` may follow as it is: no node of that level or below is begun."""
        return not self._entries and not any(self._ranges[:level])

    def add_node(self, level: int, child: Range) -> None:
        """The next node of `level`, unchanged."""
        if len(self._ranges) <= level:
            self._ranges.extend([] for _ in range(level + 1 - len(self._ranges)))
        gathered = self._ranges[level]
        gathered.append(child)
        size = len(gathered) * 128  # about; long paths do not matter at this level
        if node.ends_node(level + 1, len(gathered), size, child.last):
            self._end_inner(level)

    def finish(self) -> Tree:
        """Write what is left; returns the tree."""
        if self._entries:
            self._end_leaf()
        level = 0
        while level < len(self._ranges):
            gathered = self._ranges[level]
            is_top = not any(self._ranges[level + 1 :])
            if is_top and len(gathered) == 1:
                root = gathered[0]
                return Tree(root.digest, root.files, root.size)
            if gathered:
                self._end_inner(level)
            level += 1
        return Tree()

    def _end_leaf(self) -> None:
        leaf = Leaf(self._entries)
        digest = self._write(node.encode_leaf(leaf.entries))
        child = node.range_of_leaf(digest, leaf)
        self._keep(digest, leaf)
        self._entries = []
        self._weight = 0
        self.add_node(0, child)

    def _end_inner(self, level: int) -> None:
        gathered = self._ranges[level]
        self._ranges[level] = []
        digest = self._write(node.encode_inner(level + 1, gathered))
        self._keep(digest, Inner(level + 1, gathered))
        self.add_node(level + 1, node.range_of_inner(digest, gathered))


class _Applier:
    """Walks the old tree beside the edits."""

    def __init__(self, read: NodeReader, builder: _Builder, edits: Sequence[Edit]) -> None:
        self._read = read
        self._builder = builder
        self._edits = edits
        self._paths = [edit.path for edit in edits]
        self._at = 0
        self._removed = ""  # the directory that an edit removed last, with its slash

    def visit(self, level: int, child: Range, *, is_last: bool) -> None:
        """Take over one node of the old tree; `is_last`: nothing of the old tree follows it."""
        # The old tree's last node of a level ended for want of items: it must be gathered anew if any follow.
        untouched = self._untouched(child) and not (is_last and self._at < len(self._edits))
        if untouched and self._builder.takes(level):
            self._builder.add_node(level, child)
            return
        if self._is_removed(child.first) and self._is_removed(child.last) and self._none_until(child.last):
            return
        found = self._read(child.digest)
        if isinstance(found, Leaf):
            for entry in found.entries:
                self._entry(entry)
            return
        for grandchild in found.ranges:
            self.visit(level - 1, grandchild, is_last=is_last and grandchild is found.ranges[-1])

    def rest(self) -> None:
        """The edits behind the old tree's end."""
        while self._at < len(self._edits):
            self._next_edit()

    def _none_until(self, path: str) -> bool:
        return self._at >= len(self._edits) or self._paths[self._at] > path

    def _untouched(self, child: Range) -> bool:
        if self._removed and child.first < after_directory(self._removed):
            return False
        if self._at and self._paths[self._at - 1] == child.first:
            return False  # a path's datums may go on in the next leaf, and the edit is of them all
        return self._none_until(child.last)

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

    def _entry(self, entry: Entry) -> None:
        while self._at < len(self._edits) and self._paths[self._at] < entry.path:
            self._next_edit()
        if self._at < len(self._edits) and self._paths[self._at] == entry.path:
            self._next_edit()
        is_replaced = self._at > 0 and self._paths[self._at - 1] == entry.path
        if not (is_replaced or self._is_removed(entry.path)):
            self._builder.add(entry)


def apply(read: NodeReader, write: WriteNode, tree: Tree, edits: Sequence[Edit]) -> Tree:
    """The tree after `edits`, which are sorted by path, at most one a path.

    Removing a directory takes effect before the edits of paths inside it.
    """
    builder = _Builder(read, write)
    applier = _Applier(read, builder, edits)
    if tree.root is not None:
        root = read(tree.root)
        if isinstance(root, Leaf):
            applier.visit(0, node.range_of_leaf(tree.root, root), is_last=True)
        else:
            applier.visit(root.level, node.range_of_inner(tree.root, root.ranges), is_last=True)
    applier.rest()
    return builder.finish()
