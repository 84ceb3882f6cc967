"""Commands on commits."""

from __future__ import annotations

from itertools import islice

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, first_line, size
from howdah.client import commits
from howdah.infos import CommitInfo, CommitState
from howdah.names import Commit, is_commit_id, parse_branch, parse_commit, parse_file, parse_repo


def _columns(out: Output) -> list[Column[CommitInfo]]:
    return [
        ("REPO", lambda info: str(info.commit.repo)),
        ("COMMIT", lambda info: info.commit.id),
        ("FINISHED", lambda info: out.time(info.finished)),
        ("SIZE", lambda info: size(info.size_upper_bound if info.size is None else info.size)),
        ("ORIGIN", lambda info: info.origin.name),
        ("DESCRIPTION", lambda info: first_line(info.description)),
    ]


def _details(out: Output) -> list[Column[CommitInfo]]:
    return [
        *_columns(out)[:-1],
        ("DESCRIPTION", lambda info: info.description),
        ("PARENT", lambda info: info.parent.id if info.parent else ""),
        ("CHILDREN", lambda info: ", ".join(child.id for child in info.children)),
        ("STARTED", lambda info: out.time(info.started)),
        ("PROVENANCE", lambda info: ", ".join(map(str, info.direct_provenance))),
        ("METADATA", lambda info: ", ".join(f"{key}={value}" for key, value in info.metadata.items())),
        ("ERROR", lambda info: info.error),
    ]


@click.command(cls=Command, examples=('howdah start commit images@master -m "Second season"',))
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("-m", "--message", default="", help="What the commit is about.")
@click.option("-p", "--parent", metavar="COMMIT", help="Commit or branch of the same repo to build on.")
@with_store
def start(store: Store, branch: str, message: str, parent: str | None) -> None:
    """Open a commit at the head of a branch and print its id. Write into it, then finish it."""
    name = parse_branch(branch, store.project)
    base = None if parent is None else Commit(name.repo, parent)
    click.echo(commits.start(store.conn, name, message, parent=base).id)


@click.command(cls=Command, examples=("howdah finish commit images@master",))
@click.argument("commit", metavar="REPO@COMMIT")
@click.option("-m", "--message", default="", help="What the commit is about.")
@with_store
def finish(store: Store, commit: str, message: str) -> None:
    """Close a commit: what it holds never changes again, and survives a crash."""
    commits.finish(store.conn, parse_commit(commit, store.project), message)


@click.command(cls=Command, examples=("howdah wait commit images@master",))
@click.argument("commit", metavar="REPO@COMMIT|SET")
@with_store
@with_output
def wait(out: Output, store: Store, commit: str) -> None:
    """Wait until a commit, or each commit of a set, is finished, and show it."""
    if is_commit_id(commit):
        for info in commits.inspect_set(store.conn, commit, wait=True):
            out.record(info, _details(out))
        return
    name = parse_commit(commit, store.project)
    out.record(commits.inspect(store.conn, name, wait=CommitState.FINISHED), _details(out))


@click.command("list", cls=Command, examples=("howdah list commit images", "howdah list commit images@master -n 10"))
@click.argument("repo", metavar="REPO[@COMMIT]|SET")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@click.option("--from", "since", metavar="COMMIT", help="Stop before this commit; needs REPO@COMMIT.")
@with_store
@with_output
def list_(out: Output, store: Store, repo: str, number: int, since: str | None) -> None:
    """List a repo's commits, or a commit and its ancestors, the newest first; or those of a commit set."""
    if is_commit_id(repo):
        out.table(islice(commits.inspect_set(store.conn, repo), number or None), _columns(out))
        return
    name, at, _ = repo.partition("@")
    place = parse_repo(name, store.project)
    to = parse_commit(repo, store.project) if at else None
    base = None if since is None else Commit(place, since)
    out.table(commits.list(store.conn, place, to=to, since=base, number=number), _columns(out))


@click.command(cls=Command, examples=("howdah inspect commit images@master",))
@click.argument("commit", metavar="REPO@COMMIT|SET")
@with_store
@with_output
def inspect(out: Output, store: Store, commit: str) -> None:
    """Show a commit, or each commit of a set."""
    if is_commit_id(commit):
        for info in commits.inspect_set(store.conn, commit):
            out.record(info, _details(out))
        return
    out.record(commits.inspect(store.conn, parse_commit(commit, store.project)), _details(out))


@click.command(cls=Command, examples=("howdah subscribe commit labels@master --raw",))
@click.argument("branch", metavar="REPO@BRANCH")
@click.option("--from", "since", metavar="COMMIT", help="Leave out this commit and what came before it.")
@with_store
@with_output
def subscribe(out: Output, store: Store, branch: str, since: str | None) -> None:
    """Print a branch's commits, the oldest first, then each new one once it is finished, until Ctrl-C."""
    name = parse_branch(branch, store.project)
    base = None if since is None else Commit(name.repo, since)
    out.follow(commits.subscribe(store.conn, name, since=base, state=CommitState.FINISHED), _columns(out))


@click.command(cls=Command, examples=("howdah squash commit images@master^",))
@click.argument("commit", metavar="REPO@COMMIT|SET")
@click.option("-r", "--recursive", is_flag=True, help="Squash all that is made from it, too.")
@with_store
def squash(store: Store, commit: str, *, recursive: bool) -> None:
    """Take a commit, or a commit set, out of history; its changes become part of what came after."""
    if is_commit_id(commit):
        commits.squash_set(store.conn, commit)
        return
    commits.squash(store.conn, parse_commit(commit, store.project), recursive=recursive)


@click.command(cls=Command, examples=("howdah find commit images@master:/liberty.png",))
@click.argument("file", metavar="REPO@COMMIT:PATH")
@click.option("-n", "--limit", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@with_store
@with_output
def find(out: Output, store: Store, file: str, limit: int) -> None:
    """List the commits that changed a file or directory, from a commit back, the newest first."""
    found = commits.find(store.conn, parse_file(file, store.project), limit=limit)
    out.follow((commits.inspect(store.conn, commit) for commit in found), _columns(out))


@click.command(cls=Command, examples=("howdah delete commit images@master",))
@click.argument("commit", metavar="REPO@COMMIT|SET")
@click.option("-r", "--recursive", is_flag=True, help="Delete all that is made from it, too.")
@with_store
def delete(store: Store, commit: str, *, recursive: bool) -> None:
    """Delete a commit, or a commit set, that has no children, and its data."""
    if is_commit_id(commit):
        commits.drop_set(store.conn, commit)
        return
    commits.drop(store.conn, parse_commit(commit, store.project), recursive=recursive)
