"""Commands on branches."""

from __future__ import annotations

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output
from howdah.client import branches
from howdah.infos import BranchInfo
from howdah.names import Commit, parse_branch, parse_commit, parse_repo

_COLUMNS: list[Column[BranchInfo]] = [
    ("BRANCH", lambda info: info.branch.name),
    ("HEAD", lambda info: info.head.id if info.head else "-"),
]


@click.command(
    cls=Command, examples=("howdah create branch images@master", "howdah create branch images@reviewed --head master")
)
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("--head", metavar="COMMIT", help="Commit or branch of the same repo to point at.")
@with_store
def create(store: Store, branch: str, head: str | None) -> None:
    """Create a branch with an empty commit, or point it, new or not, at --head."""
    name = parse_branch(branch, store.project)
    commit = None
    if head is not None:
        commit = parse_commit(head, store.project) if "@" in head else Commit(name.repo, head)
    branches.create(store.conn, name, head=commit)


@click.command("list", cls=Command, examples=("howdah list branch images",))
@click.argument("repo", metavar="REPO")
@with_store
@with_output
def list_(out: Output, store: Store, repo: str) -> None:
    """List a repo's branches, the newest first."""
    out.table(branches.list(store.conn, parse_repo(repo, store.project)), _COLUMNS)


@click.command(cls=Command, examples=("howdah inspect branch images@master",))
@click.argument("branch", metavar="REPO@BRANCH")
@with_store
@with_output
def inspect(out: Output, store: Store, branch: str) -> None:
    """Show a branch."""
    out.record(branches.inspect(store.conn, parse_branch(branch, store.project)), _COLUMNS)


@click.command(cls=Command, examples=("howdah delete branch images@reviewed",))
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-f", "--force", is_flag=True, help="Delete it although other branches depend on it.")
@with_store
def delete(store: Store, branch: str, *, force: bool) -> None:
    """Delete a branch. Its commits stay and can be read by their ids."""
    branches.delete(store.conn, parse_branch(branch, store.project), force=force)
