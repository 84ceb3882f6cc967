"""Requests in forms that only some clients send, or none should."""

from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from howdah.client import branches, commits, files, repos
from howdah.client.channel import Connection
from howdah.errors import Invalid, WrongState
from howdah.names import Commit, Project, Repo
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2
from tests.server.conftest import MASTER, REPO

HERE = pfs.repo_to_wire(REPO)
WIRE_MASTER = pfs.branch_to_wire(MASTER)


@pytest.fixture
def line(connection: Connection) -> list[str]:
    """Ids of three commits on master, newest first."""
    for at in range(3):
        with files.modify(connection, Commit(REPO, "master")) as changes:
            changes.put(f"/{at}", b"x")
    return [info.commit.id for info in commits.list(connection, REPO)]


def test_a_commit_without_a_repo_is_one_of_the_repo_at_hand(connection: Connection, line: list[str]) -> None:
    bare = pfs_pb2.Commit(id=line[2], repo=pfs_pb2.Repo(type="user", project=pfs_pb2.Project(name="default")))
    branch = pfs_pb2.Branch(repo=HERE, name="old")
    connection.pfs.CreateBranch(pfs_pb2.CreateBranchRequest(branch=branch, head=bare))
    assert branches.inspect(connection, pfs.branch_from_wire(branch) or MASTER).head == Commit(REPO, line[2])

    started = connection.pfs.StartCommit(pfs_pb2.StartCommitRequest(branch=WIRE_MASTER, parent=bare))
    assert commits.inspect(connection, Commit(REPO, started.id)).parent == Commit(REPO, line[2])

    found = connection.pfs.ListCommit(pfs_pb2.ListCommitRequest(repo=HERE, to=pfs_pb2.Commit(id=line[1])))
    assert [info.commit.id for info in found] == line[1:]


def test_a_parent_of_another_repo_is_refused(connection: Connection, line: list[str]) -> None:
    other = Repo(Project(), "other")
    repos.create(connection, other)
    with files.modify(connection, Commit(other, "master")) as changes:
        changes.put("/a", b"x")
    with pytest.raises(Invalid, match="branch and parent commit must belong to the same repo"):
        commits.start(connection, MASTER, parent=Commit(other, "master"))
    assert repos.delete(connection, other)


HEAD = pfs_pb2.Commit(repo=HERE, branch=WIRE_MASTER)
NEVER = pfs_pb2.CommitState.ValueType(77)
FOREVER = Timestamp(seconds=1 << 60)


@pytest.mark.parametrize(
    ("method", "request_", "text"),
    [
        (
            "ListCommit",
            pfs_pb2.ListCommitRequest(repo=HERE, origin_kind=pfs_pb2.OriginKind.ValueType(4)),
            "origin kind",
        ),
        ("ListCommit", pfs_pb2.ListCommitRequest(repo=HERE, started_time=FOREVER), "time"),
        ("SubscribeCommit", pfs_pb2.SubscribeCommitRequest(repo=HERE, branch="master", state=NEVER), "commit state"),
        ("InspectCommit", pfs_pb2.InspectCommitRequest(commit=HEAD, wait=NEVER), "commit state"),
        ("ListFile", pfs_pb2.ListFileRequest(file=pfs_pb2.File(commit=HEAD, path="/"), number=-1), "number"),
        ("GetFile", pfs_pb2.GetFileRequest(file=pfs_pb2.File(commit=HEAD, path="/0"), offset=-1), "offset"),
    ],
)
def test_a_number_that_means_nothing_is_refused_by_name(
    connection: Connection, line: list[str], method: str, request_: Message, text: str
) -> None:
    call: Any = getattr(connection.pfs, method)
    with pytest.raises(grpc.RpcError, match=rf"{text} .*invalid") as caught:
        list(call(request_, timeout=20))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("steps", ["^" + "9" * 5000, "~\u0663", ".", ".0", "^9", "^99999999999999999"])
def test_an_ancestry_that_leads_nowhere_is_refused(connection: Connection, line: list[str], steps: str) -> None:
    with pytest.raises((Invalid, WrongState)):
        commits.inspect(connection, Commit(REPO, f"{line[0]}{steps}"))
