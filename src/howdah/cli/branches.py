"""Commands on branches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output
from howdah.client import branches
from howdah.errors import Invalid
from howdah.infos import BranchInfo, Trigger
from howdah.names import Commit, parse_branch, parse_commit, parse_repo

_COLUMNS: list[Column[BranchInfo]] = [
    ("BRANCH", lambda info: info.branch.name),
    ("HEAD", lambda info: info.head.id if info.head else "-"),
]


def _with_trigger(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a trigger, and pass the one that they mean, or None, as `trigger`."""

    @click.option("--trigger", "branch_", metavar="BRANCH", help="Branch of the same repo whose head to move to.")
    @click.option("--trigger-all", "all_", is_flag=True, help="Move when all conditions are met, not one of them.")
    @click.option("--trigger-size", "size", metavar="SIZE", default="", help="... when so much is new: 100MB, 64KiB.")
    @click.option(
        "--trigger-commits", "commits", type=click.IntRange(min=0), default=0, help="... when so many commits are new."
    )
    @click.option("--trigger-rate-limit-spec", "rate", metavar="CRON", default="", help="... at most so often.")
    @click.option(
        "--trigger-cron-spec", "cron", metavar="CRON", default="", help="... at these times, and by nothing else."
    )
    @functools.wraps(function)
    def call(*args: Any, **words: Any) -> None:
        told = [words.pop(key) for key in ("branch_", "all_", "rate", "size", "commits", "cron")]
        if any(told) and not told[0]:
            raise Invalid("a trigger needs --trigger BRANCH: the branch whose head to move to", kind="bad-trigger")
        function(*args, trigger=Trigger(*told) if told[0] else None, **words)

    return call


@click.command(
    cls=Command,
    examples=(
        "howdah create branch images@master",
        "howdah create branch images@reviewed --head master",
        "howdah create branch crops@master -p images@master",
        "howdah create branch images@staging --trigger master --trigger-size 100MB",
    ),
)
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("--head", metavar="COMMIT", help="Commit or branch of the same repo to point at.")
@click.option(
    "-p", "--provenance", metavar="REPO@BRANCH", multiple=True, help="A branch that this one follows; repeatable."
)
@_with_trigger
@with_store
def create(store: Store, branch: str, head: str | None, provenance: tuple[str, ...], trigger: Trigger | None) -> None:
    """Create a branch with an empty commit, or point it, new or not, at --head.

    With --provenance it follows other branches: each commit there opens one here. With --trigger it moves by itself to
    the head of another branch of its repo, when one of the conditions that are told is met.
    """
    name = parse_branch(branch, store.project)
    commit = None
    if head is not None:
        commit = parse_commit(head, store.project) if "@" in head else Commit(name.repo, head)
    above = [parse_branch(each, store.project) for each in provenance]
    branches.create(store.conn, name, head=commit, provenance=above, trigger=trigger)


@click.command("list", cls=Command, examples=("howdah list branch images",))
@click.argument("repo", metavar="REPO")
@with_store
@with_output
def list_(out: Output, store: Store, repo: str) -> None:
    """List a repo's branches, the newest first."""
    out.table(branches.list(store.conn, parse_repo(repo, store.project)), _COLUMNS)


def _trigger(trigger: Trigger | None) -> str:
    if trigger is None:
        return ""
    told = {
        "size": trigger.size,
        "commits": str(trigger.commits or ""),
        "rate limit": trigger.rate_limit_spec,
        "cron": trigger.cron_spec,
    }
    conditions = [f"{key} {value}" for key, value in told.items() if value]
    return f"{trigger.branch} ({(' and ' if trigger.all else ' or ').join(conditions)})"


_DETAILS: list[Column[BranchInfo]] = [
    *_COLUMNS,
    ("PROVENANCE", lambda info: ", ".join(map(str, info.direct_provenance))),
    ("TRIGGER", lambda info: _trigger(info.trigger)),
    ("METADATA", lambda info: ", ".join(f"{key}={value}" for key, value in info.metadata.items())),
]


@click.command(cls=Command, examples=("howdah inspect branch images@master",))
@click.argument("branch", metavar="REPO@BRANCH")
@with_store
@with_output
def inspect(out: Output, store: Store, branch: str) -> None:
    """Show a branch."""
    out.record(branches.inspect(store.conn, parse_branch(branch, store.project)), _DETAILS)


@click.command(cls=Command, examples=("howdah delete branch images@reviewed",))
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-f", "--force", is_flag=True, help="Delete it although other branches depend on it.")
@with_store
def delete(store: Store, branch: str, *, force: bool) -> None:
    """Delete a branch. Its commits stay and can be read by their ids."""
    branches.delete(store.conn, parse_branch(branch, store.project), force=force)
