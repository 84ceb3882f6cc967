"""What is in the logs of jobs that are run."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from howdah.client import channel, files, jobs, logs, pipelines, repos, secrets
from howdah.client.channel import Connection
from howdah.infos import JobInfo, JobState, LogLine
from howdah.names import Commit, Job, Pipeline, Project
from howdah.pps.datums import Plan
from howdah.pps.logreading import Reading, Wanted
from howdah.pps.logs import Bounds, Logs
from howdah.server.bridge import Bridge
from howdah.server.joblogs import JobLogs
from howdah.testing.servers import StoreServer
from howdah.wire.gen import work_pb2
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


def messages(found: Iterable[LogLine]) -> list[str]:
    return [line.message for line in found]


def test_job_is_logged_from_its_beginning_to_its_end(conn: Connection) -> None:
    job = create(conn, "edges", SCRIPT)
    followed = [*logs.read(conn, job=job, follow=True)]
    assert over(conn, job).state is JobState.JOB_SUCCESS
    found = [*logs.read(conn, job=job)]
    assert followed == found[: len(followed)]
    assert {line.job for line in found} == {job.id}
    for path, word in (("/1.png", "one"), ("/2.png", "two")):
        own = [line for line in found if [path] == [name for name, _ in line.inputs]]
        assert len({line.datum for line in own}) == 1
        assert messages(line for line in own if line.user) == [f"hello {word}", "the word is ***", "no end \\xff"]
        assert own[0].message == "beginning to run user code"
        assert own[-1].message.startswith("finished running user code after ")
        assert {line.datum for line in logs.read(conn, pipeline=job.pipeline, inputs=[path])} == {own[0].datum}


def test_driver_tells_of_each_job(conn: Connection) -> None:
    job = create(conn, "driven", "true")
    driver = logs.read(conn, pipeline=job.pipeline, master=True, follow=True)
    assert next(driver).message == "job has 2 datums, 0 of them done before"
    assert next(driver).message == "job ended: JOB_SUCCESS"


def test_failure_is_told_with_what_code_said_last(conn: Connection) -> None:
    job = create(conn, "broken", "echo 'cannot go on with '$WORD; exit 7")
    info = over(conn, job)
    assert info.state is JobState.JOB_FAILURE
    failed = re.search("datum ([0-9a-f]+) failed", info.reason)
    assert failed is not None
    own = [*logs.read(conn, job=job, datum=failed[1])]
    assert messages(line for line in own if line.user) == ["cannot go on with ***"]
    assert own[-1].message.startswith("user code failed: ")


def test_all_lines_of_a_job_are_there_when_it_is_over(conn: Connection) -> None:
    for name in ("much", "more", "most"):
        job = create(conn, name, "seq 5000")
        assert over(conn, job).state is JobState.JOB_SUCCESS
        assert sum(line.user for line in logs.read(conn, job=job)) == 2 * 5000


def test_results_wait_for_the_lines_that_were_told_before(tmp_path: Path) -> None:
    written = Logs(tmp_path, lambda: int(time.time() * 1_000_000), Bounds(free=0))
    job = Job(EDGES, "1" * 32)

    async def tell() -> None:
        bridge = Bridge()
        kept = JobLogs(written, bridge)
        kept.begin(job, [], Plan([], []))
        waiting = asyncio.ensure_future(kept.until(7, 2))
        for worker, text in ((7, "first"), (8, "another's"), (7, "last")):
            await asyncio.sleep(0)
            assert not waiting.done()
            await kept.hear(worker, job, [work_pb2.Said(lines=[text])])
        await waiting
        await kept.keep(job, [work_pb2.Said(lines=["with", "results"])])
        lines, _ = Reading(written.place(EDGES), Wanted(EDGES)).take()
        assert messages(lines) == ["first", "another's", "last", "with", "results"]
        bridge.close()

    asyncio.run(asyncio.wait_for(tell(), 120))


def test_very_many_lines_are_kept_in_order_and_without_secrets(tmp_path: Path) -> None:
    written = Logs(tmp_path, lambda: int(time.time() * 1_000_000), Bounds(free=0))
    job = Job(EDGES, "1" * 32)

    async def tell() -> None:
        bridge = Bridge()
        kept = JobLogs(written, bridge)
        kept.begin(job, [b"howdy-partner"], Plan([], []))
        for number in range(3000):
            texts = [f"{number} {each} howdy-partner" for each in range(10)]
            await kept.hear(7, job, [work_pb2.Said(datum="ab", user=True, lines=texts)])
        while len(found()) < 30_000:
            await asyncio.sleep(0.01)
        bridge.close()

    def found() -> list[str]:
        reading = Reading(written.place(EDGES), Wanted(EDGES))
        told: list[str] = []
        is_end = False
        while not is_end:
            lines, is_end = reading.take()
            told += [line.message for line in lines]
        return told

    asyncio.run(asyncio.wait_for(tell(), 120))
    assert found() == [f"{number} {each} ***" for number in range(3000) for each in range(10)]
