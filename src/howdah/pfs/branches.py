"""Branches: movable pointers to commits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from howdah.db.database import Database, Row, Tx
from howdah.errors import Code, Invalid
from howdah.infos import BranchInfo, Origin, Trigger
from howdah.names import USER_TYPE, Branch, Commit, Project, Repo, check_branch_name
from howdah.pfs import clock, graph, repos, resolve, triggers
from howdah.pfs.paging import in_pages
from howdah.pfs.rows import read_pointer
from howdah.pfs.steps import Step
from howdah.store.tree import EMPTY

_SELECT = (
    "SELECT branches.branch, projects.name, repos.name, repos.type, branches.name, commits.id, branches.metadata,"
    " branches.trigger, branches.created, branches.updated"
    " FROM branches JOIN repos ON repos.repo = branches.repo JOIN projects ON projects.project = repos.project"
    " JOIN commits ON commits.number = branches.head"
)


def create(
    made: Step,
    branch: Branch,
    head: Commit | None,
    *,
    provenance: Mapping[Branch, bool] | None = None,
    trigger: Trigger | None = None,
    anew: bool = False,
) -> None:
    """Create a branch, or move it to `head`, and let it follow the branches of `provenance` and no others.

    A new branch without a head gets an empty commit: finished, but open where it follows others. One that exists
    stays as it is, but gets an open commit when what it follows changes. Branches to follow that are missing are
    made; the value of each tells whether its commits never lead to one here. A trigger stays until another is given;
    a branch that follows others has none. What is downstream gets commits if the branch moves, and always if `anew`.
    """
    check_branch_name(branch.name)
    tx = made.tx
    repos.number(tx, branch.repo)
    # Before this branch's commit: what a commit is made from is older than it, also by its number.
    upstream = {_number_or_new(made, each): never for each, never in (provenance or {}).items()}
    number = _pointed(made, branch, head, is_finished=not upstream)
    if graph.set_provenance(made, number, upstream) and upstream:
        graph.follow(made, number)
    if anew:
        made.moved.add(number)
    if trigger is not None:
        triggers.set_trigger(made, number, trigger)
    if upstream and tx.one("SELECT 1 FROM branches WHERE branch = ? AND trigger IS NOT NULL", number) is not None:
        raise Invalid(
            f"a branch cannot have both provenance and a trigger: {branch}", kind="bad-trigger", code=Code.UNKNOWN
        )


def check_free(tx: Tx, branch: Branch) -> None:
    """Raise `WrongState` if a pipeline writes the branch: only that may move or delete it."""
    found = read_pointer(tx, repos.number(tx, branch.repo), branch.name)
    if found is not None:
        graph.check_not_of_pipeline(tx, found.branch)


def _pointed(made: Step, branch: Branch, head: Commit | None, *, is_finished: bool) -> int:
    """The number of the branch, at `head`, or else where it is, or else at an empty commit."""
    if head is not None and head.repo != branch.repo:
        raise Invalid("branch and head commit must belong to the same repo", kind="bad-head", code=Code.UNKNOWN)
    repo = repos.number(made.tx, branch.repo)
    if head is not None:
        return made.point(repo, branch.name, resolve.commit(made.tx, head).number)
    found = read_pointer(made.tx, repo, branch.name)
    if found is not None:
        return found.branch
    first = made.add_commit(repo, None, EMPTY, origin=Origin.AUTO, is_finished=is_finished)
    return made.point(repo, branch.name, first)


def _number_or_new(made: Step, branch: Branch) -> int:
    if read_pointer(made.tx, repos.number(made.tx, branch.repo), branch.name) is None:
        create(made, branch, None)
    return resolve.pointer(made.tx, branch).branch


def inspect(tx: Tx, branch: Branch) -> BranchInfo:
    """The branch; `NotFound` without it."""
    row = tx.one(_SELECT + " WHERE branches.branch = ?", resolve.pointer(tx, branch).branch)
    assert row is not None  # its number was just found
    return _info(tx, row)


def list(database: Database, repo: Repo | None, *, reverse: bool = False) -> Iterator[BranchInfo]:
    """The branches of a repo, or of all user repos, newest first, in pages; oldest first with `reverse`."""
    way, order = (">", "ASC") if reverse else ("<", "DESC")

    def page(tx: Tx, after: int | None, size: int) -> tuple[Sequence[BranchInfo], int | None]:
        where, value = ("repos.type", USER_TYPE) if repo is None else ("branches.repo", repos.number(tx, repo))
        behind = "" if after is None else f" AND branches.branch {way} {after}"
        rows = tx.all(f"{_SELECT} WHERE {where} = ?{behind} ORDER BY branches.branch {order} LIMIT {size}", value)
        return [_info(tx, row) for row in rows], rows[-1][0] if len(rows) == size else None

    return in_pages(database, page)


def walk(tx: Tx, start: Iterable[Branch], way: graph.Way, *, depth: int = 0, number: int = 0) -> Iterator[BranchInfo]:
    """The branches up or down stream of these, the nearer first; limits that are 0 do not limit."""
    numbers = [resolve.pointer(tx, branch).branch for branch in start]
    found = graph.walk(tx, numbers, graph.BRANCH_EDGES[way], depth=depth)
    for each in islice(found, number) if number else found:
        row = tx.one(_SELECT + " WHERE branches.branch = ?", each)
        assert row is not None  # its number was just found
        yield _info(tx, row)


def delete(tx: Tx, branch: Branch, *, force: bool = False) -> None:
    """Delete a branch; its commits stay and can be reached by id. One that others follow only with `force`."""
    found = resolve.pointer(tx, branch).branch
    graph.check_unfollowed(tx, found, force=force)
    tx.run("DELETE FROM branches WHERE branch = ?", found)


def _info(tx: Tx, row: Row) -> BranchInfo:
    number, project, name, type, branch, head, metadata, trigger, created, updated = row
    repo = Repo(Project(project), name, type)

    def names(numbers: Iterable[int]) -> tuple[Branch, ...]:
        return tuple(graph.name(tx, each) for each in numbers)

    direct = graph.direct_provenance(tx, number)
    above = graph.provenance(tx, number) if direct else ()
    return BranchInfo(
        Branch(repo, branch),
        Commit(repo, head),
        names(direct),
        names(above),
        names(graph.subvenance(tx, number)),
        json.loads(metadata),
        triggers.decode(trigger) if trigger is not None else None,
        clock.moment(created),
        clock.moment(updated),
    )
