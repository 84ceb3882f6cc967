"""Spouts, whose code makes commits by itself, and services, whose code answers on a port."""

from __future__ import annotations

import json
import sys
import urllib.request
from contextlib import suppress
from http.client import HTTPException

from howdah.client import commits, pipelines
from howdah.infos import JobState, PipelineType
from howdah.launch import ports
from howdah.names import Branch, Commit, Pipeline, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs


def history(mill: Mill, repo: str) -> list[str]:
    return [info.commit.id for info in commits.list(mill.conn, Repo(Project(), repo)) if not info.error]


def test_a_spout_commits_by_itself_and_is_started_again_when_it_ends(mill: Mill) -> None:
    put = f"{sys.executable} -m howdah put file"
    script = ["echo beat > /tmp/beat", f"{put} $PPS_PIPELINE_NAME@master:/beat -f /tmp/beat"]
    name = "spout"
    document = {
        "pipeline": {"name": name},
        "spout": {},
        "transform": {"cmd": ["sh", "-e"], "stdin": script},
    }
    pipelines.create(mill.conn, json.dumps(document))

    first = len(history(mill, name))
    until(lambda: len(history(mill, name)) >= first + 2)

    spout = Pipeline(Project(), name)
    assert pipelines.inspect(mill.conn, spout).type is PipelineType.SPOUT
    assert mill.read(name) == {"/beat": b"beat\n"}
    assert mill.jobs(name) == []
    pipelines.delete(mill.conn, spout, force=True)


def test_what_follows_a_spout_runs_with_each_of_its_commits(mill: Mill) -> None:
    put = f"{sys.executable} -m howdah put file"
    script = ["echo once > /tmp/once", f"{put} $PPS_PIPELINE_NAME@master:/once -f /tmp/once", "sleep 600"]
    document = {
        "pipeline": {"name": "once"},
        "spout": {},
        "transform": {"cmd": ["sh", "-e"], "stdin": script},
    }
    pipelines.create(mill.conn, json.dumps(document))
    behind = mill.pipeline(pfs("once", name="in"), "cp /pfs/in/* /pfs/out")

    until(lambda: bool(mill.read(behind)))

    assert mill.read(behind) == {"/once": b"once\n"}
    pipelines.delete(mill.conn, Pipeline(Project(), behind), force=True)
    pipelines.delete(mill.conn, Pipeline(Project(), "once"), force=True)


def test_a_service_answers_with_the_newest_files(mill: Mill) -> None:
    port = ports.any_free("127.0.0.1")
    repo = mill.repo({"/page": b"old"})
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", "/pfs/in"]
    name = mill.pipeline(
        pfs(repo, "/", name="in"), transform={"cmd": command}, service={"internal_port": port, "external_port": port}
    )

    def page() -> bytes:
        # A service that ends as it answers gives half an answer, which is none.
        with (
            suppress(OSError, HTTPException),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/page", timeout=5) as answer,
        ):
            return bytes(answer.read())
        return b""

    until(lambda: page() == b"old")
    first = mill.jobs(name)[0]
    mill.put(repo, {"/page": b"new"})
    until(lambda: page() == b"new")

    assert mill.jobs(name)[0].state is JobState.JOB_RUNNING
    assert mill.wait(name, first.job.id).state is JobState.JOB_SUCCESS
    pipelines.stop(mill.conn, Pipeline(Project(), name))
    until(lambda: page() == b"")
    assert commits.inspect(mill.conn, Commit(Branch(Repo(Project(), name), "master").repo, "master")).finished
