"""Pachyderm's published client on server, projects, repos and branches."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps
from pachyderm_sdk.errors import AuthServiceNotActivated

from tests.compat.conftest import refused


def names(infos: Any) -> list[str]:
    return [info.repo.name for info in infos]


def test_version_is_that_of_the_interface(client: Any) -> None:
    version = client.get_version()

    assert (version.major, version.minor, version.micro, version.additional) == (2, 12, 2, "")


def test_cluster_keeps_its_ids(client: Any) -> None:
    first, second = client.admin.inspect_cluster(), client.admin.inspect_cluster()

    assert first.id
    assert first.deployment_id
    assert (first.id, first.deployment_id) == (second.id, second.deployment_id)
    assert first.warnings_ok is True


def test_auth_is_not_activated(client: Any) -> None:
    with pytest.raises(AuthServiceNotActivated):
        client.auth.who_am_i()


def test_call_that_is_not_offered_is_named(client: Any) -> None:
    with refused(StatusCode.UNIMPLEMENTED, "API[./]RunPipeline"):
        client.pps.run_pipeline(pipeline=pps.Pipeline(name="x"))


def test_unoffered_stream_is_named(client: Any) -> None:
    with refused(StatusCode.UNIMPLEMENTED, "QueryLoki"):
        list(client.pps.query_loki(query="x"))


def test_token_and_empty_transaction_do_no_harm(server: Any) -> None:
    other = Client(host="127.0.0.1", port=server.port, auth_token="token", transaction_id="")

    assert list(other.pfs.list_project())


def test_default_project_is_there(client: Any) -> None:
    assert "default" in [info.project.name for info in client.pfs.list_project()]
    assert client.pfs.project_exists(pfs.Project(name="default"))
    assert not client.pfs.project_exists(pfs.Project(name="nope"))


def test_project_lives_and_dies(client: Any) -> None:
    project = pfs.Project(name="wildlife")
    client.pfs.create_project(project=project, description="Camera traps")
    with refused(StatusCode.ALREADY_EXISTS, "already exists"):
        client.pfs.create_project(project=project)
    client.pfs.create_project(project=project, description="new", update=True)
    info = client.pfs.inspect_project(project=project)
    assert (info.project.name, info.description, info.created_at is not None) == ("wildlife", "new", True)
    client.pfs.create_repo(repo=pfs.Repo(name="a", project=project))
    with refused(StatusCode.FAILED_PRECONDITION, "cannot delete project wildlife"):
        client.pfs.delete_project(project=project)
    client.pfs.delete_project(project=project, force=True)
    with refused(StatusCode.NOT_FOUND, 'project "?wildlife"? not found'):
        client.pfs.inspect_project(project=project)


def test_repo_is_listed_and_inspected(client: Any, repo: Any) -> None:
    info = client.pfs.inspect_repo(repo=repo)

    assert repo.name in names(client.pfs.list_repo())
    assert (info.repo.name, info.repo.type, info.repo.project.name) == (repo.name, "user", "default")
    assert (info.description, info.details.size_bytes) == ("test repo", 0)
    assert client.pfs.repo_exists(repo)
    assert not client.pfs.repo_exists(pfs.Repo(name="nope"))


def test_repo_errors_are_those_that_clients_match(client: Any, repo: Any) -> None:
    with refused(StatusCode.ALREADY_EXISTS, rf"repo default/{repo.name} already exists"):
        client.pfs.create_repo(repo=repo)
    with refused(StatusCode.NOT_FOUND, "repo default/nope not found"):
        client.pfs.inspect_repo(repo=pfs.Repo(name="nope"))
    with refused(StatusCode.UNKNOWN, "only alphanumeric characters"):
        client.pfs.create_repo(repo=pfs.Repo(name="a b"))
    with refused(StatusCode.NOT_FOUND, 'project "?nope"? not found'):
        client.pfs.create_repo(repo=pfs.Repo(name="a", project=pfs.Project(name="nope")))


def test_deleting_a_repo_that_is_not_there_succeeds(client: Any) -> None:
    assert client.pfs.delete_repo(repo=pfs.Repo(name="nope", project=pfs.Project(name=""))).deleted is False


def test_repos_are_listed_by_type_and_project(client: Any, repo: Any) -> None:
    default = pfs.Project(name="default")

    assert repo.name in names(client.pfs.list_repo(type="user", projects=[default]))
    assert names(client.pfs.list_repo(type="spec")) == []
    assert names(client.pfs.list_repo(projects=[pfs.Project(name="nope")])) == []


def test_repo_sizes_are_those_of_master(client: Any, repo: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/a", b"12345")
    (info,) = [info for info in client.pfs.list_repo() if info.repo.name == repo.name]

    assert info.size_bytes_upper_bound == 5
    assert client.pfs.inspect_repo(repo=repo).details.size_bytes == 5
    assert [branch.name for branch in info.branches] == ["master"]


def test_new_branch_begins_with_an_empty_finished_commit(client: Any, branch: Any) -> None:
    info = client.pfs.inspect_branch(branch=branch)
    commit = client.pfs.inspect_commit(commit=info.head)

    assert info.head.branch is None or info.head.branch.name == ""
    assert (commit.origin.kind, commit.details.size_bytes) == (pfs.OriginKind.AUTO, 0)
    assert commit.finished is not None
    client.pfs.create_branch(branch=branch)
    assert client.pfs.inspect_branch(branch=branch).head.id == info.head.id


def test_branches_are_listed_newest_first_also_for_all_repos(client: Any, repo: Any, branch: Any) -> None:
    client.pfs.create_branch(branch=pfs.Branch(repo=repo, name="second"))

    assert [info.branch.name for info in client.pfs.list_branch(repo=repo)] == ["second", "master"]
    assert [info.branch.name for info in client.pfs.list_branch(repo=repo, reverse=True)] == ["master", "second"]
    everywhere = [(i.branch.repo.name, i.branch.name) for i in client.pfs.list_branch()]
    assert (repo.name, "second") in everywhere


def test_branch_moves_to_a_head_of_its_repo_only(client: Any, repo: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/a", b"x")
    first = client.pfs.list_commit(repo=repo, reverse=True)
    old = next(iter(first)).commit
    client.pfs.create_branch(branch=branch, head=old)
    assert client.pfs.inspect_branch(branch=branch).head.id == old.id
    foreign = pfs.Repo(name="foreign")
    client.pfs.create_repo(repo=foreign)
    with refused(StatusCode.UNKNOWN, "must belong to the same repo"):
        client.pfs.create_branch(branch=pfs.Branch(repo=foreign, name="master"), head=old)
    client.pfs.delete_repo(repo=foreign)


def test_branch_errors_are_those_that_clients_match(client: Any, repo: Any) -> None:
    missing = pfs.Branch(repo=repo, name="nope")
    with refused(StatusCode.NOT_FOUND, 'branch "nope" not found in repo'):
        client.pfs.inspect_branch(branch=missing)
    with refused(StatusCode.UNKNOWN, "branch name cannot be a UUID V4"):
        client.pfs.create_branch(branch=pfs.Branch(repo=repo, name="0123456789ab4cdef0123456789abcde"))
    assert not client.pfs.branch_exists(missing)


def test_deleted_branch_leaves_its_commits(client: Any, repo: Any, branch: Any) -> None:
    client.pfs.delete_branch(branch=branch)

    assert not client.pfs.branch_exists(branch)
    assert len(list(client.pfs.list_commit(repo=repo))) == 1
