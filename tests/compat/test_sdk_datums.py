"""Pachyderm's published client on the datums that an input would have."""

from __future__ import annotations

from typing import Any

import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk.api import pfs, pps

from tests.compat.conftest import head, refused


@pytest.fixture
def given(client: Any, branch: Any) -> Any:
    """An input of 25 datums."""
    with client.pfs.commit(branch=branch) as commit:
        for number in range(25):
            commit.put_file_from_bytes(path=f"/{number:02}", data=b"%d" % number)
    return pps.Input(pfs=pps.PfsInput(repo=branch.repo.name, glob="/*"))


def test_datums_come_in_batches_as_they_are_asked_for(client: Any, given: Any) -> None:
    every = [info.datum.id for info in client.pps.list_datum(input=given)]
    assert len(set(every)) == 25

    batches = client.pps.generate_datums(given, 10)
    told = [next(batches), batches.send(5), batches.send(20)]
    assert [len(batch) for batch in told] == [10, 5, 10]
    assert [info.datum.id for batch in told for info in batch] == every
    with pytest.raises(StopIteration):
        next(batches)


def test_a_datum_tells_its_files(client: Any, branch: Any, given: Any) -> None:
    info = next(client.pps.list_datum(input=given))
    [file] = info.data
    assert info.state == pps.DatumState.UNKNOWN
    assert file.file.commit.id == client.pfs.inspect_branch(branch=branch).head.id
    same = client.pfs.inspect_file(file=pfs.File(commit=head(branch), path=file.file.path))
    assert (file.hash, file.size_bytes, file.committed) == (same.hash, same.size_bytes, same.committed)
    assert file.file_type == pfs.FileType.FILE


def test_lists_have_pages(client: Any, given: Any) -> None:
    every = [info.datum.id for info in client.pps.list_datum(input=given)]
    some = [info.datum.id for info in client.pps.list_datum(input=given, pagination_marker=every[3], number=4)]
    assert some == every[4:8]
    back = [info.datum.id for info in client.pps.list_datum(input=given, pagination_marker=every[3], reverse=True)]
    assert back == every[2::-1]
    with refused(StatusCode.NOT_FOUND, "it marks no page"):
        list(client.pps.list_datum(input=given, pagination_marker="ab"))


def test_an_input_without_a_glob_is_one_datum(client: Any, branch: Any, given: Any) -> None:
    one = pps.Input(pfs=pps.PfsInput(repo=branch.repo.name))
    assert [info.data[0].file.path for info in client.pps.list_datum(input=one)] == ["/"]
    [batch] = client.pps.generate_datums(one, 10)
    assert len(batch) == 1


def test_an_input_may_name_its_commit(client: Any, branch: Any, given: Any) -> None:
    id = client.pfs.inspect_branch(branch=branch).head.id
    client.pfs.put_file_from_bytes(commit=head(branch), path="/new", data=b"x")
    named = pps.Input(pfs=pps.PfsInput(repo=branch.repo.name, glob="/*", commit=id))
    assert len(list(client.pps.list_datum(input=named))) == 25
    assert len(list(client.pps.list_datum(input=given))) == 26


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (
            pps.Input(pfs=pps.PfsInput(repo="nothing", glob="/*")),
            StatusCode.NOT_FOUND,
            "repo default/nothing not found",
        ),
        (pps.Input(cron=pps.CronInput(name="tick", spec="@daily")), StatusCode.UNKNOWN, "with a cron input"),
        (pps.Input(cross=[pps.Input(pfs=pps.PfsInput(repo="a", glob="["))]), None, "glob"),
        (pps.Input(), None, "no input set|job or input must be specified"),
    ],
)
def test_inputs_that_cannot_be_are_refused(client: Any, given: Any, code: StatusCode | None, told: str) -> None:
    with pytest.raises(RpcError, match=told) as caught:
        list(client.pps.list_datum(input=given))
    assert code is None or caught.value.code() is code


def test_the_datums_of_jobs_are_not_there_yet(client: Any, branch: Any, given: Any) -> None:
    named = pps.Pipeline(name="datums-of-jobs")
    client.pps.create_pipeline(pipeline=named, input=given, transform=pps.Transform(cmd=["true"]))
    job = next(client.pps.list_job(pipeline=named)).job
    with pytest.raises(RpcError, match=rf"datum matching filter \[.*\] could not be found for job ID {job.id}"):
        client.pps.restart_datum(job=job, data_filters=["/00"])
    with refused(StatusCode.NOT_FOUND, f"datum ab not found in job {job.id}"):
        client.pps.inspect_datum(datum=pps.Datum(job=job, id="ab"))
    client.pps.delete_pipeline(pipeline=named)
