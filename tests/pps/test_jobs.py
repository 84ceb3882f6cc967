"""Jobs as somebody drives them by hand: taken up, finished, failed, stopped."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.db.database import Tx
from howdah.errors import NotFound, WrongState
from howdah.infos import CommitState, DatumState, JobInfo, JobState, Stats
from howdah.names import Branch, Commit, Job, Pipeline, Project, Repo
from howdah.pfs import branches, check, commits, commitsets, writing
from howdah.pfs.steps import Step
from howdah.pps import jobs, machine, pipelines, telling, waiting
from howdah.pps.machine import Event, JobRun
from howdah.pps.waiting import OpenJob
from howdah.store.store import Store
from tests.pfs.stores import HEAD, MASTER, REPO, content, start, write
from tests.pps.stores import COUNT, EDGES, commit, create, document, listed, newest, output, pipeline_store, put, states

THIRD, FOURTH = (Pipeline(Project(), name) for name in ("third", "fourth"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with pipeline_store(tmp_path / "data") as opened:
        create(opened, document())
        yield opened
        assert check.fsck(opened) == []


def taken(store: Store, pipeline: Pipeline = EDGES) -> list[OpenJob]:
    """What there is to work on of a pipeline."""
    with store.database.read() as tx:
        return waiting.jobs_of(tx, pipeline)


def begin(store: Store, job: Job) -> JobRun:
    return writing.step(store, lambda made: jobs.begin(made, job))


def finish(store: Store, job: Job, run: JobRun) -> JobRun:
    return writing.step(store, lambda made: jobs.finish(made, store, job, run))


def run_through(store: Store, job: Job, files: dict[str, bytes] | None = None) -> JobRun:
    """What a driver does with a job of one datum, in order."""
    run = begin(store, job)
    events: list[Event] = [machine.Ready(), machine.Planned(1, 0, array("I", [0])), machine.Slots(1)]
    for event in events:
        run, _ = machine.step(run, event)
    writing.step(store, lambda made: jobs.note(made, job, run))
    for path, data in (files or {}).items():
        write(store, {path: data}, Commit(Repo(job.pipeline.project, job.pipeline.name), job.id))
    for event in (machine.Ended(0, DatumState.SUCCESS), machine.Merged()):
        run, _ = machine.step(run, event)
    return finish(store, job, run)


def fail(store: Store, job: Job) -> None:
    writing.step(store, lambda made: jobs.fail(made, store, job, "datum 1 failed"))


def stop(store: Store, job: Job) -> None:
    writing.step(store, lambda made: jobs.stop(made, store, job))


def test_a_job_is_a_success_in_the_step_in_which_its_commit_finishes(store: Store) -> None:
    job = newest(store)
    run = run_through(store, job, {"/edges": b"found"})

    assert run.state is JobState.JOB_SUCCESS
    [info] = listed(store)
    assert (info.state, info.total, info.processed, info.reason) == (JobState.JOB_SUCCESS, 1, 1, "")
    assert info.started is not None
    assert info.finished is not None
    for type in ("user", "meta"):
        found = commit(store, EDGES, job.id, type)
        assert (found.state, found.error) == (CommitState.FINISHED, "")
        assert found.finished == info.finished
    assert content(store, Commit(output().repo, "master")) == {"/edges": b"found"}
    assert taken(store) == []


def test_jobs_are_taken_up_in_order_as_soon_as_their_inputs_have_finished(store: Store) -> None:
    create(store, document(COUNT, "edges"))
    begun = start(store)
    assert [(each.job.id, each.is_ready) for each in taken(store)] == [
        (newest(store).id if place else listed(store)[-1].job.id, ready) for place, ready in ((0, True), (1, False))
    ]
    assert [each.is_ready for each in taken(store, COUNT)] == [False, False]

    first, second = (each.job for each in taken(store))
    assert begin(store, first).state is begin(store, first).state is JobState.JOB_STARTING
    run_through(store, first)
    assert [each.is_ready for each in taken(store)] == [False]
    writing.finish(store, begun)
    assert [each.is_ready for each in taken(store)] == [True]
    assert second.id == begun.id
    assert [each.is_ready for each in taken(store, COUNT)] == [True, False]
    assert taken(store)[0].state is JobState.JOB_CREATED


def test_a_failed_job_fails_its_commits_and_all_that_is_made_from_them(store: Store) -> None:
    create(store, document(COUNT, "edges"))
    both = {"cross": [{"pfs": {"repo": name, "glob": "/*"}} for name in ("edges", "count")]}
    create(store, document(THIRD, input=both))
    create(store, document(FOURTH, "images"))
    id = put(store, "/2.png")
    for pipeline in (EDGES, COUNT, THIRD, FOURTH):
        for each in listed(store, pipeline)[1:]:
            stop(store, each.job)
    fail(store, Job(EDGES, id))

    told = {each.job.pipeline: each for each in listed(store, None) if each.job.id == id}
    assert (told[EDGES].state, told[EDGES].reason) == (JobState.JOB_FAILURE, "datum 1 failed")
    assert told[COUNT].state is told[THIRD].state is JobState.JOB_UNRUNNABLE
    assert told[COUNT].reason == "unrunnable because the following upstream pipelines failed: edges"
    assert told[THIRD].reason.endswith("failed: count, edges")
    assert told[FOURTH].state is JobState.JOB_CREATED
    for pipeline in (EDGES, COUNT, THIRD):
        for type in ("user", "meta"):
            found = commit(store, pipeline, id, type)
            assert (found.state, found.error) == (CommitState.FINISHED, told[pipeline].reason)


def test_what_a_commit_cannot_hold_is_a_failure(store: Store) -> None:
    create(store, document(COUNT, "edges"))
    job = taken(store)[0].job
    run = run_through(store, job, {"/a": b"file", "/a/b": b"below it"})

    assert run.state is JobState.JOB_FAILURE
    assert 'file / directory path collision ("/a" is both)' in run.reason
    assert commit(store, EDGES, job.id).error == run.reason
    assert states(store, COUNT)[-1] == "UNRUNNABLE"


def test_the_job_after_a_failed_one_builds_on_the_one_before_it(store: Store) -> None:
    run_through(store, newest(store), {"/kept": b"kept"})
    put(store, "/2.png")
    write(store, {"/lost": b"lost"}, Commit(output().repo, newest(store).id))
    fail(store, newest(store))
    put(store, "/3.png")
    run_through(store, newest(store), {"/new": b"new"})
    assert content(store, Commit(output().repo, "master")) == {"/kept": b"kept", "/new": b"new"}
    assert states(store) == ["SUCCESS", "FAILURE", "SUCCESS"]


def test_a_newer_job_may_be_stopped_while_an_older_one_is_at_work(store: Store) -> None:
    first = newest(store)
    begin(store, first)
    put(store, "/2.png")
    second = newest(store)
    put(store, "/3.png")
    stop(store, second)
    assert states(store) == ["CREATED", "KILLED", "STARTING"]
    assert [each.is_ready for each in taken(store)] == [True, False]

    run_through(store, first, {"/first": b"1"})
    assert [each.is_ready for each in taken(store)] == [True]
    run_through(store, newest(store), {"/third": b"3"})
    assert content(store, Commit(output().repo, "master")) == {"/first": b"1", "/third": b"3"}


def test_a_job_that_is_over_stays_as_it_is(store: Store) -> None:
    job = newest(store)
    stop(store, job)
    stop(store, job)
    [info] = listed(store)
    assert (info.state, info.reason, info.started) == (JobState.JOB_KILLED, "job stopped", None)
    with pytest.raises(WrongState, match=f"job {job} has already finished: it is JOB_KILLED"):
        finish(store, job, JobRun(state=JobState.JOB_FINISHING))
    with pytest.raises(WrongState, match="has already finished"):
        writing.step(store, lambda made: jobs.note(made, job, JobRun()))
    assert begin(store, job).state is JobState.JOB_KILLED


def test_a_deleted_job_is_told_no_more(store: Store) -> None:
    job = newest(store)
    writing.step(store, lambda made: jobs.delete(made, store, job))
    assert listed(store) == []
    with pytest.raises(NotFound, match=f"job {job} not found"), store.database.read() as tx:
        telling.job(tx, job)
    assert commit(store, EDGES, job.id).error == "job stopped"
    with pytest.raises(NotFound, match="not found"):
        stop(store, job)


def test_a_state_can_be_told_from_outside(store: Store) -> None:
    job = newest(store)
    run = JobRun(state=JobState.JOB_RUNNING, total=3, processed=1, skipped=1, restart=2)
    stats = Stats(0.25, 1.5, 0.0, 10, 20)
    writing.step(store, lambda made: jobs.update(made, store, job, run, stats))
    [info] = listed(store)
    assert (info.state, info.total, info.processed, info.skipped, info.restart) == (JobState.JOB_RUNNING, 3, 1, 1, 2)
    assert info.stats == stats
    done = replace(run, state=JobState.JOB_SUCCESS, processed=2)
    writing.step(store, lambda made: jobs.update(made, store, job, done))
    [info] = listed(store)
    assert (info.state, info.processed, info.stats) == (JobState.JOB_SUCCESS, 2, stats)
    assert commit(store, EDGES, job.id).state is CommitState.FINISHED


def test_lists_are_by_what_jobs_are_made_from(store: Store) -> None:
    create(store, document(COUNT, "edges"))
    id = put(store, "/2.png")
    assert {each.job for each in listed(store, None, inputs=(Commit(REPO, id),))} == {Job(EDGES, id), Job(COUNT, id)}
    some = (Commit(REPO, id), Commit(output().repo, id))
    assert [each.job for each in listed(store, None, inputs=some)] == [Job(COUNT, id)]
    with pytest.raises(NotFound, match="commit default/images@4"):
        listed(store, None, inputs=(Commit(REPO, "4" * 12 + "4" + "4" * 19),))
    with pytest.raises(NotFound, match='pipeline "default/nothing" not found'):
        listed(store, Pipeline(Project(), "nothing"))
    assert listed(store, None, projects=(Project(),)) == listed(store, None)


def test_lists_have_pages_forwards_and_backwards(store: Store) -> None:
    create(store, document(COUNT, "edges"))
    for name in "abcd":
        put(store, f"/{name}")
    every = [each.job for each in listed(store, None)]

    def pages(number: int, *, reverse: bool) -> list[Job]:
        told: list[Job] = []
        marker: datetime | None = None
        while some := listed(store, None, marker=marker, number=number, reverse=reverse):
            assert len(some) <= number
            told += [each.job for each in some]
            marker = some[-1].created
        return told

    assert len(every) == 10
    for number in (1, 3, 4):
        assert pages(number, reverse=False) == every
        assert pages(number, reverse=True) == every[::-1]
    assert listed(store, marker=listed(store)[-1].created) == []


def test_jobs_go_with_their_commits(store: Store) -> None:
    run_through(store, newest(store), {"/0": b"0"})
    ids = [put(store, f"/{place}") for place in range(3)]
    for place, id in enumerate(ids[:2], 1):
        run_through(store, Job(EDGES, id), {f"/{place}": b"x"})
    writing.step(store, lambda made: commitsets.squash(made, ids[0]))
    assert [each.job.id for each in listed(store)][:2] == ids[:0:-1]
    assert states(store) == ["CREATED", "SUCCESS", "SUCCESS"]
    assert content(store, Commit(output().repo, ids[1])) == {"/0": b"0", "/1": b"x", "/2": b"x"}

    writing.step(store, lambda made: commitsets.drop(made, ids[2]))
    assert states(store) == ["SUCCESS", "SUCCESS"]
    assert newest(store).id == ids[1]
    run_through(store, Job(EDGES, put(store, "/new")), {"/new": b"new"})
    assert content(store, Commit(output().repo, "master")).keys() == {"/0", "/1", "/2", "/new"}


def test_job_sets_are_told_once_each(store: Store) -> None:
    create(store, document(COUNT, "edges"))
    id = put(store, "/2.png")
    told = [*telling.job_sets(store.database, telling.Which())]
    assert [len(each.jobs) for each in told] == [2, 1, 1]
    assert told[0].id == id
    assert [each.id for each in telling.job_sets(store.database, telling.Which(number=1, reverse=True))] == [
        told[-1].id
    ]
    with store.database.read() as tx, pytest.raises(NotFound, match="no commits found for commitset"):
        telling.job_set(tx, "4" * 12 + "4" + "4" * 19)


def test_what_is_wrong_is_told_in_words(store: Store) -> None:
    with store.database.read() as tx:
        assert telling.summary(tx, Project()) == telling.Summary(Project(), active=1)
    fail(store, newest(store))
    with store.database.read() as tx:
        assert telling.summary(tx, Project()) == telling.Summary(Project(), active=1, unhealthy=1)
        [info] = telling.pipelines(tx)
    assert telling.alerts(info) == ["its newest job is JOB_FAILURE"]
    assert telling.alerts(replace(info, last_job=JobState.JOB_SUCCESS)) == []


VERBS = [
    *("put", "begin", "finish", "fail", "stop", "update", "update and put", "stop pipeline", "start pipeline"),
    "delete pipeline",
]


@given(verbs=st.lists(st.tuples(st.sampled_from(VERBS), st.booleans(), st.integers(0, 3)), max_size=12))
def test_whatever_happens_states_and_commits_go_together(
    tmp_path_factory: pytest.TempPathFactory, verbs: list[tuple[str, bool, int]]
) -> None:
    with pipeline_store(tmp_path_factory.mktemp("any") / "data") as store:
        create(store, document())
        create(store, document(COUNT, "edges"))
        for place, (verb, is_second, choice) in enumerate(verbs):
            _do(store, verb, COUNT if is_second else EDGES, choice, place)
            _check(store)
        assert check.fsck(store) == []


def _do(store: Store, verb: str, pipeline: Pipeline, choice: int, place: int) -> None:
    if verb == "put":
        write(store, {f"/{place}": b"x"}, HEAD)
    elif verb.startswith("update"):
        told = document(pipeline, "edges" if pipeline == COUNT else "images", description=str(place))
        wish, with_put = pipelines.Wish(told, json.dumps(told), update=True), verb == "update and put"
        writing.step(store, lambda made: _update(made, store, wish, with_put=with_put))
        if with_put:
            writing.finish(store, HEAD)
    elif verb.endswith("pipeline"):
        _do_to_pipeline(store, verb, pipeline)
    else:
        _do_to_job(store, verb, pipeline, choice, place)


def _do_to_pipeline(store: Store, verb: str, pipeline: Pipeline) -> None:
    if verb == "stop pipeline":
        writing.step(store, lambda made: pipelines.stop(made, store, pipeline))
    elif verb == "start pipeline":
        writing.step(store, lambda made: pipelines.start(made, store, pipeline))
    else:
        writing.step(store, lambda made: pipelines.delete(made, store, pipeline, force=True))
        if pipeline == EDGES:  # what followed it follows it no longer
            writing.step(store, lambda made: pipelines.delete(made, store, COUNT))
            create(store, document())
        create(store, document(COUNT, "edges"))


def _do_to_job(store: Store, verb: str, pipeline: Pipeline, choice: int, place: int) -> None:
    every = listed(store, pipeline, history=-1)
    with store.database.read() as tx:
        running = waiting.jobs_of(tx, pipeline)
    if verb == "stop" and every:
        stop(store, every[choice % len(every)].job)
    elif verb == "fail" and running:
        fail(store, running[choice % len(running)].job)
    elif verb in {"begin", "finish"} and running and running[0].is_ready:
        begin(store, running[0].job) if verb == "begin" else run_through(store, running[0].job, {f"/{place}": b"x"})


def _update(made: Step, store: Store, wish: pipelines.Wish, *, with_put: bool) -> None:
    if with_put:
        commits.start(made, MASTER, "")
    pipelines.create(made, store, wish)


def _check(store: Store) -> None:
    for job in listed(store, None, history=-1):
        for type in ("user", "meta"):
            found = commit(store, job.job.pipeline, job.job.id, type)
            assert (found.finished is not None) == job.state.is_over
            assert bool(found.error) == (job.state.is_over and job.state is not JobState.JOB_SUCCESS)
            assert found.finished == job.finished
    with store.database.read() as tx:
        for info in telling.pipelines(tx):
            newest = next(iter(listed(store, info.pipeline, history=-1, number=1)))
            assert info.last_job is newest.state
            assert not info.stopped or newest.state.is_over
            if not info.stopped:
                assert _made_from(tx, newest) == _heads(tx, output(info.pipeline))


def _made_from(tx: Tx, job: JobInfo) -> set[str]:
    assert job.output is not None
    return {str(each) for each in commits.inspect(tx, job.output).direct_provenance}


def _heads(tx: Tx, branch: Branch) -> set[str]:
    """Where the branches are that this one follows."""
    return {str(branches.inspect(tx, each).head) for each in branches.inspect(tx, branch).direct_provenance}


def test_created_times_tell_the_order(store: Store) -> None:
    put(store, "/2.png")
    new, old = listed(store)
    assert new.created is not None
    assert old.created is not None
    assert new.created - old.created > timedelta(0)
