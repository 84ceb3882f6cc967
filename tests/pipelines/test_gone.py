"""What is worked on is taken away: its job ends, nothing runs any more, and what follows is as if it had not been."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from howdah.client import commits, jobs, pipelines, repos, upkeep
from howdah.errors import NotFound
from howdah.infos import JobState
from howdah.names import Job, Pipeline, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.pipelines import processes

COPY = "cp /pfs/in/* /pfs/out"


def its_set(mill: Mill, job: Job, _: str) -> None:
    commits.drop_set(mill.conn, job.id)


def itself(mill: Mill, job: Job, _: str) -> None:
    jobs.delete(mill.conn, job)


def its_pipeline(mill: Mill, job: Job, _: str) -> None:
    pipelines.delete(mill.conn, job.pipeline)


def its_pipeline_but_for_its_output(mill: Mill, job: Job, _: str) -> None:
    pipelines.delete(mill.conn, job.pipeline, keep_repo=True)


def its_input(mill: Mill, job: Job, repo: str) -> None:
    repos.delete(mill.conn, Repo(Project(), repo), force=True)
    pipelines.stop(mill.conn, job.pipeline)


@pytest.mark.parametrize("take", [its_set, itself, its_pipeline, its_pipeline_but_for_its_output, its_input])
def test_a_job_goes_with_what_is_taken_away(
    mill: Mill, server: StoreServer, take: Callable[[Mill, Job, str], None]
) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(pfs(repo, name="in"), "sleep $(test -e /pfs/in/late && echo 60 || echo 0)", COPY)
    mill.wait(pipeline)
    job = Job(Pipeline(Project(), pipeline), mill.put(repo, {"/late": b"1"}))
    until(lambda: bool(processes.runs(server.process.pid)), what="a run")

    take(mill, job, repo)

    until(lambda: not processes.runs(server.process.pid), what="the end of the run")
    with suppress(NotFound):
        assert jobs.inspect(mill.conn, job).state is JobState.JOB_KILLED
    assert str(job) not in server.log.read_text()  # it is nothing that an operator has to know
    told = mill.wait(mill.pipeline(pfs(mill.repo({"/b": b"2"}), name="in"), COPY))
    assert told.state is JobState.JOB_SUCCESS
    assert [*upkeep.fsck(mill.conn)] == []


def test_a_set_that_is_dropped_is_as_if_it_had_not_been(mill: Mill, server: StoreServer) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(pfs(repo, name="in"), "test ! -e /pfs/in/late || sleep 60", COPY)
    mill.wait(pipeline)
    id = mill.put(repo, {"/late": b"1"})
    until(lambda: bool(processes.runs(server.process.pid)), what="a run")
    commits.drop_set(mill.conn, id)

    told = mill.wait(pipeline, mill.put(repo, {"/b": b"2"}))

    assert (told.state, told.processed, told.skipped) == (JobState.JOB_SUCCESS, 1, 1)
    assert mill.read(pipeline) == {"/a": b"1", "/b": b"2"}
