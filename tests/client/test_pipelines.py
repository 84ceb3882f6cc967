"""Verbs on pipelines and jobs, on a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest

from howdah.client import datums, jobs, pipelines, repos, secrets, transactions
from howdah.client.channel import Connection
from howdah.errors import AlreadyExists, NotFound
from howdah.infos import JobState, PipelineState
from howdah.names import Pipeline, Project, Repo
from howdah.wire import pps
from howdah.wire.gen import pps_pb2

_NUMBERS = count(1)


def told(pipeline: Pipeline, repo: Repo) -> str:
    given = {"pfs": {"repo": repo.name, "glob": "/*"}}
    return json.dumps({"pipeline": {"name": pipeline.name}, "transform": {"cmd": ["true"]}, "input": given})


@pytest.fixture
def pipeline(conn: Connection, repo: Repo) -> Iterator[Pipeline]:
    named = Pipeline(Project(), f"pipeline{next(_NUMBERS)}")
    pipelines.create(conn, told(named, repo))
    yield named
    with suppress(NotFound):
        pipelines.delete(conn, named, force=True)


def test_pipeline_is_told_with_its_specification(conn: Connection, repo: Repo, pipeline: Pipeline) -> None:
    info = pipelines.inspect(conn, pipeline)
    assert (info.pipeline, info.version, info.stopped) == (pipeline, 1, False)
    assert info.told == told(pipeline, repo)
    assert json.loads(info.effective)["datumTries"] == 3
    assert info.salt
    assert info.created is not None
    assert info.created == info.updated
    assert info in [*pipelines.list(conn, projects=[Project()])]
    assert [*pipelines.list(conn, pipeline=pipeline, history=-1)] == [info]
    (job,) = jobs.list(conn, pipeline=pipeline)
    assert info in [*pipelines.list(conn, commit_set=job.job.id)]


def test_pipeline_is_stopped_started_and_deleted(conn: Connection, pipeline: Pipeline) -> None:
    pipelines.stop(conn, pipeline)
    assert pipelines.inspect(conn, pipeline).state is PipelineState.PIPELINE_PAUSED
    pipelines.start(conn, pipeline)
    assert not pipelines.inspect(conn, pipeline).stopped
    pipelines.delete(conn, pipeline)
    for verb in (pipelines.inspect, pipelines.start, pipelines.stop, pipelines.delete):
        with pytest.raises(NotFound):
            verb(conn, pipeline)


def test_all_pipelines_of_a_project_are_deleted(conn: Connection, repo: Repo, pipeline: Pipeline) -> None:
    assert pipeline in pipelines.delete_all(conn, Project())
    assert [*pipelines.list(conn)] == []


def twice(conn: Connection, text: str) -> None:
    with transactions.together(conn) as within:
        pipelines.create(within, text)
        pipelines.create(within, text)


def test_requests_together_are_carried_out_at_the_end_or_not_at_all(conn: Connection, repo: Repo) -> None:
    first, second = (Pipeline(Project(), f"pipeline{next(_NUMBERS)}") for _ in range(2))
    with pytest.raises(AlreadyExists):
        twice(conn, told(first, repo))
    with pytest.raises(NotFound):
        pipelines.inspect(conn, first)

    with transactions.together(conn) as within:
        pipelines.create(within, told(first, repo))
        pipelines.create(within, told(second, Repo(Project(), first.name)))
        with pytest.raises(NotFound):
            pipelines.inspect(conn, first)
    ids = {next(jobs.list(conn, pipeline=each)).job.id for each in (first, second)}
    assert len(ids) == 1
    assert [info.job.pipeline for info in jobs.inspect_set(conn, ids.pop())] == [first, second]
    assert [*transactions.list(conn)] == []
    for each in (second, first):
        pipelines.delete(conn, each)


def test_watching_tells_changes_and_ends_with_the_job(conn: Connection, pipeline: Pipeline) -> None:
    (info,) = jobs.list(conn, pipeline=pipeline)
    watched = jobs.watch(conn, info.job, every=0.05)
    assert next(watched).state is JobState.JOB_CREATED
    jobs.stop(conn, info.job)
    last = [*watched][-1]
    assert (last.state, last.reason) == (JobState.JOB_KILLED, "job stopped")
    assert [*jobs.watch(conn, info.job)] == [last]
    (only,) = jobs.list_sets(conn, projects=[Project()], number=1)
    assert [each.job for each in only.jobs] == [info.job]
    jobs.delete(conn, info.job)
    with pytest.raises(NotFound):
        next(jobs.watch(conn, info.job))


def test_job_that_is_deleted_while_one_waits_is_told(conn: Connection, pipeline: Pipeline) -> None:
    (info,) = jobs.list(conn, pipeline=pipeline)
    watched = jobs.watch(conn, info.job)
    next(watched)
    pipelines.delete(conn, pipeline)
    with pytest.raises(NotFound):
        next(watched)


def test_job_tells_its_specification_and_its_datums_counts(conn: Connection, repo: Repo, pipeline: Pipeline) -> None:
    (info,) = jobs.list(conn, pipeline=pipeline)
    request = pps_pb2.UpdateJobStateRequest(
        job=pps.job_to_wire(info.job), state=pps_pb2.JOB_RUNNING, data_total=5, data_processed=2, data_skipped=1
    )
    conn.call(conn.pps.UpdateJobState, request)
    now = jobs.inspect(conn, info.job)
    assert (now.state, now.total, now.processed, now.skipped) == (JobState.JOB_RUNNING, 5, 2, 1)
    assert now.output is not None
    assert now.output.repo == Repo(Project(), pipeline.name)
    assert json.loads(now.effective)["input"]["pfs"] == {
        **{"project": "default", "name": repo.name, "repo": repo.name, "repo_type": "user", "branch": "master"},
        **{"glob": "/*", "commit": info.job.id},
    }


def test_template_becomes_json(conn: Connection) -> None:
    template = 'function(name) {pipeline: {name: name}, transform: {cmd: ["true"]}}'
    assert json.loads(pipelines.render(conn, template, {"name": "edges"}))["pipeline"] == {"name": "edges"}


def test_secrets_and_the_datums_of_inputs(conn: Connection, repo: Repo) -> None:
    name = f"secret{next(_NUMBERS)}"
    secrets.create(conn, json.dumps({"metadata": {"name": name}, "stringData": {"word": "howdy"}}))
    assert secrets.inspect(conn, name) in [*secrets.list(conn)]
    secrets.delete(conn, name)
    with pytest.raises(NotFound):
        secrets.inspect(conn, name)
    repos.delete(conn, repo)
    with pytest.raises(NotFound):
        next(datums.of_input(conn, {"pfs": {"repo": repo.name, "glob": "/*"}}))
