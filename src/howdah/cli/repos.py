"""Commands on repos."""

from __future__ import annotations

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, size
from howdah.client import repos
from howdah.errors import Invalid, NotFound
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


@click.command(cls=Command, examples=("howdah delete repo images", "howdah delete repo --all --project vision"))
@click.argument("repo", metavar="[REPO]", required=False)
@click.option("--all", "all_", is_flag=True, help="Delete all repos of the project.")
@click.option("-A", "--all-projects", is_flag=True, help="With --all: those of all projects.")
@click.option("-f", "--force", is_flag=True, help="Delete it although branches of other repos depend on it.")
@with_store
def delete(store: Store, repo: str | None, *, all_: bool, all_projects: bool, force: bool) -> None:
    """Delete a repo with all its branches and commits, or all of them.

    One that a pipeline writes goes with the pipeline; as long as there is one, --all deletes none.
    """
    if all_ == (repo is not None) or (all_projects and not all_):
        raise Invalid("what to delete is not clear: name one repo, or say --all, with -A in all projects")
    if repo is None:
        project = None if all_projects else Project(check_project_name(store.project))
        for gone in repos.delete_all(store.conn, project, force=force):
            if gone.type == USER_TYPE:
                click.echo(f"{gone} is deleted")
        return
    name = parse_repo(repo, store.project)
    if not repos.delete(store.conn, name, force=force):
        raise NotFound(f"repo {name} not found: `howdah list repo` shows what there is", kind="no-repo")
