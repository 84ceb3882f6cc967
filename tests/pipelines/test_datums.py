"""The datums of jobs: what became of each, and running one of them anew."""

from __future__ import annotations

import os

import pytest

from howdah.client import datums, files, jobs
from howdah.errors import HowdahError, NotFound
from howdah.infos import DatumState, FileType
from howdah.names import Commit, File, Job, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs

COPY = "cp /pfs/in/* /pfs/out"


def test_each_datum_of_a_job_tells_what_became_of_it(mill: Mill) -> None:
    fresh = os.urandom(22)  # what the worker has fetched before is not fetched again
    repo = mill.repo({"/a": b"1", "/b": fresh})
    pipeline = mill.pipeline(pfs(repo, name="in"), "test ! -e /pfs/in/bad", COPY, datum_tries=1)
    first = mill.wait(pipeline).job
    second = mill.wait(pipeline, mill.put(repo, {"/bad": b"x"})).job

    told = {info.files[0].file.path: info for info in datums.of_job(mill.conn, first)}
    after = {info.files[0].file.path: info.state for info in datums.of_job(mill.conn, second)}

    assert {path: info.state for path, info in told.items()} == {"/a": DatumState.SUCCESS, "/b": DatumState.SUCCESS}
    assert told["/b"].stats.process_time > 0
    assert (told["/b"].stats.download_bytes, told["/b"].stats.upload_bytes) == (22, 22)
    assert after == {"/a": DatumState.SKIPPED, "/b": DatumState.SKIPPED, "/bad": DatumState.FAILED}
    failed = [info.id for info in datums.of_job(mill.conn, second, states=[DatumState.FAILED])]
    assert datums.inspect(mill.conn, second, failed[0]).state is DatumState.FAILED
    with pytest.raises(NotFound, match=r"datum .* not found in job"):
        datums.inspect(mill.conn, second, "0" * 64)


def test_a_datum_s_output_lies_in_the_meta_repo(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(pfs(repo, name="in"), COPY)
    job = mill.wait(pipeline).job
    [info] = datums.of_job(mill.conn, job)

    top = File(Commit(Repo(Project(), pipeline, "meta"), job.id), f"/pfs/{info.id}")
    found = [each.file.path for each in files.walk(mill.conn, top) if each.type is FileType.FILE]

    assert found == [f"/pfs/{info.id}/out/a"]


def test_a_datum_that_is_being_run_can_be_restarted(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(pfs(repo, name="in"), "echo tried", "test $PACH_DATUM_ID && sleep 60")
    job = mill.jobs(pipeline)[0].job
    with pytest.raises(HowdahError, match=r"datum matching filter \[/nowhere\] could not be found"):
        datums.restart(mill.conn, job, ["/nowhere"])

    until_running(mill, job)
    datums.restart(mill.conn, job, ["/a"])
    until_running(mill, job)

    jobs.stop(mill.conn, job)
    with pytest.raises(HowdahError, match="could not be found"):
        datums.restart(mill.conn, job, ["/a"])


def until_running(mill: Mill, job: Job) -> None:
    until(lambda: bool([*datums.of_job(mill.conn, job, states=[DatumState.STARTING])]), what="a datum that is run")


def test_a_job_that_waits_has_no_datums_yet(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    slow = mill.pipeline(pfs(repo, name="in"), "sleep 60")
    behind = mill.pipeline(pfs(slow, name="in"), COPY)

    job = mill.jobs(behind)[0].job

    assert [*datums.of_job(mill.conn, job)] == []
    jobs.stop(mill.conn, mill.jobs(slow)[0].job)
