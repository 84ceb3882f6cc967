"""Pachyderm's published client on provenance, commit sets and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk.api import pfs, transaction

from tests.compat.conftest import head, read, refused


@pytest.fixture
def output(client: Any, branch: Any) -> Iterator[Any]:
    """A branch of another repo that follows `branch`."""
    found = pfs.Branch.from_uri(f"{branch.repo.name}-out@master")
    client.pfs.create_repo(repo=found.repo)
    client.pfs.create_branch(branch=found, provenance=[branch])
    yield found
    client.pfs.delete_repo(repo=found.repo, force=True)


def put(client: Any, branch: Any, path: str, data: bytes) -> str:
    client.pfs.put_file_from_bytes(commit=head(branch), path=path, data=data)
    found: str = client.pfs.inspect_branch(branch=branch).head.id
    return found


def members(client: Any, id: str, **words: Any) -> list[str]:
    infos = client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=id), **words)
    return [info.commit.repo.name for info in infos]


def test_branch_tells_provenance_and_subvenance(client: Any, branch: Any, output: Any) -> None:
    down = client.pfs.inspect_branch(branch=output)
    assert [found.repo.name for found in down.direct_provenance] == [branch.repo.name]
    assert [found.repo.name for found in down.provenance] == [branch.repo.name]
    assert [found.repo.name for found in client.pfs.inspect_branch(branch=branch).subvenance] == [output.repo.name]


def test_commit_set_holds_the_commit_and_what_follows_it(client: Any, branch: Any, output: Any) -> None:
    id = put(client, branch, "/a", b"x")
    assert members(client, id) == [branch.repo.name, output.repo.name]
    info = client.pfs.inspect_commit(commit=pfs.Commit(repo=output.repo, id=id))
    assert [commit.id for commit in info.direct_provenance] == [id]
    assert info.origin.kind == pfs.OriginKind.AUTO

    client.pfs.finish_commit(commit=info.parent_commit)
    client.pfs.finish_commit(commit=info.commit)
    assert members(client, id, wait=True) == [branch.repo.name, output.repo.name]
    found = next(client.pfs.list_commit_set(project=pfs.Project(name="default")))
    assert found.commit_set.id == id
    assert len(found.commits) == 2


def test_a_new_commit_set_is_made_where_one_is_asked_for(client: Any, branch: Any, output: Any) -> None:
    id = put(client, branch, "/a", b"x")
    head = pfs.Commit(repo=branch.repo, id=id)
    client.pfs.create_branch(branch=branch, head=head)
    assert client.pfs.inspect_branch(branch=output).head.id == id

    client.pfs.create_branch(branch=branch, head=head, new_commit_set=True)
    made = client.pfs.inspect_branch(branch=output).head.id
    assert made != id
    assert set(members(client, made)) == {branch.repo.name, output.repo.name}
    assert client.pfs.inspect_branch(branch=branch).head.id == id


def test_commit_set_that_is_not_there_is_not_found(client: Any) -> None:
    with refused(StatusCode.NOT_FOUND, "no commits found for commitset 0123456789ab4cdef0123456789abcde"):
        members(client, "0123456789ab4cdef0123456789abcde")


def test_input_commit_is_found_by_the_id_of_what_was_made_from_it(client: Any, branch: Any, output: Any) -> None:
    made = client.pfs.inspect_branch(branch=output).head
    source = client.pfs.inspect_branch(branch=branch).head

    assert made.id != source.id
    assert client.pfs.inspect_commit(commit=pfs.Commit(repo=branch.repo, id=made.id)).commit.id == source.id


def test_output_branch_takes_no_commit(client: Any, output: Any) -> None:
    client.pfs.finish_commit(commit=client.pfs.inspect_branch(branch=output).head)
    with pytest.raises(RpcError, match="cannot start a commit on an output branch"):
        client.pfs.start_commit(branch=output)


def test_walks_along_provenance(client: Any, branch: Any, output: Any) -> None:
    id = put(client, branch, "/a", b"x")

    def picked(found: Any) -> Any:
        repo = pfs.RepoPicker(
            name=pfs.RepoPickerRepoName(
                project=pfs.ProjectPicker(name="default"), name=found.repo.name, type=found.repo.type
            )
        )
        return pfs.BranchPicker(name=pfs.BranchPickerBranchName(repo=repo, name=found.name))

    up = client.pfs.walk_commit_provenance(start=[pfs.CommitPicker(branch_head=picked(output))])
    assert [(info.commit.repo.name, info.commit.id) for info in up] == [(branch.repo.name, id)]
    down = client.pfs.walk_branch_subvenance(start=[picked(branch)], max_depth=1)
    assert [info.branch.repo.name for info in down] == [output.repo.name]


def test_squash_keeps_the_data_and_drop_loses_it(client: Any, branch: Any) -> None:
    ids = [put(client, branch, f"/{name}", b"x") for name in "abc"]
    with pytest.raises(RpcError, match="cannot squash a commit that has no children"):
        client.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=ids[2]))
    client.pfs.squash_commit_set(commit_set=pfs.CommitSet(id=ids[1]))
    assert not client.pfs.commit_exists(commit=pfs.Commit(repo=branch.repo, id=ids[1]))
    assert read(client, head(branch), "/b") == b"x"

    client.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=ids[2]))
    assert client.pfs.inspect_branch(branch=branch).head.id == ids[0]
    assert not client.pfs.path_exists(file=pfs.File(commit=head(branch), path="/b"))


def test_cleared_commit_holds_what_it_began_with(client: Any, branch: Any) -> None:
    put(client, branch, "/a", b"x")
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/b", b"y")
        commit.delete_file(path="/a")
        client.pfs.clear_commit(commit=commit)
        commit.put_file_from_bytes("/c", b"z")
    assert read(client, head(branch), "/a") == b"x"
    assert not client.pfs.path_exists(file=pfs.File(commit=head(branch), path="/b"))


def test_repos_are_summed_up_and_deleted_by_project(client: Any) -> None:
    project = pfs.Project(name="summed-up")
    client.pfs.create_project(project=project)
    for name in ("up", "down"):
        client.pfs.create_repo(repo=pfs.Repo(project=project, name=name))
    up, down = (pfs.Branch(repo=pfs.Repo(project=project, name=name), name="master") for name in ("up", "down"))
    client.pfs.create_branch(branch=down, provenance=[up])
    put(client, up, "/a", b"xyz")

    (summary,) = client.pfs.repos_summary(projects=[pfs.ProjectPicker(name="summed-up")]).summaries
    assert (summary.user_repo_count, summary.size_bytes) == (2, 3)
    gone = client.pfs.delete_repos(projects=[project]).repos
    assert {repo.name for repo in gone} == {"up", "down"}
    client.pfs.delete_project(project=project)


def test_transaction_happens_as_a_whole_at_its_end(client: Any, repo: Any, branch: Any) -> None:
    other = pfs.Repo(name=f"{repo.name}-other")
    with client.transaction.transaction() as waiting:
        client.pfs.create_repo(repo=other)
        assert not client.pfs.repo_exists(repo=other)
        commit = client.pfs.start_commit(branch=branch)
        client.pfs.finish_commit(commit=commit)
        assert commit.id == waiting.id
        assert len(client.transaction.inspect_transaction(transaction=waiting).requests) == 3
    assert client.pfs.repo_exists(repo=other)
    assert client.pfs.inspect_branch(branch=branch).head.id == waiting.id
    with refused(StatusCode.NOT_FOUND, "transaction .* not found"):
        client.transaction.inspect_transaction(transaction=waiting)
    client.pfs.delete_repo(repo=other)


def test_transaction_that_fails_on_its_way_leaves_nothing(client: Any, repo: Any) -> None:
    other = pfs.Repo(name=f"{repo.name}-other")

    def both() -> None:
        with client.transaction.transaction():
            client.pfs.create_repo(repo=other)
            client.pfs.create_repo(repo=repo)

    with pytest.raises(RpcError, match="already exists"):
        both()
    assert not client.pfs.repo_exists(repo=other)
    assert not client.transaction.list_transaction().transaction_info


def test_transaction_whose_ground_has_gone_tells_which_request_failed(client: Any, repo: Any) -> None:
    waiting = client.transaction.start_transaction()
    client.transaction_id = waiting.id
    client.pfs.create_repo(repo=pfs.Repo(name=f"{repo.name}-other"))
    client.transaction_id = None
    client.pfs.create_repo(repo=pfs.Repo(name=f"{repo.name}-other"))
    with refused(StatusCode.ALREADY_EXISTS, "error running request 1 of 1: repo .* already exists"):
        client.transaction.finish_transaction(transaction=waiting)
    client.transaction.delete_transaction(transaction=waiting)
    with refused(StatusCode.NOT_FOUND):
        client.transaction.delete_transaction(transaction=waiting)
    client.pfs.delete_repo(repo=pfs.Repo(name=f"{repo.name}-other"))


def test_batch_is_one_commit_set(client: Any, branch: Any, output: Any) -> None:
    other = pfs.Branch.from_uri(f"{branch.repo.name}-other@master")
    client.pfs.create_repo(repo=other.repo)
    info = client.transaction.batch_transaction(
        requests=[
            transaction.TransactionRequest(start_commit=pfs.StartCommitRequest(branch=each)) for each in (branch, other)
        ]
    )
    assert {response.commit.id for response in info.responses} == {info.transaction.id}
    assert set(members(client, info.transaction.id)) == {branch.repo.name, other.repo.name, output.repo.name}
    client.pfs.delete_repo(repo=other.repo)
