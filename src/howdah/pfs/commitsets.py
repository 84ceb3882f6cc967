"""Commit sets: what one step of the graph made, everywhere. Look at them, and take commits out of history.

A tree is the whole state of its commit, so taking out a commit changes no other commit's files.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence

from howdah.db.database import Database, Tx
from howdah.errors import Invalid, NotFound, WrongState
from howdah.infos import CommitInfo, CommitSetInfo, Origin
from howdah.names import Commit, Project, is_commit_id
from howdah.pfs import commits, resolve
from howdah.pfs.paging import LAST, in_pages
from howdah.pfs.rows import MADE_FROM, SELECT_COMMIT, CommitRow
from howdah.pfs.steps import Step
from howdah.store.tree import EMPTY

_MADE_OF = (
    "WITH RECURSIVE made_of (number) AS (SELECT ?"
    " UNION SELECT provenance.number FROM provenance JOIN made_of ON upstream = made_of.number)"
)
_OF_COMMITS = "SELECT id, number FROM commits"
_OF_PROJECT = "SELECT repo FROM repos JOIN projects USING (project) WHERE projects.name = ?"


def inspect(tx: Tx, id: str) -> builtins.list[CommitInfo]:
    """The set's commits and all that they are made from, each after those that it is made from."""
    if not is_commit_id(id):
        raise Invalid(f"commit set ({id}) invalid: it must be 32 hexadecimal digits of a UUID V4", kind="bad-name")
    rows = tx.all(f"{MADE_FROM} {SELECT_COMMIT} JOIN made_from USING (number) ORDER BY number", id)
    if not rows:
        raise _unknown(id)
    return _upstream_first(commits.infos(tx, [CommitRow(*row) for row in rows]))


def _upstream_first(infos: builtins.list[CommitInfo]) -> builtins.list[CommitInfo]:
    """Each after those that it is made from: in one set, it may be the older by its number."""
    waiting = {info.commit: info for info in infos}
    order: builtins.list[CommitInfo] = []

    def visit(commit: Commit) -> None:
        if (info := waiting.pop(commit, None)) is not None:
            for upstream in info.direct_provenance:
                visit(upstream)
            order.append(info)

    for info in infos:
        visit(info.commit)
    return order


def list(database: Database, project: Project | None = None) -> Iterator[CommitSetInfo]:
    """Every commit set, newest first, in pages; of a project, those with a commit in it."""
    of = "" if project is None else f" AND {{}}.repo IN ({_OF_PROJECT})"
    values = () if project is None else (project.name, project.name)
    # Of each set, the commit that is its newest, in the project if one is named.
    newest = (
        f"{_OF_COMMITS} WHERE number < ?{of.format('commits')} AND NOT EXISTS (SELECT 1"  # noqa: S608 -- constant text
        " FROM commits"
        f" AS later WHERE later.id = commits.id AND later.number > commits.number{of.format('later')})"
        " ORDER BY number DESC LIMIT ?"
    )

    def page(tx: Tx, after: int | None, size: int) -> tuple[Sequence[CommitSetInfo], int | None]:
        rows = tx.all(newest, LAST if after is None else after, *values, size)
        found = [CommitSetInfo(id, tuple(inspect(tx, id))) for id, _ in rows]
        return found, rows[-1][1] if len(rows) == size else None

    return in_pages(database, page)


def squash(made: Step, id: str) -> None:
    """Take a set out of history: its changes become part of those that came after."""
    _squash(made, _members(made.tx, id))


def drop(made: Step, id: str) -> None:
    """Throw a set away with its changes; nothing may have come after it."""
    _drop(made, _members(made.tx, id))


def squash_commit(made: Step, commit: Commit, *, recursive: bool = False) -> None:
    """As `squash`, of one commit; with all that is made from it if `recursive`, else that is refused."""
    _squash(made, _with_made(made.tx, commit, recursive=recursive))


def drop_commit(made: Step, commit: Commit, *, recursive: bool = False) -> None:
    """As `drop`, of one commit; with all that is made from it if `recursive`, else that is refused."""
    _drop(made, _with_made(made.tx, commit, recursive=recursive))


def _members(tx: Tx, id: str) -> builtins.list[CommitRow]:
    rows = [CommitRow(*row) for row in tx.all(SELECT_COMMIT + " WHERE id = ? ORDER BY number", id)]
    if not rows:
        raise _unknown(id)
    return rows


def _with_made(tx: Tx, commit: Commit, *, recursive: bool) -> builtins.list[CommitRow]:
    row = resolve.commit(tx, commit)
    if not recursive:
        return [row]
    below = tx.all(f"{_MADE_OF} {SELECT_COMMIT} JOIN made_of USING (number) ORDER BY number", row.number)
    return [CommitRow(*each) for each in below]


def _unknown(id: str) -> NotFound:
    return NotFound(f"no commits found for commitset {id}", kind="commitset-not-found")


def _squash(made: Step, rows: Sequence[CommitRow]) -> None:
    _check_nothing_made(made.tx, rows)
    for info in commits.infos(made.tx, rows):
        if not info.children:
            raise WrongState(
                "cannot squash a commit that has no children as that would cause data loss, use the drop operation"
                f" instead: {info.commit}",
                kind="no-children",
            )
        for child in info.children:
            if resolve.commit(made.tx, child).finished is None:
                raise WrongState(
                    f"cannot squash until child commit {child} is finished, consider using WaitCommit",
                    kind="child-not-finished",
                )
    _remove(made, rows)


def _drop(made: Step, rows: Sequence[CommitRow]) -> None:
    _check_nothing_made(made.tx, rows)
    for info in commits.infos(made.tx, rows):
        if info.children:
            children = ", ".join(str(child) for child in info.children)
            raise WrongState(
                f"cannot drop a commit that has children: {info.commit} has {children}; drop those first, or squash",
                kind="has-children",
            )
    _remove(made, rows)


def _check_nothing_made(tx: Tx, rows: Sequence[CommitRow]) -> None:
    """Raise `WrongState` if something outside `rows` is made from one of them."""
    gone = {str(info.commit) for info in commits.infos(tx, rows)}
    for info in commits.infos(tx, rows):
        others = sorted({made.id for made in info.direct_subvenance if str(made) not in gone})
        if others:
            raise WrongState(
                f'commit set "{info.commit.id}" cannot be dropped because it has subvenant commit sets:'
                f" {', '.join(others)}",
                kind="has-subvenance",
            )


def _remove(made: Step, rows: Sequence[CommitRow]) -> None:
    tx = made.tx
    for row in rows:
        if tx.one("SELECT 1 FROM pipeline_versions WHERE spec = ?", row.number) is not None:
            raise WrongState(
                f"commit set {row.id} cannot go: it has a version of a pipeline; delete the pipeline instead",
                kind="of-pipeline",
            )
    for row in reversed(rows):
        tx.run("UPDATE commits SET parent = ? WHERE parent = ?", row.parent, row.number)
        if tx.one("SELECT 1 FROM branches WHERE head = ?", row.number) is not None:
            head = row.parent
            if head is None:
                head = made.add_commit(row.repo, None, EMPTY, origin=Origin.AUTO, is_finished=True)
            tx.run("UPDATE branches SET head = ?, updated = ? WHERE head = ?", head, made.now, row.number)
        tx.run("DELETE FROM commits WHERE number = ?", row.number)
