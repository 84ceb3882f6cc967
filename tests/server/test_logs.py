"""Logs over the wire. Lines are written into the store's folder by the tests, as its driver would."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import grpc
import pytest

from howdah.client import channel, jobs, logs, pipelines, repos
from howdah.client.channel import Connection
from howdah.errors import Invalid, NotFound, Unavailable, Unsupported
from howdah.infos import LogLine
from howdah.names import Job, Pipeline, Project, Repo
from howdah.pps.logs import Bounds, Logs
from howdah.testing.servers import StoreServer
from tests.server.conftest import REPO
from tests.server.test_pps import specification

EDGES = Pipeline(Project(), "edges")
DATUM = "ab" * 32
FILES = (("/1.png", b"1" * 32),)
PATIENCE = 120.0


@pytest.fixture
def job(connection: Connection) -> Job:
    """The first job of the pipeline `edges`."""
    connection.call(connection.pps.CreatePipeline, specification())
    return next(jobs.list(connection, pipeline=EDGES)).job


@pytest.fixture
def log(server: StoreServer) -> Logs:
    return Logs(server.data / "logs", lambda: int(time.time() * 1_000_000), Bounds(free=0))


def printed(job: Job, *messages: str) -> list[LogLine]:
    return [LogLine(message, job=job.id, datum=DATUM, user=True, inputs=FILES) for message in messages]


def texts(lines: Iterator[LogLine]) -> list[str]:
    return [line.message for line in lines]


def test_lines_are_told_as_they_were_written(connection: Connection, job: Job, log: Logs) -> None:
    log.write(EDGES, [LogLine("taken up", job=job.id, master=True), *printed(job, "héllo", "")])
    first, second = logs.read(connection, pipeline=EDGES)
    assert (first.message, first.job, first.datum, first.user, first.master) == ("héllo", job.id, DATUM, True, False)
    assert first.pipeline == EDGES
    assert first.inputs == FILES
    assert first.time is not None
    assert second.message == ""
    assert texts(logs.read(connection, job=job)) == ["héllo", ""]
    assert texts(logs.read(connection, job=job, master=True)) == ["taken up"]
    assert texts(logs.read(connection, job=job, datum=DATUM, inputs=["/1.png"], tail=1)) == [""]
    assert texts(logs.read(connection, job=job, datum="cd")) == []
    assert texts(logs.read(connection, pipeline=EDGES, inputs=["/2.png"])) == []


def test_lines_of_a_day_are_told_and_of_a_job_all(connection: Connection, job: Job, log: Logs) -> None:
    now = datetime.now(timezone.utc)
    log.write(EDGES, [LogLine("soon", job=job.id, time=now + timedelta(hours=1))])
    assert texts(logs.read(connection, pipeline=EDGES, since=timedelta(minutes=1))) == ["soon"]
    log.write(EDGES, [LogLine("before it was created", job=job.id, time=now - timedelta(hours=2))])
    assert texts(logs.read(connection, pipeline=EDGES)) == ["soon"]
    assert texts(logs.read(connection, job=job)) == ["soon"]


def test_many_lines_arrive_whole(connection: Connection, job: Job, log: Logs) -> None:
    log.write(EDGES, printed(job, *("x" * 500 + str(number) for number in range(8000)), "y" * 300_000))
    found = texts(logs.read(connection, job=job))
    assert found[7999].endswith("x7999")
    assert len(found) == 8001
    assert len(texts(logs.read(connection, job=job, tail=5000))) == 5000


def test_pipeline_of_an_old_name_begins_with_an_empty_log(connection: Connection, job: Job, log: Logs) -> None:
    log.write(EDGES, printed(job, "of the old one"))
    pipelines.delete(connection, EDGES, force=True)
    with pytest.raises(NotFound, match='pipeline "default/edges" not found'):
        texts(logs.read(connection, pipeline=EDGES))
    connection.call(connection.pps.CreatePipeline, specification())
    assert texts(logs.read(connection, pipeline=EDGES)) == []


def test_what_is_not_there_is_named(connection: Connection, job: Job) -> None:
    other = Job(EDGES, "11" * 6 + "4" + "1" * 19)
    with pytest.raises(NotFound, match=f"job {other} not found"):
        texts(logs.read(connection, job=other))
    with pytest.raises(Invalid, match="pipeline must be specified"):
        texts(logs.read(connection, datum=DATUM))
    with pytest.raises(Invalid, match="is none of pipeline"):
        texts(logs.read(connection, pipeline=Pipeline(Project(), "count"), job=job))
    with pytest.raises(Invalid, match="since invalid"):
        texts(logs.read(connection, job=job, since=timedelta(days=-1)))


def test_store_tells_its_own_log(connection: Connection) -> None:
    assert all(line.pipeline is None for line in logs.read(connection))
    with pytest.raises(Unsupported, match="following the store's own log"):
        texts(logs.read(connection, follow=True))


def test_who_follows_a_job_is_told_of_each_line_until_it_is_over(connection: Connection, job: Job, log: Logs) -> None:
    log.write(EDGES, printed(job, "first"))
    followed = logs.read(connection, job=job, follow=True, tail=1)
    assert next(followed).message == "first"
    log.write(EDGES, printed(job, "second"))
    repos.create(connection, Repo(Project(), "any"))  # by which the store, which did not write the line, wakes
    assert next(followed).message == "second"
    log.write(EDGES, printed(job, "last"))
    jobs.stop(connection, job)
    assert texts(followed) == ["last"]
    assert texts(logs.read(connection, job=job, follow=True)) == ["first", "second", "last"]


def test_who_follows_a_pipeline_is_let_go_when_it_is_deleted(connection: Connection, job: Job, log: Logs) -> None:
    log.write(EDGES, printed(job, "first"))
    followed = logs.read(connection, pipeline=EDGES, follow=True)
    assert next(followed).message == "first"
    pipelines.delete(connection, EDGES, force=True)
    assert texts(followed) == []


def test_followers_hold_no_thread_and_end_with_the_store(
    server: StoreServer, connection: Connection, job: Job, log: Logs
) -> None:
    log.write(EDGES, printed(job, "first"))
    ended: list[Exception] = []

    def follow() -> None:
        with channel.connect(server.address) as own:
            followed = logs.read(own, pipeline=EDGES, follow=True)
            assert next(followed).message == "first"
            begun.release()
            try:
                next(followed)
            except (Unavailable, grpc.RpcError) as error:
                ended.append(error)

    begun = threading.Semaphore(0)
    threads = [threading.Thread(target=follow, daemon=True) for _ in range(40)]  # more than the store has threads
    for thread in threads:
        thread.start()
    for _ in threads:
        assert begun.acquire(timeout=PATIENCE)
    assert repos.inspect(connection, REPO).repo == REPO
    server.stop()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(ended) == len(threads)
