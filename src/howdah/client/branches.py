"""Verbs on branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from howdah.client.channel import Connection
from howdah.infos import BranchInfo, Trigger
from howdah.names import Branch, Commit, Repo
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2


def create(
    conn: Connection,
    branch: Branch,
    *,
    head: Commit | None = None,
    provenance: Sequence[Branch] = (),
    trigger: Trigger | None = None,
) -> None:
    """Create the branch with an empty commit, or point it, new or not, at `head`.

    It follows the branches of `provenance` and no others, or moves by itself as `trigger` says.
    """
    request = pfs_pb2.CreateBranchRequest(
        branch=pfs.branch_to_wire(branch),
        head=None if head is None else pfs.commit_to_wire(head),
        provenance=map(pfs.branch_to_wire, provenance),
        trigger=None if trigger is None else pfs.trigger_to_wire(trigger),
    )
    conn.call(conn.pfs.CreateBranch, request)


def list(conn: Connection, repo: Repo) -> Iterator[BranchInfo]:
    """The repo's branches, the newest first; raises `NotFound`."""
    request = pfs_pb2.ListBranchRequest(repo=pfs.repo_to_wire(repo))
    yield from map(pfs.branch_info_from_wire, conn.stream(conn.pfs.ListBranch, request))


def inspect(conn: Connection, branch: Branch) -> BranchInfo:
    """The branch; raises `NotFound`."""
    request = pfs_pb2.InspectBranchRequest(branch=pfs.branch_to_wire(branch))
    return pfs.branch_info_from_wire(conn.call(conn.pfs.InspectBranch, request))


def delete(conn: Connection, branch: Branch, *, force: bool = False) -> None:
    """Delete the branch; its commits stay."""
    conn.call(conn.pfs.DeleteBranch, pfs_pb2.DeleteBranchRequest(branch=pfs.branch_to_wire(branch), force=force))
