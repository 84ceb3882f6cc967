"""Infos of pipelines and jobs are the same again behind the wire, and the document of each can be written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from howdah.errors import Invalid
from howdah.infos import (
    DatumInfo,
    DatumState,
    FileInfo,
    FileType,
    JobInfo,
    JobSetInfo,
    JobState,
    PipelineInfo,
    PipelineState,
    PipelineType,
    SecretInfo,
    Stats,
)
from howdah.names import Commit, File, Job, Pipeline, Project, Repo
from howdah.wire import pps
from howdah.wire.document import to_document
from howdah.wire.gen import pps_pb2

EDGES = Pipeline(Project("vision"), "edges")
ID = "3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b"
NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)
STATS = Stats(1.5, 2.25, 0.5, 7, 8)
SPEC = {
    "transform": {"cmd": ["sh"], "image": "alpine"},
    "input": {"pfs": {"repo": "images", "glob": "/*", "commit": ID}},
    "datum_timeout": "3s",
    "parallelism_spec": {"constant": "2"},
}
PIPELINE = PipelineInfo(
    EDGES,
    version=3,
    type=PipelineType.SERVICE,
    spec_commit=Commit(Repo(EDGES.project, "edges", "spec"), ID),
    state=PipelineState.PIPELINE_CRASHING,
    reason="why",
    stopped=True,
    last_job=JobState.JOB_KILLED,
    told='{"pipeline": {"name": "edges"}}',
    effective=json.dumps(SPEC),
    salt="salt",
    created=NOW,
    updated=NOW,
    metadata={"a": "b"},
)
JOB = JobInfo(
    Job(EDGES, ID),
    version=2,
    output=Commit(Repo(EDGES.project, "edges"), ID),
    state=JobState.JOB_EGRESSING,
    reason="why",
    restart=1,
    total=9,
    skipped=3,
    processed=2,
    failed=1,
    recovered=1,
    stats=STATS,
    created=NOW,
    started=NOW,
    finished=NOW,
    effective=json.dumps(SPEC),
    salt="salt",
)
FILE = FileInfo(File(Commit(Repo(EDGES.project, "images"), ID), "/1.png", "default"), FileType.FILE, 3, b"1" * 32, NOW)
DATUM = DatumInfo("d1", JOB.job, DatumState.RECOVERED, STATS, (FILE,))


def test_pipeline_is_itself_again() -> None:
    message = pps.pipeline_info_to_wire(PIPELINE, details=True)
    assert pps.pipeline_info_from_wire(message) == PIPELINE
    assert to_document(PIPELINE)["details"]["transform"]["cmd"] == ["sh"]


def test_job_is_itself_again_with_and_without_its_details() -> None:
    again = pps.job_info_from_wire(pps.job_info_to_wire(JOB, details=True))
    assert replace(again, effective=JOB.effective) == JOB
    assert json.loads(again.effective) == SPEC
    short = pps.job_info_from_wire(pps.job_info_to_wire(JOB, details=False))
    assert (short.effective, short.salt, short.stats) == ("{}", "", STATS)
    assert "details" not in to_document(short)
    assert to_document(JOB)["details"]["input"]["pfs"]["commit"] == ID


def test_sets_datums_and_secrets_are_themselves_again() -> None:
    one = JobSetInfo(ID, (replace(JOB, effective="{}", salt=""),))
    assert pps.job_set_info_from_wire(pps.job_set_info_to_wire(one)) == one
    assert pps.datum_info_from_wire(pps.datum_info_to_wire(DATUM)) == DATUM
    secret = SecretInfo("password", "Opaque", NOW)
    assert pps.secret_info_from_wire(pps.secret_info_to_wire(secret)) == secret
    assert to_document(one)["job_set"] == {"id": ID}
    assert to_document(DATUM)["state"] == "RECOVERED"
    assert to_document(secret)["secret"] == {"name": "password"}


def test_an_older_server_tells_its_specification_by_fields() -> None:
    message = pps.pipeline_info_to_wire(PIPELINE, details=True)
    message.effective_spec_json = message.user_spec_json = ""
    again = pps.pipeline_info_from_wire(message)
    assert json.loads(again.effective) == SPEC
    assert again.told == "{}"


def test_states_of_a_later_server_are_unknown() -> None:
    named = pps.pipeline_to_wire(EDGES)
    state = pps_pb2.PipelineState.ValueType(99)
    told = pps.pipeline_info_from_wire(pps_pb2.PipelineInfo(pipeline=named, state=state))
    assert (told.state, told.type) == (PipelineState.PIPELINE_STATE_UNKNOWN, PipelineType.TRANSFORM)
    message = pps_pb2.JobInfo(job=pps.job_to_wire(JOB.job), state=pps_pb2.JobState.ValueType(99))
    assert pps.job_info_from_wire(message).state is JobState.JOB_STATE_UNKNOWN


def test_what_names_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="message names no pipeline"):
        pps.pipeline_info_from_wire(pps_pb2.PipelineInfo())
    with pytest.raises(Invalid, match="message names no job"):
        pps.job_info_from_wire(pps_pb2.JobInfo())
    late = pps_pb2.JobInfo(job=pps.job_to_wire(JOB.job), created=Timestamp(seconds=1 << 50))
    with pytest.raises(Invalid, match="time"):
        pps.job_info_from_wire(late)
