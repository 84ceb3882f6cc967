"""History: which commits changed a path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from howdah.errors import Unavailable
from howdah.names import Commit
from howdah.pfs import resolve
from howdah.pfs.changes import check_path
from howdah.pfs.files import View
from howdah.pfs.rows import CommitRow, base_tree, read_parent
from howdah.store.store import Store


class Searched(NamedTuple):
    """A commit that was looked at, whether it changed the path, and how many were looked at up to it."""

    commit: Commit
    is_found: bool
    searched: int


def find(store: Store, start: Commit, path: str, limit: int = 0) -> Iterator[Searched]:
    """From `start` back along the parents: the commits that changed the file or directory, and the last one looked at.

    Ends with the commit that nothing was before, or with the `limit`th that was found if it is not 0. A commit
    that has not finished is `Unavailable`.
    """
    path = check_path(path)
    with store.database.read() as tx:
        row: CommitRow | None = resolve.commit(tx, start)
    found = searched = 0
    last = start
    while row is not None and (not limit or found < limit):
        last = Commit(start.repo, row.id)
        with store.database.read() as tx:
            if row.finished is None:
                raise Unavailable(f"commit {last} not finished", kind="commit-not-finished")
            parent = read_parent(tx, row)
            before = base_tree(tx, parent).root
        searched += 1
        if row.root != before and _content(store, last, row.root, path) != _content(store, last, before, path):
            found += 1
            yield Searched(last, is_found=True, searched=searched)
        row = parent
    yield Searched(last, is_found=False, searched=searched)


def _content(store: Store, commit: Commit, root: bytes | None, path: str) -> list[bytes]:
    """What a tree has at a path and below it, by digests."""
    seen = View(store, commit, root, None)
    digests = [entry.digest for entry in seen.find(path)] if path != "/" else []
    prefix = path.rstrip("/") + "/"
    if seen.has_directory(prefix):
        digests.append(seen.directory(prefix).digest)
    return digests
