"""Branches: movable pointers to commits."""

from __future__ import annotations

import json
from collections.abc import Iterator

from howdah.db.database import Tx
from howdah.errors import Code, Invalid, NotFound
from howdah.infos import BranchInfo, Origin
from howdah.names import USER_TYPE, Branch, Commit, Project, Repo, check_branch_name, new_commit_id
from howdah.pfs import repos, resolve
from howdah.store.tree import EMPTY, Tree

_SELECT = (
    "SELECT projects.name, repos.name, repos.type, branches.name, commits.id, branches.metadata"
    " FROM branches JOIN repos ON repos.repo = branches.repo JOIN projects ON projects.project = repos.project"
    " JOIN commits ON commits.number = branches.head"
)


def create(tx: Tx, branch: Branch, head: Commit | None, *, now: int) -> None:
    """Create a branch, or move it to `head`.

    A new branch without a head gets an empty, finished commit; one that exists stays as it is.
    """
    check_branch_name(branch.name)
    repo = repos.number(tx, branch.repo)
    exists = tx.one("SELECT 1 FROM branches WHERE repo = ? AND name = ?", repo, branch.name) is not None
    if head is not None:
        if head.repo != branch.repo:
            raise Invalid("branch and head commit must belong to the same repo", kind="bad-head", code=Code.UNKNOWN)
        point(tx, repo, branch.name, resolve.commit(tx, head).number, now=now)
    elif not exists:
        point(tx, repo, branch.name, _first_commit(tx, repo, now), now=now)


def point(tx: Tx, repo: int, name: str, head: int, *, now: int) -> None:
    """Let the branch, new or not, point to the commit with the number `head`."""
    tx.run(
        "INSERT INTO branches (repo, name, head, created) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (repo, name) DO UPDATE SET head = excluded.head",
        repo,
        name,
        head,
        now,
    )


def inspect(tx: Tx, branch: Branch) -> BranchInfo:
    """The branch; `NotFound` without it."""
    repo = repos.number(tx, branch.repo)
    row = tx.one(_SELECT + " WHERE branches.repo = ? AND branches.name = ?", repo, branch.name)
    if row is None:
        raise NotFound(f'branch "{branch.name}" not found in repo {branch.repo}', kind="branch-not-found")
    return _info(row)


def list(tx: Tx, repo: Repo | None, *, reverse: bool = False) -> Iterator[BranchInfo]:
    """The branches of a repo, or of all user repos, newest first; oldest first with `reverse`."""
    order = " ORDER BY branches.branch" + ("" if reverse else " DESC")
    if repo is None:
        rows = tx.all(_SELECT + " WHERE repos.type = ?" + order, USER_TYPE)
    else:
        rows = tx.all(_SELECT + " WHERE branches.repo = ?" + order, repos.number(tx, repo))
    yield from map(_info, rows)


def delete(tx: Tx, branch: Branch) -> None:
    """Delete a branch; its commits stay and can be reached by id."""
    repo = repos.number(tx, branch.repo)
    if tx.run("DELETE FROM branches WHERE repo = ? AND name = ?", repo, branch.name) == 0:
        raise NotFound(f'branch "{branch.name}" not found in repo {branch.repo}', kind="branch-not-found")


def insert_finished(tx: Tx, repo: int, parent: int | None, tree: Tree, *, now: int, origin: Origin) -> tuple[int, str]:
    """Insert a commit that is finished from the start; returns its number and id."""
    id = new_commit_id()
    number = tx.insert(
        "INSERT INTO commits (repo, id, parent, origin, description, started, finishing, finished, tree, files, size)"
        " VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?)",
        *(repo, id, parent, int(origin), now, now, now, tree.root, tree.files, tree.size),
    )
    return number, id


def _first_commit(tx: Tx, repo: int, now: int) -> int:
    return insert_finished(tx, repo, None, EMPTY, now=now, origin=Origin.AUTO)[0]


def _info(row: tuple[str, str, str, str, str, str]) -> BranchInfo:
    project, name, type, branch, head, metadata = row
    repo = Repo(Project(project), name, type)
    return BranchInfo(Branch(repo, branch), Commit(repo, head), json.loads(metadata))
