"""Pachyderm's published client on commits."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk.api import pfs

from tests.compat.conftest import head, listed, read, refused


def ids(infos: Any) -> list[str]:
    return [info.commit.id for info in infos]


def reached(time: Any) -> bool:
    """Whether a time is set; an unset one reads as the epoch."""
    return time is not None and time.timestamp() > 0


def one_off(client: Any, branch: Any, data: bytes) -> str:
    client.pfs.put_file_from_bytes(commit=head(branch), path="/a", data=data)
    found: str = client.pfs.inspect_branch(branch=branch).head.id
    return found


def test_commit_block_writes_and_finishes(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch, description="Second season") as commit:
        commit.put_file_from_bytes("/a", b"x")
        assert commit.branch is None or commit.branch.name == ""
        assert not reached(client.pfs.inspect_commit(commit=commit).finished)
    info = commit.wait()

    assert (info.description, info.details.size_bytes, info.error) == ("Second season", 1, "")
    assert all(reached(time) for time in (info.started, info.finishing, info.finished))
    assert info.commit.branch is None or info.commit.branch.name == ""
    assert info.parent_commit.id == client.pfs.list_commit(repo=branch.repo, reverse=True).__next__().commit.id


def test_start_on_a_missing_branch_makes_it_without_an_extra_commit(client: Any, repo: Any) -> None:
    branch = pfs.Branch(repo=repo, name="new")
    commit = client.pfs.start_commit(branch=branch)

    assert client.pfs.inspect_branch(branch=branch).head.id == commit.id
    assert ids(client.pfs.list_commit(repo=repo)) == [commit.id]
    client.pfs.finish_commit(commit=commit)


def test_start_errors_are_those_that_clients_match(client: Any, repo: Any, branch: Any) -> None:
    client.pfs.start_commit(branch=branch)
    with pytest.raises(RpcError, match=r"parent commit .* has not been finished"):
        client.pfs.start_commit(branch=branch)
    with refused(StatusCode.NOT_FOUND, r"repo .* not found"):
        client.pfs.start_commit(branch=pfs.Branch.from_uri("nope@master"))
    with pytest.raises(RpcError, match="branch must be specified"):
        client.pfs.start_commit(branch=pfs.Branch(repo=repo, name=""))


def test_finish_twice_is_refused(client: Any, branch: Any) -> None:
    commit = client.pfs.start_commit(branch=branch)
    client.pfs.finish_commit(commit=commit)
    with refused(StatusCode.UNKNOWN, f"commit .*{commit.id} has already finished"):
        client.pfs.finish_commit(commit=commit)


def test_finish_with_an_error_tells_it_and_children_build_on_the_parent(client: Any, branch: Any) -> None:
    one_off(client, branch, b"good")
    commit = client.pfs.start_commit(branch=branch)
    client.pfs.put_file_from_bytes(commit=commit, path="/bad", data=b"x")
    client.pfs.finish_commit(commit=commit, error="broken")
    child = client.pfs.start_commit(branch=branch)
    client.pfs.finish_commit(commit=child)

    assert client.pfs.inspect_commit(commit=commit, wait=pfs.CommitState.FINISHED).error == "broken"
    assert read(client, commit, "/bad") == b"x"
    assert listed(client, child) == ["/a"]


def test_parent_may_be_given(client: Any, branch: Any) -> None:
    first = one_off(client, branch, b"1")
    one_off(client, branch, b"2")
    commit = client.pfs.start_commit(branch=branch, parent=pfs.Commit(repo=branch.repo, id=first))
    client.pfs.finish_commit(commit=commit)

    assert read(client, head(branch), "/a") == b"1"
    assert client.pfs.inspect_commit(commit=commit).parent_commit.id == first


def test_open_commit_is_readable_and_shared_by_streams(client: Any, branch: Any) -> None:
    one_off(client, branch, b"base")
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/b", b"1")
        commit.put_file_from_bytes("/b", b"2", append=True)
        assert listed(client, commit) == ["/a", "/b"]
        assert read(client, commit, "/b") == b"12"
        assert read(client, head(branch), "/a") == b"base"


def test_one_off_write_makes_one_finished_commit(client: Any, repo: Any) -> None:
    branch = pfs.Branch(repo=repo, name="fresh")
    one_off(client, branch, b"x")
    info = client.pfs.inspect_commit(commit=head(branch))

    assert info.finished is not None
    assert len(ids(client.pfs.list_commit(repo=repo))) == 1


def test_writing_into_a_finished_commit_by_its_id_is_refused(client: Any, branch: Any) -> None:
    commit = pfs.Commit(repo=branch.repo, id=one_off(client, branch, b"x"))
    with refused(StatusCode.UNKNOWN, "has already finished"):
        client.pfs.put_file_from_bytes(commit=commit, path="/a", data=b"y")


@pytest.mark.parametrize(
    ("expression", "index"),
    [
        ("master", 3),
        ("master^", 2),
        ("master^^", 1),
        ("master^2", 1),
        ("master~3", 0),
        ("master.1", 0),
        ("master.2", 1),
    ],
)
def test_ancestry_is_counted_from_the_head_or_the_root(client: Any, branch: Any, expression: str, index: int) -> None:
    for data in (b"1", b"2", b"3"):
        one_off(client, branch, data)
    line = ids(client.pfs.list_commit(repo=branch.repo, reverse=True))
    commit = pfs.Commit.from_uri(f"{branch.repo.name}@{expression}")

    assert client.pfs.inspect_commit(commit=commit).commit.id == line[index]


def test_ancestry_is_counted_from_a_commit_and_from_a_named_branch(client: Any, branch: Any) -> None:
    first, second = one_off(client, branch, b"1"), one_off(client, branch, b"2")
    by_id = pfs.Commit(repo=branch.repo, id=f"{second}^")
    by_branch = pfs.Commit(branch=branch, id="^")

    assert client.pfs.inspect_commit(commit=by_id).commit.id == first
    assert client.pfs.inspect_commit(commit=by_branch).commit.id == first


def test_ancestry_beyond_the_first_commit_is_an_error(client: Any, branch: Any) -> None:
    with refused(StatusCode.UNKNOWN):
        client.pfs.inspect_commit(commit=pfs.Commit.from_uri(f"{branch.repo.name}@master^9"))


def test_missing_commit_and_branch_are_not_found(client: Any, repo: Any) -> None:
    missing = pfs.Commit(repo=repo, id="0123456789ab4cdef0123456789abcde")
    with refused(StatusCode.NOT_FOUND, "commit .*0123456789ab4cdef0123456789abcde not found"):
        client.pfs.inspect_commit(commit=missing)
    with refused(StatusCode.NOT_FOUND, "not found"):
        client.pfs.inspect_commit(commit=pfs.Commit(repo=repo, branch=pfs.Branch(repo=repo, name="nope")))
    assert not client.pfs.commit_exists(missing)


def test_commit_named_through_its_branch_alone(client: Any, branch: Any) -> None:
    assert client.pfs.inspect_commit(commit=pfs.Commit(branch=branch)).commit.repo.name == branch.repo.name


def test_commits_are_listed_newest_first_and_between_bounds(client: Any, repo: Any, branch: Any) -> None:
    for data in (b"1", b"2", b"3"):
        one_off(client, branch, data)
    every = ids(client.pfs.list_commit(repo=repo))
    old = pfs.Commit(repo=repo, id=every[3])

    assert ids(client.pfs.list_commit(repo=repo, reverse=True)) == every[::-1]
    assert ids(client.pfs.list_commit(repo=repo, number=2)) == every[:2]
    assert ids(client.pfs.list_commit(repo=repo, to=head(branch), from_=old)) == every[:3]
    assert ids(client.pfs.list_commit(repo=repo, to=head(branch), number=1)) == every[:1]
    assert ids(client.pfs.list_commit(repo=repo, origin_kind=pfs.OriginKind.AUTO)) == every[3:]


def test_list_errors_are_those_that_clients_match(client: Any, repo: Any, branch: Any) -> None:
    with refused(StatusCode.NOT_FOUND, "repo default/nope not found"):
        list(client.pfs.list_commit(repo=pfs.Repo(name="nope")))
    with refused(StatusCode.UNKNOWN, "cannot use `from` commit without `to` commit"):
        list(client.pfs.list_commit(repo=repo, from_=head(branch)))


def test_wait_ends_when_another_client_finishes(client: Any, branch: Any) -> None:
    commit = client.pfs.start_commit(branch=branch)
    seen: list[Any] = []
    waiter = threading.Thread(target=lambda: seen.append(client.pfs.wait_commit(commit)))
    waiter.start()
    client.pfs.finish_commit(commit=commit)
    waiter.join(30)

    assert [info.finished is not None for info in seen] == [True]


def test_subscription_replays_the_branch_and_goes_on(client: Any, repo: Any, branch: Any) -> None:
    first = one_off(client, branch, b"1")
    stream = client.pfs.subscribe_commit(repo=repo, branch="master", state=pfs.CommitState.FINISHED)
    replayed = [next(stream).commit.id, next(stream).commit.id]
    second = one_off(client, branch, b"2")

    assert replayed == [*ids(client.pfs.list_commit(repo=repo, reverse=True))[:1], first]
    assert next(stream).commit.id == second
    stream.cancel() if hasattr(stream, "cancel") else stream.close()


def test_subscription_begins_after_a_commit(client: Any, repo: Any, branch: Any) -> None:
    first, second = one_off(client, branch, b"1"), one_off(client, branch, b"2")
    since = pfs.Commit(repo=repo, id=first)
    stream = client.pfs.subscribe_commit(repo=repo, branch="master", from_=since, state=pfs.CommitState.FINISHED)

    assert next(stream).commit.id == second
