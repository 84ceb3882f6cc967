"""Projects: namespaces of repos."""

from __future__ import annotations

import json
from collections.abc import Iterator

from howdah.db.database import Tx
from howdah.errors import AlreadyExists, Code, NotFound, WrongState
from howdah.infos import ProjectInfo
from howdah.names import DEFAULT_PROJECT, Project, check_project_name
from howdah.pfs import clock


def ensure_default(tx: Tx, now: int) -> None:
    """Create the project `default` if the store has no project at all."""
    if tx.one("SELECT 1 FROM projects") is None:
        create(tx, Project(DEFAULT_PROJECT), "", now=now)


def number(tx: Tx, project: Project) -> int:
    """The project's row; `NotFound` without it."""
    row = tx.one("SELECT project FROM projects WHERE name = ?", project.name)
    if row is None:
        raise NotFound(f'project "{project}" not found', kind="project-not-found")
    found: int = row[0]
    return found


def create(tx: Tx, project: Project, description: str, *, now: int, update: bool = False) -> None:
    """Create a project; with `update`, change the description of one that exists."""
    check_project_name(project.name)
    if tx.one("SELECT 1 FROM projects WHERE name = ?", project.name) is None:
        tx.run("INSERT INTO projects (name, description, created) VALUES (?, ?, ?)", project.name, description, now)
    elif update:
        tx.run("UPDATE projects SET description = ? WHERE name = ?", description, project.name)
    else:
        raise AlreadyExists(f'project "{project}" already exists', kind="project-exists")


def inspect(tx: Tx, project: Project) -> ProjectInfo:
    """The project; `NotFound` without it."""
    number(tx, project)
    return next(info for info in list(tx) if info.project == project)


def list(tx: Tx) -> Iterator[ProjectInfo]:
    """Every project, by name."""
    for name, description, created, metadata in tx.all(
        "SELECT name, description, created, metadata FROM projects ORDER BY name"
    ):
        yield ProjectInfo(Project(name), description, clock.moment(created), json.loads(metadata))


def delete_all(tx: Tx, *, now: int) -> None:
    """Delete every project with its repos; the project `default` is there again, empty."""
    tx.run("DELETE FROM repos")
    tx.run("DELETE FROM projects")
    ensure_default(tx, now)


def delete(tx: Tx, project: Project, *, force: bool = False) -> None:
    """Delete a project; its repos only with `force`. The project `default` stays."""
    if project.name == DEFAULT_PROJECT:
        raise WrongState(
            f"cannot delete project {project}: it is the one that is meant where none is named; delete its repos",
            kind="default-project",
            code=Code.FAILED_PRECONDITION,
        )
    row = number(tx, project)
    repos = [name for (name,) in tx.all("SELECT name FROM repos WHERE project = ? ORDER BY name", row)]
    if repos and not force:
        raise WrongState(
            f"cannot delete project {project}: repo {project}/{repos[0]} still exists",
            kind="project-not-empty",
            code=Code.FAILED_PRECONDITION,
        )
    tx.run("DELETE FROM repos WHERE project = ?", row)
    tx.run("DELETE FROM projects WHERE project = ?", row)
