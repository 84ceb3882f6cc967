from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from pachyderm_sdk.api import pfs, pps

from howdah.errors import Invalid
from howdah.names import Job, Pipeline, Project
from howdah.pps import effective, shape
from howdah.pps.inputs import Input, PfsInput
from howdah.pps.spec import Spout
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2

EDGES = Pipeline(Project("vision"), "edges")
JOB = Job(EDGES, "4" * 32)


def test_nouns_are_themselves_again() -> None:
    assert wire.pipeline_from_wire(wire.pipeline_to_wire(EDGES)) == EDGES
    assert wire.job_from_wire(wire.job_to_wire(JOB)) == JOB
    assert (str(EDGES), str(JOB)) == ("vision/edges", f"vision/edges@{'4' * 32}")


def test_what_is_named_by_nothing_is_none() -> None:
    assert wire.pipeline_from_wire(pps_pb2.Pipeline()) is None
    assert wire.pipeline_from_wire(pps_pb2.Pipeline(name="edges")) == Pipeline(Project(), "edges")
    assert wire.job_from_wire(pps_pb2.Job(id="4" * 32)) is None
    assert wire.job_from_wire(pps_pb2.Job(pipeline=pps_pb2.Pipeline(name="edges"))) is None


def test_a_request_of_the_published_client_is_read() -> None:
    request = pps.CreatePipelineRequest(
        pipeline=pps.Pipeline(name="edges", project=pfs.Project()),
        transform=pps.Transform(cmd=["sh"], stdin=["true"], env={"A": "b"}),
        input=pps.Input(cross=[pps.Input(pfs=pps.PfsInput(repo="images", glob="/*"))]),
        spout=pps.Spout(service=pps.Service()),
        spec_commit=pfs.Commit(id="4" * 32),
    )
    spec = effective.read(wire.document_from_wire(pps_pb2.CreatePipelineRequest.FromString(bytes(request))))

    assert spec.pipeline == Pipeline(Project(), "edges")
    assert spec.input == Input(cross=(Input(pfs=PfsInput(repo="images", glob="/*")),))
    assert spec.spout == Spout()  # as an empty one comes from that client
    told = wire.specification_to_wire(effective.write(spec))
    assert told.transform.env == {"A": "b"}
    assert pps.CreatePipelineRequest.FromString(told.SerializeToString()).transform == request.transform


def test_an_input_is_itself_again() -> None:
    message = pps_pb2.Input(pfs=pps_pb2.PFSInput(repo="images", glob="/*", outer_join=True))
    read = shape.read(Input, wire.document_from_wire(message))

    assert wire.input_to_wire(shape.write(read)) == message


@pytest.mark.parametrize(
    "message",
    [
        pps_pb2.CreatePipelineRequest(datum_timeout=Duration(seconds=1 << 62)),
        pps_pb2.CreatePipelineRequest(job_timeout=Duration(seconds=1, nanos=-1)),
        pps_pb2.Input(cron=pps_pb2.CronInput(start=Timestamp(seconds=1 << 50))),
        pps_pb2.CreatePipelineRequest(resource_limits=pps_pb2.ResourceSpec(cpu=float("nan"))),
    ],
)
def test_values_that_mean_nothing_are_refused(message: pps_pb2.CreatePipelineRequest | pps_pb2.Input) -> None:
    with pytest.raises(Invalid):
        effective.read(wire.document_from_wire(message))


def test_a_number_that_no_message_holds_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot be told"):
        wire.specification_to_wire({"resourceLimits": {"cpu": 1e300}})
