"""A commit starts the pipelines that read it, and only what changed is worked on again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from howdah.client import branches, commits, jobs, pipelines, secrets
from howdah.errors import WrongState
from howdah.infos import CommitState, JobState, PipelineState
from howdah.names import Branch, Commit, Job, Pipeline, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs

UPPER = "for file in /pfs/*/*; do case $file in /pfs/out*) ;; *) tr a-z A-Z < $file > /pfs/out/${file##*/};; esac; done"


def test_what_is_committed_is_worked_on(mill: Mill) -> None:
    repo = mill.repo({"/a.txt": b"one", "/b.txt": b"two"})
    upper = mill.pipeline(repo, UPPER)

    first = mill.wait(upper)
    fresh = os.urandom(4).hex()  # what the worker has fetched before is not fetched again
    second = mill.wait(upper, mill.put(repo, {"/c.txt": fresh.encode()}))

    assert (first.state, first.total, first.processed, first.skipped) == (JobState.JOB_SUCCESS, 2, 2, 0)
    assert (second.state, second.total, second.processed, second.skipped) == (JobState.JOB_SUCCESS, 3, 1, 2)
    assert mill.read(upper) == {"/a.txt": b"ONE", "/b.txt": b"TWO", "/c.txt": fresh.upper().encode()}
    assert second.stats.process_time > 0
    assert (second.stats.download_bytes, second.stats.upload_bytes) == (8, 8)


def test_a_small_output_is_at_hand_where_it_is_read(mill: Mill) -> None:
    fresh = os.urandom(4).hex()
    repo = mill.repo({"/d/a": fresh.encode()})
    first = mill.pipeline(pfs(repo, "/d/"), "umask 077; cat /pfs/*/d/a > /pfs/out/a; echo 1 >> /pfs/out/a")
    second = mill.pipeline(pfs(first, "/"), "cat /pfs/*/a > /pfs/out/b")

    told = mill.wait(second)

    assert told.state is JobState.JOB_SUCCESS
    assert (told.stats.download_bytes, mill.read(second)) == (0, {"/b": fresh.encode() + b"1\n"})


def test_outputs_follow_their_inputs(mill: Mill) -> None:
    repo = mill.repo({"/a": b"a1 a2", "/b": b"b1", "/gone": b"x"})
    words = mill.pipeline(repo, "for word in $(cat /pfs/*/?*); do echo $word > /pfs/out/$word; done")
    mill.wait(words)

    told = mill.wait(words, mill.put(repo, {"/a": b"a2 a3"}, delete=["/gone"]))

    assert (told.total, told.processed, told.skipped) == (2, 1, 1)
    assert sorted(mill.read(words)) == ["/a2", "/a3", "/b1"]


def test_a_commit_runs_through_all_pipelines_in_one_set(mill: Mill) -> None:
    repo = mill.repo()
    first = mill.pipeline(repo, UPPER)
    second = mill.pipeline(first, "cat /pfs/*/* | rev > /pfs/out/$(basename /pfs/*/?*)")
    both = mill.pipeline({"cross": [pfs(repo), pfs(second)]}, f"cat /pfs/{repo}/* /pfs/{second}/* > /pfs/out/both")

    id = mill.put(repo, {"/w": b"abc"})

    infos = [*commits.inspect_set(mill.conn, id, wait=True)]
    assert all(info.state is CommitState.FINISHED and not info.error for info in infos)
    told = [*jobs.inspect_set(mill.conn, id)]
    assert [info.job.pipeline.name for info in told] == [first, second, both]
    assert {info.state for info in told} == {JobState.JOB_SUCCESS}
    assert mill.read(both, id) == {"/both": b"abcCBA"}


def test_a_pipeline_without_files_succeeds(mill: Mill) -> None:
    told = mill.wait(mill.pipeline(mill.repo(), "false"))

    assert (told.state, told.total) == (JobState.JOB_SUCCESS, 0)


def test_a_failure_ends_the_job_and_those_that_follow_and_is_no_base(mill: Mill) -> None:
    repo = mill.repo({"/good": b"1"})
    first = mill.pipeline(repo, "test ! -e /pfs/*/bad", "cp /pfs/*/* /pfs/out", datum_tries=2)
    second = mill.pipeline(first, "cp /pfs/*/* /pfs/out")
    mill.wait(second)

    id = mill.put(repo, {"/bad": b"2", "/new": b"3"})
    failed, unrunnable = mill.wait(first, id), mill.wait(second, id)
    mended = mill.wait(first, mill.put(repo, {}, delete=["/bad"]))

    assert failed.state is JobState.JOB_FAILURE
    assert failed.reason.startswith("datum ")
    assert failed.reason.endswith(" failed")
    assert (failed.total, failed.failed, failed.skipped) == (3, 1, 1)
    assert unrunnable.state is JobState.JOB_UNRUNNABLE
    assert first in unrunnable.reason
    assert commits.inspect(mill.conn, Commit(Repo(Project(), second), id)).error
    assert (mended.state, mended.total, mended.skipped) == (JobState.JOB_SUCCESS, 2, 1)
    assert mill.read(first) == {"/good": b"1", "/new": b"3"}


def test_code_that_fails_is_tried_again(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    flaky = mill.pipeline(
        repo, "test $(($(date +%N | sed 's/^0*//') % 4)) -eq 0", "echo done > /pfs/out/a", datum_tries=200
    )

    told = mill.wait(flaky)

    assert (told.state, told.processed, told.failed) == (JobState.JOB_SUCCESS, 1, 0)
    assert mill.read(flaky) == {"/a": b"done\n"}


def test_what_err_cmd_mends_is_recovered_and_leaves_no_output(mill: Mill) -> None:
    repo = mill.repo({"/bad": b"1", "/good": b"2"})
    mending = {"err_cmd": ["sh"], "err_stdin": ["test -e /pfs/in/bad"]}
    script = ("cp /pfs/in/* /pfs/out", "test -e /pfs/out/good")
    pipeline = mill.pipeline(pfs(repo, name="in"), *script, transform=mending)

    told = mill.wait(pipeline)
    again = mill.wait(pipeline, mill.put(repo, {"/other": b"3"}, delete=["/good"]))

    assert (told.state, told.processed, told.recovered) == (JobState.JOB_SUCCESS, 1, 1)
    assert again.state is JobState.JOB_FAILURE, "/other is neither good nor bad"
    assert mill.read(pipeline, f"{told.job.id}") == {"/good": b"2"}


def test_two_datums_that_write_one_path_fail_the_job(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1", "/b": b"2"})

    told = mill.wait(mill.pipeline(repo, "cp /pfs/*/?* /pfs/out/same"))

    assert told.state is JobState.JOB_FAILURE
    assert 'path "/same"' in told.reason


def test_a_datum_has_its_time_and_a_job_its_own(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    late = mill.pipeline(repo, "sleep 60", datum_timeout="0.2s", datum_tries=1)
    later = mill.pipeline(repo, "sleep 60", job_timeout="0.5s")

    first, second = mill.wait(late), mill.wait(later)

    assert first.state is JobState.JOB_FAILURE
    assert (second.state, second.reason) == (JobState.JOB_KILLED, "job timed out")


def test_a_job_that_is_stopped_lets_the_next_one_run(mill: Mill) -> None:
    repo = mill.repo({"/a": b"60"})
    pipeline = mill.pipeline(repo, "sleep $(cat /pfs/*/a)", "touch /pfs/out/a")
    first = mill.jobs(pipeline)[0].job
    id = mill.put(repo, {"/a": b"0"})

    jobs.stop(mill.conn, first)

    assert mill.wait(pipeline, first.id).state is JobState.JOB_KILLED
    assert mill.wait(pipeline, id).state is JobState.JOB_SUCCESS


def test_code_is_told_what_it_works_on(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    secrets.create(mill.conn, json.dumps({"metadata": {"name": f"of-{repo}"}, "stringData": {"word": "tell nobody"}}))
    transform = {
        "env": {"MINE": "yes"},
        "secrets": [{"name": f"of-{repo}", "key": "word", "env_var": "WORD"}],
        "working_dir": "/pfs",
        "accept_return_code": [3],
    }
    pipeline = mill.pipeline(
        pfs(repo, name="given"), "env > out/env", "pwd > out/pwd", "echo $WORD", "exit 3", transform=transform
    )

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS
    found = mill.read(pipeline)
    env = dict(line.split("=", 1) for line in found["/env"].decode().splitlines() if "=" in line)
    assert (env["MINE"], env["WORD"], env["given"]) == ("yes", "tell nobody", "/pfs/given/a")
    assert (env["PACH_JOB_ID"], env["PPS_PIPELINE_NAME"]) == (told.job.id, pipeline)
    assert found["/pwd"] == b"/pfs\n"


def test_a_missing_secret_fails_the_job_by_its_name(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    wanted = [{"name": "nowhere", "key": "x", "env_var": "X"}]

    told = mill.wait(mill.pipeline(repo, "true", transform={"secrets": wanted}))

    assert told.state is JobState.JOB_FAILURE
    assert "nowhere" in told.reason


def test_files_are_joined_and_grouped(mill: Mill) -> None:
    images = mill.repo({"/dog.jpg": b"D", "/cat.jpg": b"C", "/alone.jpg": b"A"})
    labels = mill.repo({"/dog.json": b"d", "/cat.json": b"c"})
    given = [
        pfs(images, "/(*).jpg", name="image", join_on="$1", group_by="$1"),
        pfs(labels, "/(*).json", name="label", join_on="$1", group_by="$1"),
    ]
    script = "cat /pfs/image/* /pfs/label/* > /pfs/out/$PACH_DATUM_image_JOIN_ON"
    joined = mill.pipeline({"join": given}, script)
    grouped = mill.pipeline({"group": given}, "cat /pfs/image/* > /pfs/out/$PACH_DATUM_image_GROUP_BY")

    mill.wait(joined), mill.wait(grouped)

    assert mill.read(joined) == {"/dog": b"Dd", "/cat": b"Cc"}
    assert mill.read(grouped) == {"/dog": b"D", "/cat": b"C", "/alone": b"A"}


def test_an_update_works_on_what_is_there_anew_only_if_it_is_told_to(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(repo, "echo first > /pfs/out/$(basename /pfs/*/?*)")
    mill.wait(pipeline)

    mill.pipeline(repo, "echo second > /pfs/out/$(basename /pfs/*/?*)", name=pipeline, update=True)
    kept = mill.wait(pipeline)
    mill.pipeline(repo, "echo third > /pfs/out/$(basename /pfs/*/?*)", name=pipeline, update=True, reprocess=True)
    anew = mill.wait(pipeline)

    assert (kept.processed, kept.skipped) == (0, 1)
    assert mill.read(pipeline, kept.job.id) == {"/a": b"first\n"}
    assert (anew.processed, anew.skipped) == (1, 0)
    assert mill.read(pipeline) == {"/a": b"third\n"}


def test_the_branch_of_a_pipeline_is_moved_and_deleted_by_nobody_else(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(pfs(repo, name="in"), "cp /pfs/in/* /pfs/out")
    first = mill.wait(pipeline).job.id
    for type in ("user", "meta"):
        branch = Branch(Repo(Project(), pipeline, type), "master")
        with pytest.raises(WrongState, match=f"written by pipeline {pipeline}"):
            branches.create(mill.conn, branch, head=Commit(branch.repo, first))
        with pytest.raises(WrongState, match=f"written by pipeline {pipeline}"):
            branches.delete(mill.conn, branch, force=True)

    branches.create(mill.conn, Branch(Repo(Project(), pipeline), "kept"), head=Commit(Repo(Project(), pipeline), first))

    assert mill.wait(pipeline, mill.put(repo, {"/b": b"2"})).state is JobState.JOB_SUCCESS
    assert mill.read(pipeline, "kept") == {"/a": b"1"}


def test_a_pipeline_that_scales_stands_by_while_it_has_no_work(mill: Mill) -> None:
    repo = mill.repo({"/a": b"0"})
    name = mill.pipeline(pfs(repo, name="in"), "sleep $(cat /pfs/in/a)", autoscaling=True)
    mill.wait(name)
    until_state(mill, name, PipelineState.PIPELINE_STANDBY)

    id = mill.put(repo, {"/a": b"60"})
    until_state(mill, name, PipelineState.PIPELINE_RUNNING)
    jobs.stop(mill.conn, Job(Pipeline(Project(), name), id))


def until_state(mill: Mill, name: str, state: PipelineState) -> None:
    pipeline = Pipeline(Project(), name)
    until(lambda: pipelines.inspect(mill.conn, pipeline).state is state, what=state.name)


def test_pipelines_take_turns(mill: Mill) -> None:
    many = mill.repo({f"/{number}": b"" for number in range(60)})
    one = mill.repo()
    long = mill.pipeline(many, "sleep 0.3", datum_set_spec={"number": 1})
    short = mill.pipeline(one, "cp /pfs/*/?* /pfs/out")

    told = mill.wait(short, mill.put(one, {"/a": b"1"}))

    assert told.state is JobState.JOB_SUCCESS
    assert not mill.jobs(long)[0].state.is_over
    jobs.stop(mill.conn, Job(Pipeline(Project(), long), mill.jobs(long)[0].job.id))


@pytest.mark.parametrize("constant", [1, 2])
def test_so_many_datums_at_once_as_the_pipeline_says(mill: Mill, tmp_path: Path, constant: int) -> None:
    repo = mill.repo({"/a": b"", "/b": b"", "/c": b""})
    script = (
        "echo $(date +%s%N) > /pfs/out/$(basename /pfs/*/?*); sleep 0.3; date +%s%N >> /pfs/out/$(basename /pfs/*/?*)"
    )
    pipeline = mill.pipeline(repo, script, parallelism_spec={"constant": constant}, datum_set_spec={"number": 1})
    assert mill.wait(pipeline).state is JobState.JOB_SUCCESS

    spans = [tuple(map(int, content.split())) for content in mill.read(pipeline).values()]

    assert max(sum(begun <= at < ended for begun, ended in spans) for at, _ in spans) == constant
