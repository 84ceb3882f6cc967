"""What is in the logs of jobs that are run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from howdah.client import channel, files, jobs, logs, pipelines, repos, secrets
from howdah.client.channel import Connection
from howdah.infos import JobInfo, JobState, LogLine
from howdah.names import Commit, Job, Pipeline, Project
from howdah.testing.servers import StoreServer
from tests.server.conftest import REPO

EDGES = Pipeline(Project(), "edges")
SCRIPT = """
echo "hello $(cat /pfs/images/*)"
echo "the word is $WORD" >&2
printf 'no end \\377'
"""


@pytest.fixture(scope="module")
def conn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A store that runs jobs, with two images and a secret."""
    with (
        StoreServer(tmp_path_factory.mktemp("logged") / "data", workers=2) as server,
        channel.connect(server.address) as conn,
    ):
        repos.create(conn, REPO)
        secrets.create(conn, json.dumps({"metadata": {"name": "password"}, "stringData": {"word": "howdy-partner"}}))
        with files.modify(conn, Commit(REPO, "master")) as changes:
            changes.put("/1.png", b"one")
            changes.put("/2.png", b"two")
        yield conn


def create(conn: Connection, name: str, script: str) -> Job:
    """A pipeline, and its first job."""
    told = {
        "pipeline": {"name": name},
        "transform": {
            "cmd": ["sh"],
            "stdin": [script],
            "secrets": [{"name": "password", "key": "word", "env_var": "WORD"}],
        },
        "input": {"pfs": {"repo": REPO.name, "glob": "/*"}},
        "datum_tries": 1,
    }
    pipelines.create(conn, json.dumps(told))
    return next(jobs.list(conn, pipeline=Pipeline(Project(), name))).job


def over(conn: Connection, job: Job) -> JobInfo:
    return [*jobs.watch(conn, job)][-1]


def test_who_follows_a_job_sees_it_from_its_beginning_to_its_end(conn: Connection) -> None:
    job = create(conn, "edges", SCRIPT)
    found = [*logs.read(conn, job=job, follow=True)]
    assert over(conn, job).state is JobState.JOB_SUCCESS
    assert {line.job for line in found} == {job.id}
    for path, word in (("/1.png", "one"), ("/2.png", "two")):
        own = [line for line in found if [path] == [name for name, _ in line.inputs]]
        assert len({line.datum for line in own}) == 1
        assert [line.message for line in own if line.user] == [f"hello {word}", "the word is ***", "no end \\xff"]
        assert own[0].message == "beginning to run user code"
        assert own[-1].message.startswith("finished running user code after ")
        [chosen] = {line.datum for line in logs.read(conn, pipeline=job.pipeline, inputs=[path])}
        assert chosen == own[0].datum
    assert messages(logs.read(conn, job=job, master=True))[-1] == "job ended: JOB_SUCCESS"


def messages(found: Iterator[LogLine]) -> list[str]:
    return [line.message for line in found]


def test_failure_is_told_with_what_code_said_last(conn: Connection) -> None:
    job = create(conn, "broken", "echo 'cannot go on with '$WORD; exit 7")
    info = over(conn, job)
    assert info.state is JobState.JOB_FAILURE
    [*_] = logs.read(conn, job=job, follow=True)
    [line] = [line for line in logs.read(conn, job=job) if line.user][:1]
    assert line.message == "cannot go on with ***"
    assert f"datum {line.datum} failed" in info.reason
    assert any(line.message.startswith("user code failed: ") for line in logs.read(conn, job=job, datum=line.datum))
    assert any("JOB_FAILURE" in text for text in messages(logs.read(conn, pipeline=job.pipeline, master=True)))
