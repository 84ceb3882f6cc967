"""A commit's row, and reading it."""

from __future__ import annotations

from typing import NamedTuple

from howdah.db.database import Tx
from howdah.errors import NotFound
from howdah.store.tree import EMPTY, Tree

_COLUMNS = (
    "number, repo, id, parent, origin, description, error, started, finishing, finished, tree, files, size, suspects,"
    " metadata"
)
SELECT_COMMIT = f"SELECT {_COLUMNS} FROM commits"  # noqa: S608 -- constant text


class CommitRow(NamedTuple):
    """A commit as stored; the columns are described with the table."""

    number: int
    repo: int
    id: str
    parent: int | None
    origin: int
    description: str
    error: str
    started: int
    finishing: int | None
    finished: int | None
    root: bytes | None
    files: int
    size: int
    suspects: str
    metadata: str

    @property
    def tree(self) -> Tree:
        """The commit's tree, without the edits that are not folded yet."""
        return Tree(self.root, self.files, self.size)


def read_commit(tx: Tx, number: int) -> CommitRow:
    """The row of this number; `NotFound` if it or its repo was deleted meanwhile."""
    row = tx.one(SELECT_COMMIT + " WHERE number = ?", number)
    if row is None:
        raise NotFound("commit not found: it or its repo was deleted meanwhile", kind="commit-not-found")
    return CommitRow(*row)


def read_parent(tx: Tx, row: CommitRow) -> CommitRow | None:
    """The row of the commit's parent; None for a root."""
    return read_commit(tx, row.parent) if row.parent is not None else None


def usable_ancestor(tx: Tx, row: CommitRow | None) -> CommitRow | None:
    """The nearest commit without an error, beginning with `row` itself: what new commits build on."""
    while row is not None and row.error:
        row = read_parent(tx, row)
    return row


def base_tree(tx: Tx, row: CommitRow | None) -> Tree:
    """The tree that a commit on `row` begins with: that of its usable ancestor, empty without one."""
    usable = usable_ancestor(tx, row)
    return usable.tree if usable else EMPTY


class Pointer(NamedTuple):
    """A branch's number and the number of its head."""

    branch: int
    head: int


def read_pointer(tx: Tx, repo: int, name: str) -> Pointer | None:
    """Where the branch of this name points; None if the repo has none."""
    row = tx.one("SELECT branch, head FROM branches WHERE repo = ? AND name = ?", repo, name)
    return Pointer(*row) if row else None


MADE_FROM = (
    "WITH RECURSIVE made_from (number) AS (SELECT number FROM commits WHERE id = ?"
    " UNION SELECT upstream FROM provenance JOIN made_from USING (number))"
)
"""The beginning of a statement about the commits of a set, which its first value names, and all they are made from."""


FILESETS = "__filesets__"
"""The repo in which filesets can be read as commits."""


class FilesetRow(NamedTuple):
    """A fileset as stored."""

    created: int
    root: bytes | None


def read_fileset(tx: Tx, id: str, now: int) -> FilesetRow:
    """The row of a fileset; `NotFound` if it is there no more."""
    row = tx.one(
        "SELECT created, tree FROM filesets WHERE id = ?"
        " AND (expires > ? OR EXISTS (SELECT 1 FROM cache_filesets WHERE cache_filesets.id = filesets.id))",
        *(id, now),
    )
    if row is None:
        raise NotFound(f"fileset {id} not found: it was never made, or its time is over", kind="fileset-not-found")
    return FilesetRow(*row)
