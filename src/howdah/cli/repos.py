"""Commands on repos."""

from __future__ import annotations

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, size
from howdah.client import repos
from howdah.errors import NotFound
from howdah.infos import RepoInfo
from howdah.names import USER_TYPE, Project, check_project_name, parse_repo


def _columns(out: Output) -> list[Column[RepoInfo]]:
    return [
        ("PROJECT", lambda info: info.repo.project.name),
        ("REPO", lambda info: info.repo.name if info.repo.type == USER_TYPE else f"{info.repo.name}.{info.repo.type}"),
        ("CREATED", lambda info: out.time(info.created)),
        ("SIZE", lambda info: size(info.size_upper_bound if info.size is None else info.size)),
        ("DESCRIPTION", lambda info: info.description),
    ]


@click.command(cls=Command, examples=('howdah create repo images -d "Photographs to label"',))
@click.argument("repo", metavar="REPO")
@click.option("-d", "--description", default="", help="What the repo holds.")
@click.option("--update", is_flag=True, help="Change the description of a repo that exists.")
@with_store
def create(store: Store, repo: str, description: str, *, update: bool) -> None:
    """Create a repo: a versioned folder of files. REPO is [PROJECT/]NAME."""
    repos.create(store.conn, parse_repo(repo, store.project), description, update=update)


@click.command("list", cls=Command, examples=("howdah list repo", "howdah list repo -A --raw"))
@click.option("-A", "--all-projects", is_flag=True, help="List the repos of all projects.")
@click.option("--type", "kind", default=USER_TYPE, help="List repos of this type; an empty one stands for all.")
@with_store
@with_output
def list_(out: Output, store: Store, kind: str, *, all_projects: bool) -> None:
    """List the repos of a project; sizes are those of branch master."""
    project = None if all_projects else Project(check_project_name(store.project))
    out.table(repos.list(store.conn, project=project, type=kind), _columns(out))


@click.command(cls=Command, examples=("howdah inspect repo images",))
@click.argument("repo", metavar="REPO")
@with_store
@with_output
def inspect(out: Output, store: Store, repo: str) -> None:
    """Show a repo."""
    info = repos.inspect(store.conn, parse_repo(repo, store.project))
    branches: Column[RepoInfo] = ("BRANCHES", lambda info: ", ".join(branch.name for branch in info.branches))
    out.record(info, [*_columns(out), branches])


@click.command(cls=Command, examples=("howdah delete repo images",))
@click.argument("repo", metavar="REPO")
@click.option("-f", "--force", is_flag=True, help="Delete it although branches of other repos depend on it.")
@with_store
def delete(store: Store, repo: str, *, force: bool) -> None:
    """Delete a repo with all its branches and commits."""
    name = parse_repo(repo, store.project)
    if not repos.delete(store.conn, name, force=force):
        raise NotFound(f"repo {name} not found: `howdah list repo` shows what there is", kind="no-repo")
