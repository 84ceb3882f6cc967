"""Pachyderm's published client on logs. The tests write the lines, as a driver would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from grpc import StatusCode
from pachyderm_sdk.api import pps

from howdah.infos import LogLine
from howdah.names import Pipeline, Project
from howdah.pps.logs import Bounds, Logs
from howdah.testing.servers import StoreServer
from tests.compat.conftest import refused
from tests.compat.test_sdk_pipelines import request_of

_NUMBERS = count(1)
DATUM = "ab" * 32
FILES = (("/x.dat", b"1" * 32),)


@pytest.fixture
def job(client: Any, branch: Any, server: StoreServer) -> Iterator[Any]:
    """A job of a pipeline, with lines."""
    name = f"logged{next(_NUMBERS)}"
    client.pps.create_pipeline(**request_of(branch.repo, name))
    job = next(client.pps.list_job(pipeline=pps.Pipeline(name=name))).job
    log = Logs(server.data / "logs", lambda: int(time.time() * 1_000_000), Bounds(free=0))
    lines = [
        LogLine("the driver", job=job.id, master=True),
        LogLine("beginning to run user code", job=job.id, datum=DATUM, inputs=FILES),
        *(LogLine(f"line {number}", job=job.id, datum=DATUM, user=True, inputs=FILES) for number in range(3)),
    ]
    log.write(Pipeline(Project(), name), lines)
    yield job
    client.pps.delete_pipeline(pipeline=job.pipeline, force=True)


def messages(found: Any) -> list[str]:
    return [each.message for each in found]


def test_logs_of_a_pipeline_and_of_a_job(client: Any, job: Any) -> None:
    first = next(client.pps.get_logs(pipeline=job.pipeline))
    assert (first.project_name, first.pipeline_name) == ("default", job.pipeline.name)
    found = [each for each in client.pps.get_logs(job=job) if each.user]
    assert messages(found) == ["line 0", "line 1", "line 2"]
    assert {(each.job_id, each.datum_id, each.master) for each in found} == {(job.id, DATUM, False)}
    assert (found[0].data[0].path, found[0].data[0].hash) == FILES[0]
    assert found[0].ts is not None


def test_follow_and_master_yield_at_once(client: Any, job: Any) -> None:
    assert next(client.pps.get_logs(pipeline=job.pipeline, follow=True)).pipeline_name == job.pipeline.name
    assert next(client.pps.get_logs(pipeline=job.pipeline, master=True)).master
    assert next(client.pps.get_logs(job=job, follow=True, use_loki_backend=True)).job_id == job.id


def test_logs_are_filtered(client: Any, job: Any) -> None:
    datum = pps.Datum(id=DATUM, job=job)
    assert messages(client.pps.get_logs(datum=datum, tail=2)) == ["line 1", "line 2"]
    assert messages(client.pps.get_logs(job=job, datum=pps.Datum(id=DATUM), tail=1)) == ["line 2"]
    for data in ("/x.dat", (b"1" * 32).hex()):
        assert len(messages(client.pps.get_logs(pipeline=job.pipeline, data_filters=[data]))) == 4
    assert messages(client.pps.get_logs(pipeline=job.pipeline, data_filters=["/y.dat"])) == []
    assert len(messages(client.pps.get_logs(pipeline=job.pipeline, since=timedelta(hours=1), datum=datum))) == 4


def test_logs_of_nothing_are_not_found(client: Any, job: Any) -> None:
    with refused(StatusCode.NOT_FOUND, "not found"):
        list(client.pps.get_logs(pipeline=pps.Pipeline(name="nothing")))
    with refused(StatusCode.NOT_FOUND, "not found"):
        list(client.pps.get_logs(job=pps.Job(pipeline=job.pipeline, id="1" * 12 + "4" + "1" * 19)))
