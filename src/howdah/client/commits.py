"""Verbs on commits."""

from __future__ import annotations

from collections.abc import Iterator

from howdah.client.channel import Connection
from howdah.errors import Invalid
from howdah.infos import CommitInfo, CommitState
from howdah.names import Branch, Commit, File, Repo
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2


def start(conn: Connection, branch: Branch, description: str = "", *, parent: Commit | None = None) -> Commit:
    """Open a commit at the head of `branch`, making the branch where it is missing; its parent is the old head.

    Raises `WrongState` while the parent is open.
    """
    request = pfs_pb2.StartCommitRequest(
        branch=pfs.branch_to_wire(branch),
        description=description,
        parent=None if parent is None else pfs.commit_to_wire(parent),
    )
    commit = pfs.commit_from_wire(conn.call(conn.pfs.StartCommit, request))
    if commit is None:
        raise Invalid("server started a commit without naming it", kind="bad-message")
    return commit


def finish(conn: Connection, commit: Commit, description: str = "", *, error: str = "") -> None:
    """Close the commit; once this returns, what it holds survives a crash. `error` marks it as failed."""
    request = pfs_pb2.FinishCommitRequest(commit=pfs.commit_to_wire(commit), description=description, error=error)
    conn.call(conn.pfs.FinishCommit, request, patient=True)


def inspect(conn: Connection, commit: Commit, *, wait: CommitState | None = None) -> CommitInfo:
    """The commit, once it has reached the state `wait`; raises `NotFound`."""
    request = pfs_pb2.InspectCommitRequest(commit=pfs.commit_to_wire(commit), wait=_state(wait))
    return pfs.commit_info_from_wire(conn.call(conn.pfs.InspectCommit, request, patient=wait is not None))


def list(
    conn: Connection,
    repo: Repo,
    *,
    to: Commit | None = None,
    since: Commit | None = None,
    number: int = 0,
    reverse: bool = False,
) -> Iterator[CommitInfo]:
    """The repo's commits, the newest first; with `to`, that commit and its ancestors down to `since`, exclusive.

    At most `number` where that is not 0. `reverse` gives the oldest first and goes with neither `to` nor `since`.
    """
    request = pfs_pb2.ListCommitRequest(
        repo=pfs.repo_to_wire(repo),
        to=None if to is None else pfs.commit_to_wire(to),
        number=number,
        reverse=reverse,
    )
    if since is not None:
        getattr(request, "from").CopyFrom(pfs.commit_to_wire(since))
    yield from map(pfs.commit_info_from_wire, conn.stream(conn.pfs.ListCommit, request))


def subscribe(
    conn: Connection, branch: Branch, *, since: Commit | None = None, state: CommitState = CommitState.STARTED
) -> Iterator[CommitInfo]:
    """The branch's commits after `since`, the oldest first, then each new one as it reaches `state`; never ends."""
    request = pfs_pb2.SubscribeCommitRequest(
        repo=pfs.repo_to_wire(branch.repo), branch=branch.name, state=_state(state)
    )
    if since is not None:
        getattr(request, "from").CopyFrom(pfs.commit_to_wire(since))
    yield from map(pfs.commit_info_from_wire, conn.stream(conn.pfs.SubscribeCommit, request))


def inspect_set(conn: Connection, id: str, *, wait: bool = False) -> Iterator[CommitInfo]:
    """The commits of a set and those that they are made from; with `wait`, each once it is finished."""
    request = pfs_pb2.InspectCommitSetRequest(commit_set=pfs_pb2.CommitSet(id=id), wait=wait)
    yield from map(pfs.commit_info_from_wire, conn.stream(conn.pfs.InspectCommitSet, request))


def squash_set(conn: Connection, id: str) -> None:
    """Take a commit set out of history; its changes become part of what came after."""
    conn.call(conn.pfs.SquashCommitSet, pfs_pb2.SquashCommitSetRequest(commit_set=pfs_pb2.CommitSet(id=id)))


def drop_set(conn: Connection, id: str) -> None:
    """Delete a commit set that nothing came after, and its data."""
    conn.call(conn.pfs.DropCommitSet, pfs_pb2.DropCommitSetRequest(commit_set=pfs_pb2.CommitSet(id=id)))


def squash(conn: Connection, commit: Commit, *, recursive: bool = False) -> None:
    """Take a commit out of history; its changes become part of its children. `recursive` as in `drop`."""
    request = pfs_pb2.SquashCommitRequest(commit=pfs.commit_to_wire(commit), recursive=recursive)
    conn.call(conn.pfs.SquashCommit, request)


def find(conn: Connection, file: File, *, limit: int = 0) -> Iterator[Commit]:
    """The commits, from the file's own back, that changed it; at most `limit` where that is not 0."""
    request = pfs_pb2.FindCommitsRequest(start=pfs.commit_to_wire(file.commit), file_path=file.path, limit=limit)
    for answer in conn.stream(conn.pfs.FindCommits, request):
        found = pfs.commit_from_wire(answer.found_commit)
        if found is not None:
            yield found


def drop(conn: Connection, commit: Commit, *, recursive: bool = False) -> None:
    """Delete a commit that has no children, and its data; with `recursive`, all that is made from it too."""
    conn.call(conn.pfs.DropCommit, pfs_pb2.DropCommitRequest(commit=pfs.commit_to_wire(commit), recursive=recursive))


def _state(state: CommitState | None) -> pfs_pb2.CommitState.ValueType:
    return pfs_pb2.COMMIT_STATE_UNKNOWN if state is None else pfs_pb2.CommitState.ValueType(state)
