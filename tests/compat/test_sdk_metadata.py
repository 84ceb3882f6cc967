"""Pachyderm's published client on metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from grpc import StatusCode
from pachyderm_sdk.api import metadata, pfs
from pachyderm_sdk.api.metadata import Edit, EditAddKey, EditDeleteKey, EditEditKey, EditReplace

from tests.compat.conftest import head, refused


def picker(repo: Any) -> Any:
    project = pfs.ProjectPicker(name="default")
    return pfs.RepoPicker(name=pfs.RepoPickerRepoName(project=project, name=repo.name, type=repo.type))


@pytest.fixture
def targets(client: Any, branch: Any) -> Iterator[dict[str, Any]]:
    """A target of each kind, by the field that names it."""
    project = pfs.Project(name="described")
    client.pfs.create_project(project=project)
    repo = picker(branch.repo)
    master = pfs.BranchPicker(name=pfs.BranchPickerBranchName(repo=repo, name="master"))
    yield {
        "project": pfs.ProjectPicker(name="described"),
        "repo": repo,
        "branch": master,
        "commit": pfs.CommitPicker(branch_head=master),
        "cluster": metadata.ClusterPicker(),
    }
    client.pfs.delete_project(project=project)
    client.metadata.edit_metadata(edits=[Edit(cluster=metadata.ClusterPicker(), replace=EditReplace(replacement={}))])


def told(client: Any, branch: Any, kind: str) -> dict[str, str]:
    look = {
        "project": lambda: client.pfs.inspect_project(project=pfs.Project(name="described")),
        "repo": lambda: client.pfs.inspect_repo(repo=branch.repo),
        "branch": lambda: client.pfs.inspect_branch(branch=branch),
        "commit": lambda: client.pfs.inspect_commit(commit=head(branch)),
        "cluster": client.admin.inspect_cluster,
    }
    return dict(look[kind]().metadata)


@pytest.mark.parametrize("kind", ["project", "repo", "branch", "commit", "cluster"])
def test_metadata_of_every_noun_is_edited_and_told(
    client: Any, branch: Any, targets: dict[str, Any], kind: str
) -> None:
    target = {kind: targets[kind]}
    client.metadata.edit_metadata(
        edits=[
            Edit(**target, add_key=EditAddKey(key="season", value="dry")),
            Edit(**target, edit_key=EditEditKey(key="season", value="wet")),
            Edit(**target, edit_key=EditEditKey(key="camera", value="7")),
        ]
    )
    assert told(client, branch, kind) == {"season": "wet", "camera": "7"}
    client.metadata.edit_metadata(edits=[Edit(**target, delete_key=EditDeleteKey(key="camera"))])
    assert told(client, branch, kind) == {"season": "wet"}
    client.metadata.edit_metadata(edits=[Edit(**target, replace=EditReplace(replacement={"a": "1", "b": "2"}))])
    assert told(client, branch, kind) == {"a": "1", "b": "2"}


def test_edits_are_made_all_or_none(client: Any, branch: Any, targets: dict[str, Any]) -> None:
    add = Edit(repo=targets["repo"], add_key=EditAddKey(key="season", value="dry"))
    with refused(StatusCode.FAILED_PRECONDITION, 'key "season" already exists'):
        client.metadata.edit_metadata(edits=[add, add])
    assert told(client, branch, "repo") == {}


def test_edit_of_what_is_not_there_is_refused(client: Any, targets: dict[str, Any]) -> None:
    change = EditEditKey(key="a", value="b")
    with refused(StatusCode.NOT_FOUND, "repo default/nowhere not found"):
        client.metadata.edit_metadata(edits=[Edit(repo=picker(pfs.Repo(name="nowhere", type="user")), edit_key=change)])
    with refused(StatusCode.INVALID_ARGUMENT, "edit names no"):
        client.metadata.edit_metadata(edits=[Edit(edit_key=change)])
    with refused(StatusCode.INVALID_ARGUMENT, "edit says nothing to do"):
        client.metadata.edit_metadata(edits=[Edit(repo=targets["repo"])])
    with refused(StatusCode.INVALID_ARGUMENT, "a key must not be empty"):
        client.metadata.edit_metadata(edits=[Edit(repo=targets["repo"], edit_key=EditEditKey(value="x"))])
