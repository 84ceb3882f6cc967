"""Trees over a dictionary of blobs, for tests of tree code alone."""

from howdah import digest
from howdah.store import edit, node
from howdah.store.edit import Edit
from howdah.store.node import Entry
from howdah.store.tree import EMPTY, NodeReader, Tree

Files = dict[str, bytes]


class Forest:
    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.read = NodeReader(self.blobs.__getitem__)

    def write(self, data: bytes) -> bytes:
        name = digest.of_bytes(data)
        self.blobs[name] = data
        return name

    def apply(self, tree: Tree, edits: list[Edit]) -> Tree:
        return edit.apply(self.read, self.write, tree, sorted(edits, key=lambda each: each.path))

    def build(self, files: Files) -> Tree:
        return self.apply(EMPTY, [Edit(path, (entry(path, data),)) for path, data in files.items()])


def entry(path: str, data: bytes, datum: str = "default") -> Entry:
    return node.make_entry(path, datum, [node.Chunk(digest.of_bytes(data), len(data))] if data else [])


def numbered(count: int) -> Files:
    return {f"/d{at % 100:02}/f{at:06}": b"%d" % at for at in range(count)}
