"""Repos: versioned folder trees."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator, Sequence
from typing import TypeVar

from howdah.db.database import Row, Tx
from howdah.errors import AlreadyExists, Code, Invalid, NotFound, WrongState
from howdah.infos import RepoInfo
from howdah.names import DEFAULT_BRANCH, USER_TYPE, Branch, Pipeline, Project, Repo, check_name
from howdah.pfs import clock, graph, projects

_Info = TypeVar("_Info")

_SELECT = (
    "SELECT repos.repo, projects.name, repos.name, repos.type, repos.description, repos.created, repos.metadata"
    " FROM repos JOIN projects USING (project)"
)


def number(tx: Tx, repo: Repo) -> int:
    """The repo's row; `NotFound` without it."""
    if not repo.name:
        raise Invalid("repo must be specified", kind="bad-name")
    row = tx.one(
        "SELECT repos.repo FROM repos JOIN projects USING (project)"
        " WHERE projects.name = ? AND repos.name = ? AND repos.type = ?",
        repo.project.name,
        repo.name,
        repo.type,
    )
    if row is None:
        raise NotFound(f"repo {repo} not found", kind="repo-not-found")
    found: int = row[0]
    return found


def pipeline(tx: Tx, named: Pipeline) -> int:
    """The row of the repo that a pipeline writes; `NotFound` without the pipeline."""
    row = tx.one(
        "SELECT repo FROM pipelines JOIN repos USING (repo) JOIN projects USING (project)"
        " WHERE projects.name = ? AND repos.name = ?",
        *(named.project.name, named.name),
    )
    if row is None:
        raise NotFound(f'pipeline "{named}" not found', kind="pipeline-not-found")
    found: int = row[0]
    return found


def create(tx: Tx, repo: Repo, description: str, *, now: int, update: bool = False) -> None:
    """Create a repo; with `update`, change the description of one that exists."""
    check_name(repo.name)
    check_name(repo.type)
    project = projects.number(tx, repo.project)
    where = "WHERE project = ? AND name = ? AND type = ?"
    found = tx.one(f"SELECT repo FROM repos {where}", project, repo.name, repo.type)  # noqa: S608 -- constant text
    if found is None:
        tx.run(
            "INSERT INTO repos (project, name, type, description, created) VALUES (?, ?, ?, ?, ?)",
            project,
            repo.name,
            repo.type,
            description,
            now,
        )
    elif update:
        tx.run("UPDATE repos SET description = ? WHERE repo = ?", description, found[0])
    else:
        raise AlreadyExists(f"repo {repo} already exists", kind="repo-exists")


def inspect(tx: Tx, repo: Repo) -> RepoInfo:
    """The repo with its size; `NotFound` without it."""
    row = tx.one(_SELECT + " WHERE repos.repo = ?", number(tx, repo))
    assert row is not None  # its number was just found
    return _info(tx, row, is_detailed=True)


def list(tx: Tx, *, type: str = "", projects: Sequence[Project] = ()) -> Iterator[RepoInfo]:
    """Repos of a type (of all types when empty) in these projects (all when none), by project and name.

    Of one name's types `user` comes last: clients that index by name keep the last one they see.
    """
    wanted = {project.name for project in projects}
    order = f" ORDER BY projects.name, repos.name, repos.type = '{USER_TYPE}', repos.type"
    for row in tx.all(_SELECT + order):
        if (not type or row[3] == type) and (not wanted or row[1] in wanted):
            yield _info(tx, row)


def delete(tx: Tx, repo: Repo, *, force: bool = False) -> bool:
    """Delete a repo of every type, with its commits; returns whether there was one.

    One with branches that those of other repos follow only with `force`; that of a pipeline goes with the pipeline.
    """
    project = tx.one("SELECT project FROM projects WHERE name = ?", repo.project.name)
    if project is None:
        return False
    _check_without_pipeline(tx, repo)
    for (branch,) in tx.all(
        "SELECT branch FROM branches JOIN repos USING (repo) WHERE project = ? AND repos.name = ? ORDER BY branch",
        *(project[0], repo.name),
    ):
        graph.check_unfollowed(tx, branch, force=force, outside=repo)
    return tx.run("DELETE FROM repos WHERE project = ? AND name = ?", project[0], repo.name) > 0


def _check_without_pipeline(tx: Tx, repo: Repo) -> None:
    try:
        pipeline(tx, Pipeline(repo.project, repo.name))
    except NotFound:
        return
    raise WrongState(
        f"cannot delete a repo associated with a pipeline - delete the pipeline instead: `howdah delete pipeline"
        f" {repo.project}/{repo.name}`",
        kind="of-pipeline",
    )


def delete_type(tx: Tx, repo: Repo) -> None:
    """Delete a repo of this type alone, if it is there; what follows it, follows it no longer."""
    tx.run(
        "DELETE FROM repos WHERE name = ? AND type = ? AND project = (SELECT project FROM projects WHERE name = ?)",
        *(repo.name, repo.type, repo.project.name),
    )


def delete_all(tx: Tx, chosen: Sequence[Project], *, everywhere: bool = False, force: bool = False) -> tuple[Repo, ...]:
    """Delete the repos of these projects, or of all; returns which. What is downstream goes before what it follows.

    All of them or none: where one is a pipeline's, that goes first.
    """
    wanted = {project.name for project in chosen}
    found = [info.repo for info in list(tx) if everywhere or info.repo.project.name in wanted]
    for repo in found:
        _check_without_pipeline(tx, repo)
    waiting = found
    while waiting:
        kept = []
        for repo in waiting:
            try:
                delete(tx, repo)
            except WrongState as error:
                kept.append((repo, error))
        if len(kept) == len(waiting):  # what is left is followed from elsewhere
            if not force:
                raise kept[0][1]
            for repo, _ in kept:
                delete(tx, repo, force=True)
            break
        waiting = [repo for repo, _ in kept]
    return tuple(found)


def summaries(tx: Tx, chosen: Sequence[Project]) -> builtins.list[tuple[Project, int, int]]:
    """Of each of these projects, how many user repos it has and the sum of their sizes; `NotFound` without it."""
    found = []
    for project in chosen:
        projects.number(tx, project)
        sizes = [info.size_upper_bound for info in list(tx, type=USER_TYPE, projects=[project])]
        found.append((project, len(sizes), sum(sizes)))
    return found


def noun(tx: Tx, number: int) -> Repo:
    """The repo with this number."""
    row = tx.one(
        "SELECT projects.name, repos.name, repos.type FROM repos JOIN projects USING (project) WHERE repo = ?", number
    )
    assert row is not None  # read in the transaction in which its number was found
    return Repo(Project(row[0]), row[1], row[2])


def _info(tx: Tx, row: Row, *, is_detailed: bool = False) -> RepoInfo:
    number, project, name, type, description, created, metadata = row
    repo = Repo(Project(project), name, type)
    branches = tx.all("SELECT name FROM branches WHERE repo = ? ORDER BY branch", number)
    sized = tx.one(
        "SELECT commits.size FROM branches JOIN commits ON commits.number = branches.head"
        " WHERE branches.repo = ? AND branches.name = ?",
        number,
        DEFAULT_BRANCH,
    )
    size = sized[0] if sized else 0
    return RepoInfo(
        repo,
        description,
        clock.moment(created),
        tuple(Branch(repo, branch) for (branch,) in branches),
        size,
        size if is_detailed else None,
        json.loads(metadata),
    )


def page(infos: Sequence[_Info], size: int, index: int) -> Sequence[_Info]:
    """The page `index` (from 0) of `size` infos each; everything when the size is 0."""
    if size < 0 or index < 0:
        raise Invalid("page size and page index must not be negative", code=Code.INVALID_ARGUMENT)
    return infos[size * index : size * (index + 1)] if size else infos
