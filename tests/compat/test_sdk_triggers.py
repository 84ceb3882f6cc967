"""Pachyderm's published client on branches that move by themselves."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from pachyderm_sdk.api import pfs, pps

from tests.compat.conftest import head, refused


@pytest.fixture
def staging(repo: Any) -> Any:
    return pfs.Branch(repo=repo, name="staging")


def test_branch_moves_when_its_trigger_fires(client: Any, branch: Any, staging: Any) -> None:
    trigger = pfs.Trigger(branch="master", all=True, size="3B", commits=2)
    client.pfs.create_branch(branch=staging, trigger=trigger)
    info = client.pfs.inspect_branch(branch=staging)
    assert info.trigger == trigger
    assert info.created_at
    assert info.updated_at

    moved = []
    for name in "abcd":
        with client.pfs.commit(branch=branch) as commit:
            commit.put_file_from_bytes(f"/{name}", b"x")
        found = client.pfs.inspect_branch(branch=staging).head
        moved.append(found.id == commit.id)
    assert moved == [False, False, True, False]
    assert client.pfs.inspect_commit(commit=head(staging)).parent_commit.id


def test_branch_moves_with_the_clock(client: Any, branch: Any, staging: Any) -> None:
    client.pfs.put_file_from_bytes(commit=head(branch), path="/a", data=b"x")
    client.pfs.create_branch(branch=staging, trigger=pfs.Trigger(branch="master", cron_spec="@every 1s"))
    wanted = client.pfs.inspect_branch(branch=branch).head.id
    seen = client.pfs.subscribe_commit(repo=staging.repo, branch="staging", state=pfs.CommitState.FINISHED)
    assert any(info.commit.id == wanted for info in seen)


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (pfs.Trigger(all=True), "triggers must specify a branch to trigger on"),
        (pfs.Trigger(branch="staging", commits=1), "triggers cannot form a loop"),
    ],
)
def test_trigger_that_cannot_be_is_refused(client: Any, staging: Any, trigger: Any, text: str) -> None:
    with refused(grpc.StatusCode.UNKNOWN, text):
        client.pfs.create_branch(branch=staging, trigger=trigger)


def test_provenance_and_trigger_exclude_each_other(client: Any, branch: Any, staging: Any) -> None:
    trigger = pfs.Trigger(branch="master", commits=1)
    other = pfs.Branch(repo=pfs.Repo(name=f"{branch.repo.name}-other", type="user"), name="master")
    client.pfs.create_repo(repo=other.repo)
    with refused(grpc.StatusCode.UNKNOWN, "provenance and a trigger"):
        client.pfs.create_branch(branch=staging, provenance=[other], trigger=trigger)
    client.pfs.delete_repo(repo=other.repo)


def test_commit_of_a_transaction_fires_when_the_transaction_is_finished(client: Any, branch: Any, staging: Any) -> None:
    client.pfs.create_branch(branch=staging, trigger=pfs.Trigger(branch="master", commits=1))
    before = client.pfs.inspect_branch(branch=staging).head.id
    with client.transaction.transaction():
        commit = client.pfs.start_commit(branch=branch)
        client.pfs.finish_commit(commit=commit)
        assert client.pfs.inspect_branch(branch=staging).head.id == before
    assert client.pfs.inspect_branch(branch=staging).head.id == commit.id


def test_schedule_of_a_pipeline_comes_by_itself(client: Any) -> None:
    named = pps.Pipeline(name="scheduled")
    cron = pps.CronInput(name="tick", spec="@every 1s", overwrite=True)
    client.pps.create_pipeline(pipeline=named, transform=pps.Transform(cmd=["true"]), input=pps.Input(cron=cron))
    ticks = pfs.Branch.from_uri("scheduled_tick@master")
    seen = client.pfs.subscribe_commit(repo=ticks.repo, branch="master", state=pfs.CommitState.FINISHED)
    found = [[*client.pfs.list_file(file=pfs.File(commit=next(seen).commit, path="/"))] for _ in range(3)]
    client.pps.delete_pipeline(pipeline=named)
    first, *instants = found
    assert first == []
    assert [len(files) for files in instants] == [1, 1]
    assert instants[0][0].file.path < instants[1][0].file.path
