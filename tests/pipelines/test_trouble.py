"""What goes wrong around jobs: the store is stopped or comes from a backup, the disk is full, code cannot start."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from howdah.backup.make import Source, make
from howdah.backup.restore import restore
from howdah.client import channel, jobs, logs, pipelines, upkeep
from howdah.client.channel import Connection
from howdah.infos import JobInfo, JobState, PipelineState
from howdah.names import Pipeline, Project
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.faults.disks import Disk, small_disk

FILES = {f"/{number}": b"%d" % number for number in range(8)}
SLOWLY = "sleep 0.2; cp /pfs/in/* /pfs/out"
ONE_BY_ONE: dict[str, Any] = {"datum_set_spec": {"number": 1}}


@contextmanager
def serving(data: Path, *options: str, workers: int = 2) -> Iterator[tuple[StoreServer, Mill]]:
    """A store with workers, and a client."""
    with StoreServer(data, *options, workers=workers) as server, channel.connect(server.address) as conn:
        yield server, Mill(conn)


def begin(mill: Mill) -> str:
    """A pipeline whose job takes its time and has come some way."""
    pipeline = mill.pipeline(pfs(mill.repo(FILES), name="in"), SLOWLY, **ONE_BY_ONE)
    until(lambda: mill.jobs(pipeline)[0].processed > 2, what="the first datums")
    return pipeline


def runs(conn: Connection, told: JobInfo) -> int:
    """How many runs of a job's datums have begun."""
    return sum(line.message.startswith("beginning") for line in logs.read(conn, job=told.job))


def stopped(server: StoreServer, _: Path) -> Path:
    server.stop()
    return server.data


def from_backup(server: StoreServer, folder: Path) -> Path:
    make(Source(server.data), folder / "backup.tar")
    restore(folder / "backup.tar", folder / "back")
    return folder / "back"


@pytest.mark.parametrize("moved", [stopped, from_backup])
def test_another_server_goes_on_with_a_job_and_does_again_nothing_that_was_done(
    tmp_path: Path, moved: Callable[[StoreServer, Path], Path]
) -> None:
    with serving(tmp_path / "data") as (server, mill):
        pipeline = begin(mill)
        data = moved(server, tmp_path)
    with serving(data, workers=0) as (_, mill):
        (before,) = mill.jobs(pipeline)
        before_runs = runs(mill.conn, before)
    with serving(data) as (_, mill):
        after = mill.wait(pipeline)
        pipelines.rerun(mill.conn, Pipeline(Project(), pipeline))
        again = mill.wait(pipeline)

        assert not before.state.is_over
        assert before.processed > 2
        assert (after.state, after.processed, after.total) == (JobState.JOB_SUCCESS, len(FILES), len(FILES))
        assert after.restart > before.restart
        assert runs(mill.conn, after) - before_runs == len(FILES) - before.processed
        assert (again.state, again.skipped) == (JobState.JOB_SUCCESS, len(FILES))
        assert mill.read(pipeline) == FILES
        upkeep.collect_garbage(mill.conn)
        assert mill.read(pipeline) == FILES
        assert [*upkeep.fsck(mill.conn)] == []


def full(disk: Disk) -> Callable[[], None]:
    disk.leave(0)
    return disk.clear


def read_only(disk: Disk) -> Callable[[], None]:
    disk.be("ro")
    return lambda: disk.be("rw")


@pytest.mark.parametrize("fail", [full, read_only])
def test_a_job_waits_while_its_outputs_cannot_be_kept(
    tmp_path: Path, fail: Callable[[Disk], Callable[[], None]]
) -> None:
    data = tmp_path / "data"
    with small_disk(data / "bytes", "64m") as disk, serving(data) as (server, mill):
        pipeline = begin(mill)
        mend = fail(disk)
        until(lambda: "waits: " in server.log.read_text(), what="a job that waits")
        mend()

        told = mill.wait(pipeline)

        assert (told.state, told.processed) == (JobState.JOB_SUCCESS, len(FILES))
        assert mill.read(pipeline) == FILES
        assert [*upkeep.fsck(mill.conn)] == []


COPY = ("cp /pfs/in/* /pfs/out",)
BATCH = (
    "import os, shutil, pachyderm_sdk",
    "@pachyderm_sdk.batch_all_datums",
    "def work():",
    "    shutil.copy(os.environ['in'], '/pfs/out')",
    "work()",
)


@pytest.mark.parametrize(
    ("script", "transform"), [(COPY, {}), (BATCH, {"cmd": [sys.executable, "-"], "datum_batching": True})]
)
def test_a_job_waits_for_room_on_the_disk_and_its_pipeline_tells_how_much_there_is(
    tmp_path: Path, script: tuple[str, ...], transform: dict[str, Any]
) -> None:
    data = tmp_path / "data"
    with small_disk(data / "work", "64m") as disk, serving(data, workers=1) as (_, mill):
        repo = mill.repo({"/a": b"1"})
        pipeline = mill.pipeline(pfs(repo, name="in"), *script, transform=transform, datum_tries=1)
        before = mill.wait(pipeline)
        disk.leave(2 << 20)
        id = mill.put(repo, {"/b": b"2"})
        why = crashed(mill, pipeline)
        disk.clear()

        after = mill.wait(pipeline, id)

        until(lambda: _state(mill, pipeline) is PipelineState.PIPELINE_RUNNING, what="its state")
        assert before.state is JobState.JOB_SUCCESS
        assert "the disk has 2 MiB free, and 3 MiB of it are left to others: make room on it" in why
        assert (after.state, after.processed) == (JobState.JOB_SUCCESS, 1)


def crashed(mill: Mill, pipeline: str) -> str:
    """Why a pipeline's code cannot be started, as soon as it cannot."""
    reasons: list[str] = []

    def is_crashing() -> bool:
        info = pipelines.inspect(mill.conn, Pipeline(Project(), pipeline))
        reasons[:] = [info.reason] if info.state is PipelineState.PIPELINE_CRASHING else []
        return bool(reasons)

    until(is_crashing, what="a reason")
    return reasons[0]


def test_where_code_cannot_be_started_its_pipeline_tells_why_and_its_job_waits(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--unfenced", workers=1) as (_, mill):
        if Path("/pfs").exists():
            pytest.skip("platform: /pfs is there")
        pipeline = mill.pipeline(pfs(mill.repo(FILES), name="in"), "cp /pfs/in/* /pfs/out")

        assert "sudo ln -sfn" in crashed(mill, pipeline)
        assert not mill.jobs(pipeline)[0].state.is_over

    with serving(tmp_path / "data") as (_, mill):
        told = mill.wait(pipeline)
        assert (told.state, told.processed) == (JobState.JOB_SUCCESS, len(FILES))
        assert mill.read(pipeline) == FILES
        until(lambda: _state(mill, pipeline) is PipelineState.PIPELINE_RUNNING, what="the pipeline")


def _state(mill: Mill, pipeline: str) -> PipelineState:
    return pipelines.inspect(mill.conn, Pipeline(Project(), pipeline)).state


def test_packages_without_uv_are_waited_for_and_others_run_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    packages: dict[str, Any] = {"metadata": {"annotations": {"howdah.requirements": "six"}}}
    with serving(tmp_path / "data", workers=1) as (_, mill):
        repo = mill.repo({"/a": b"1"})
        pipeline = mill.pipeline(pfs(repo, name="in"), "cp /pfs/in/* /pfs/out", **packages)

        assert "uv cannot be started" in (why := crashed(mill, pipeline))
        assert "install it" in why
        assert mill.wait(mill.pipeline(pfs(repo, name="in"), "true")).state is JobState.JOB_SUCCESS
        (told,) = mill.jobs(pipeline)
        assert not told.state.is_over
        jobs.stop(mill.conn, told.job)
        until(lambda: _state(mill, pipeline) is PipelineState.PIPELINE_RUNNING, what="a pipeline without work")

        mill.pipeline(pfs(repo, name="in"), "cp /pfs/in/* /pfs/out", name=pipeline, update=True)
        assert mill.wait(pipeline).state is JobState.JOB_SUCCESS
        assert mill.read(pipeline) == {"/a": b"1"}


def test_garbage_is_collected_and_all_is_looked_at_while_jobs_run(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (_, mill):
        pipeline = mill.pipeline(pfs(mill.repo(FILES), name="in"), SLOWLY, **ONE_BY_ONE)
        collected = 0
        while not mill.jobs(pipeline)[0].state.is_over:
            upkeep.collect_garbage(mill.conn)
            assert [*upkeep.fsck(mill.conn)] == []
            collected += 1

        assert collected
        assert mill.wait(pipeline).state is JobState.JOB_SUCCESS
        assert mill.read(pipeline) == FILES


def test_a_worker_that_cannot_start_tells_its_pipelines_why(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/work").write_text("somebody's file")
    with serving(tmp_path / "data") as (_, mill):
        pipeline = mill.pipeline(pfs(mill.repo(FILES), name="in"), "cp /pfs/in/* /pfs/out")

        assert "work cannot be used" in crashed(mill, pipeline)
        (tmp_path / "data/work").unlink()

        assert mill.wait(pipeline).state is JobState.JOB_SUCCESS
