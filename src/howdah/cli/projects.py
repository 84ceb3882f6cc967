"""Commands on projects."""

from __future__ import annotations

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output
from howdah.client import projects
from howdah.infos import ProjectInfo
from howdah.names import Project, check_project_name


def _columns(out: Output) -> list[Column[ProjectInfo]]:
    return [
        ("PROJECT", lambda info: info.project.name),
        ("CREATED", lambda info: out.time(info.created)),
        ("DESCRIPTION", lambda info: info.description),
    ]


def _project(name: str) -> Project:
    return Project(check_project_name(name))


@click.command(cls=Command, examples=('howdah create project wildlife -d "Camera traps"',))
@click.argument("project_name", metavar="PROJECT")
@click.option("-d", "--description", default="", help="What the project is for.")
@click.option("--update", is_flag=True, help="Change the description of a project that exists.")
@with_store
def create(store: Store, project_name: str, description: str, *, update: bool) -> None:
    """Create a project: a namespace of repos."""
    projects.create(store.conn, _project(project_name), description, update=update)


@click.command("list", cls=Command, examples=("howdah list project",))
@with_store
@with_output
def list_(out: Output, store: Store) -> None:
    """List all projects."""
    out.table(projects.list(store.conn), _columns(out))


@click.command(cls=Command, examples=("howdah inspect project wildlife",))
@click.argument("project_name", metavar="PROJECT")
@with_store
@with_output
def inspect(out: Output, store: Store, project_name: str) -> None:
    """Show a project."""
    out.record(projects.inspect(store.conn, _project(project_name)), _columns(out))


@click.command(cls=Command, examples=("howdah delete project wildlife",))
@click.argument("project_name", metavar="PROJECT")
@click.option("-f", "--force", is_flag=True, help="Delete its repos, too.")
@with_store
def delete(store: Store, project_name: str, *, force: bool) -> None:
    """Delete a project. One that still has repos is kept unless --force is given."""
    projects.delete(store.conn, _project(project_name), force=force)
