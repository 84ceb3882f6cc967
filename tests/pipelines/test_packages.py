"""Packages of pipelines on a store: there for code, and gone when no pipeline has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from howdah.client import channel, logs, pipelines, upkeep
from howdah.infos import JobState
from howdah.names import Pipeline, Project
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.worker import wheels

PRINT = 'python -c "import howdah_example; print(howdah_example.GREETING)" > /pfs/out/said'


def test_packages_go_with_the_last_pipeline_that_wants_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels.make(tmp_path / "wheels")
    for name, value in wheels.environ(tmp_path, tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{wheels.environ(tmp_path, tmp_path)['PATH']}")
    with StoreServer(tmp_path / "data", workers=1) as server, channel.connect(server.address) as conn:
        mill, made = Mill(conn), tmp_path / "data/work/packages"
        repo = mill.repo({"/a": b"1"})
        asked = [{"annotations": {"howdah.requirements": text}} for text in ("howdah-example", "howdah-example==1.0")]
        first, second = (mill.pipeline(pfs(repo), PRINT, metadata=each) for each in asked)
        assert [mill.wait(each).state for each in (first, second)] == [JobState.JOB_SUCCESS] * 2
        assert mill.read(first) == {"/said": b"hello\n"}
        assert len(environments(made)) == 2
        pipelines.stop(conn, Pipeline(Project(), first))
        pipelines.delete(conn, Pipeline(Project(), second))

        upkeep.collect_garbage(conn)

        until(lambda: len(environments(made)) == 1, what="an environment that nobody wants to go")
        pipelines.start(conn, Pipeline(Project(), first))
        assert mill.wait(first).state is JobState.JOB_SUCCESS
        pipelines.delete(conn, Pipeline(Project(), first))
    with StoreServer(tmp_path / "data", workers=1) as server, channel.connect(server.address) as conn:
        mill = Mill(conn)
        mill.wait(mill.pipeline(mill.repo({"/a": b"1"}), "true"))
        until(lambda: not environments(made), what="none that a deleted pipeline has had, after a restart")


def test_packages_that_cannot_be_had_are_told_in_the_log_of_the_datum_that_failed(mill: Mill) -> None:
    wanted = {"annotations": {"howdah.requirements": "-e ."}}
    told = mill.wait(mill.pipeline(mill.repo({"/a": b"1"}), "true", metadata=wanted, datum_tries=1))

    datum = told.reason.split()[1]
    said = [line.message for line in logs.read(mill.conn, job=told.job, datum=datum)]

    assert told.state is JobState.JOB_FAILURE
    assert said == ["code cannot run: requirement '-e .' is an option: give names and versions alone"]


def environments(made: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in made.iterdir()}
