"""Commits: start, inspect, list. What changes a commit's files is in `changes` and `writing`."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from datetime import datetime

from howdah.db.database import Tx
from howdah.errors import Code, Invalid, WrongState
from howdah.infos import CommitInfo, Origin
from howdah.names import Branch, Commit, Repo, check_branch_name, new_commit_id
from howdah.pfs import branches, clock, repos, resolve
from howdah.pfs.rows import SELECT_COMMIT, CommitRow, read_commit
from howdah.store.tree import EMPTY


def start(tx: Tx, branch: Branch, description: str, *, now: int, parent: Commit | None = None) -> Commit:
    """Open a commit at the branch's head, or on `parent`; a missing branch is made with it as its head."""
    if not branch.name:
        raise Invalid("branch must be specified", kind="bad-name")
    check_branch_name(branch.name)
    repo = repos.number(tx, branch.repo)
    before = _parent(tx, repo, branch, parent)
    usable = resolve.usable_ancestor(tx, before)
    tree = usable.tree if usable else EMPTY
    id = new_commit_id()
    number = tx.insert(
        "INSERT INTO commits (repo, id, parent, origin, description, started, tree, files, size)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(repo, id, before.number if before else None, int(Origin.USER), description, now),
        *(tree.root, tree.files, tree.size),
    )
    branches.point(tx, repo, branch.name, number, now=now)
    return Commit(branch.repo, id)


def _parent(tx: Tx, repo: int, branch: Branch, parent: Commit | None) -> CommitRow | None:
    if parent is not None:
        if parent.repo != branch.repo:
            raise Invalid("branch and parent commit must belong to the same repo", kind="bad-parent", code=Code.UNKNOWN)
        before = resolve.commit(tx, parent)
    else:
        row = tx.one("SELECT head FROM branches WHERE repo = ? AND name = ?", repo, branch.name)
        if row is None:
            return None
        before = read_commit(tx, row[0])
    if before.finishing is None:
        raise WrongState(
            f"parent commit {Commit(branch.repo, before.id)} has not been finished", kind="parent-not-finished"
        )
    return before


def inspect(tx: Tx, commit: Commit) -> CommitInfo:
    """The commit; `NotFound` without it."""
    return _info(tx, commit.repo, resolve.commit(tx, commit))


def list(  # noqa: PLR0913 -- one keyword for each filter of the API
    tx: Tx,
    repo: Repo,
    *,
    to: Commit | None = None,
    since: Commit | None = None,
    number: int = 0,
    reverse: bool = False,
    origin: Origin | None = None,
    started_before: datetime | None = None,
) -> Iterator[CommitInfo]:
    """Commits, newest first.

    With `to`: its line of parents until `since` (exclusive). Otherwise every commit of the repo. At most
    `number` of them when it is not 0; `origin` and `started_before` leave out others. `reverse` is oldest first.
    """
    row = repos.number(tx, repo)
    if since is not None and to is None:
        raise Invalid("cannot use `from` commit without `to` commit", kind="bad-range", code=Code.UNKNOWN)
    if reverse and to is not None:
        raise Invalid("cannot use `reverse` with a `to` commit", kind="bad-range")
    found = _line(tx, to, since) if to is not None else _all(tx, row, reverse=reverse)
    given = 0
    latest = clock.microseconds(started_before) if started_before is not None else None
    for commit in found:
        if (origin is not None and commit.origin != origin) or (latest is not None and commit.started >= latest):
            continue
        yield _info(tx, repo, commit)
        given += 1
        if given == number:
            return


def line_of_branch(tx: Tx, branch: Branch, since: int | None) -> tuple[int, tuple[CommitInfo, ...]]:
    """The head's number, and the branch's commits that are newer than the number `since`, oldest first."""
    head = resolve.head(tx, branch)
    line: builtins.list[CommitRow] = []
    row: CommitRow | None = head
    while row is not None and (since is None or row.number > since):
        line.append(row)
        row = read_commit(tx, row.parent) if row.parent is not None else None
    return head.number, tuple(_info(tx, branch.repo, row) for row in reversed(line))


def _all(tx: Tx, repo: int, *, reverse: bool) -> Iterator[CommitRow]:
    order = "ASC" if reverse else "DESC"
    for row in tx.all(SELECT_COMMIT + f" WHERE repo = ? ORDER BY number {order}", repo):
        yield CommitRow(*row)


def _line(tx: Tx, to: Commit, since: Commit | None) -> Iterator[CommitRow]:
    end = resolve.commit(tx, since).number if since is not None else None
    row: CommitRow | None = resolve.commit(tx, to)
    while row is not None and row.number != end:
        yield row
        row = read_commit(tx, row.parent) if row.parent is not None else None


def _info(tx: Tx, repo: Repo, row: CommitRow) -> CommitInfo:
    parent = tx.one("SELECT id FROM commits WHERE number = ?", row.parent) if row.parent is not None else None
    children = tx.all("SELECT id FROM commits WHERE parent = ? ORDER BY number", row.number)
    return CommitInfo(
        Commit(repo, row.id),
        Origin(row.origin),
        row.description,
        Commit(repo, parent[0]) if parent else None,
        tuple(Commit(repo, id) for (id,) in children),
        clock.moment(row.started),
        clock.moment(row.finishing),
        clock.moment(row.finished),
        row.error,
        row.size,
        row.size if row.finished is not None else None,
        json.loads(row.metadata),
    )
