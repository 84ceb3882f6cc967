"""Nouns of pipelines to messages and back, and specifications as the documents that they are read from and told as."""

from __future__ import annotations

import json
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from howdah.documents import Document
from howdah.errors import Invalid
from howdah.infos import JobInfo, PipelineInfo, SecretInfo, Stats
from howdah.names import DEFAULT_PROJECT, Job, Pipeline, Project
from howdah.wire.gen import pfs_pb2, pps_pb2
from howdah.wire.pfs import commit_to_wire, time_to_wire

_Message = TypeVar("_Message", pps_pb2.CreatePipelineRequest, pps_pb2.Input)
_Details = TypeVar("_Details", pps_pb2.PipelineInfo.Details, pps_pb2.JobInfo.Details)


def pipeline_to_wire(pipeline: Pipeline) -> pps_pb2.Pipeline:
    """The pipeline's message."""
    return pps_pb2.Pipeline(project=pfs_pb2.Project(name=pipeline.project.name), name=pipeline.name)


def pipeline_from_wire(message: pps_pb2.Pipeline) -> Pipeline | None:
    """The pipeline; None where the message names none, `default` where it names no project."""
    return Pipeline(Project(message.project.name or DEFAULT_PROJECT), message.name) if message.name else None


def job_to_wire(job: Job) -> pps_pb2.Job:
    """The job's message."""
    return pps_pb2.Job(pipeline=pipeline_to_wire(job.pipeline), id=job.id)


def job_from_wire(message: pps_pb2.Job) -> Job | None:
    """The job; None where the message names no pipeline or no id."""
    pipeline = pipeline_from_wire(message.pipeline)
    return Job(pipeline, message.id) if pipeline is not None and message.id else None


def document_from_wire(message: pps_pb2.CreatePipelineRequest | pps_pb2.Input) -> Document:
    """What a specification, or an input, says as a document; `Invalid` with times that no calendar holds."""
    try:
        document: Document = json_format.MessageToDict(message, preserving_proto_field_name=True)
    except (json_format.SerializeToJsonError, ValueError, OverflowError) as error:
        raise Invalid(f"specification cannot be read: {error}", kind="bad-message") from error
    if isinstance(message, pps_pb2.CreatePipelineRequest) and not message.pipeline.project.name:
        document.get("pipeline", {}).pop("project", None)
    return document


def specification_to_wire(document: Document) -> pps_pb2.CreatePipelineRequest:
    """The message that says what the document of a specification says."""
    return _parsed(document, pps_pb2.CreatePipelineRequest())


def input_to_wire(document: Document) -> pps_pb2.Input:
    """The message that says what the document of an input says."""
    return _parsed(document, pps_pb2.Input())


def _parsed(document: Document, message: _Message) -> _Message:
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        raise Invalid(f"specification cannot be told: {error}", kind="bad-spec") from error
    return message


def pipeline_info_to_wire(info: PipelineInfo, *, details: bool) -> pps_pb2.PipelineInfo:
    """The pipeline info's message; what its specification says is in `details`."""
    told = specification_to_wire(json.loads(info.effective))
    message = pps_pb2.PipelineInfo(
        pipeline=pipeline_to_wire(info.pipeline),
        version=info.version,
        spec_commit=None if info.spec_commit is None else commit_to_wire(info.spec_commit),
        stopped=info.stopped,
        state=pps_pb2.PipelineState.ValueType(info.state),
        reason=info.reason,
        last_job_state=pps_pb2.JobState.ValueType(info.last_job),
        parallelism=told.parallelism_spec.constant or 1,
        type=pps_pb2.PipelineInfo.PipelineType.ValueType(info.type),
        user_spec_json=info.told,
        effective_spec_json=info.effective,
        metadata=dict(info.metadata),
    )
    if details:
        _copy_shared(told, message.details)
        message.details.MergeFrom(
            pps_pb2.PipelineInfo.Details(
                created_at=time_to_wire(info.created),
                updated_at=time_to_wire(info.updated),
                salt=info.salt,
                reason=info.reason,
            )
        )
    return message


def job_info_to_wire(info: JobInfo, *, details: bool) -> pps_pb2.JobInfo:
    """The job info's message; `details` hold its pipeline's specification, whose inputs are of the job's commits."""
    message = pps_pb2.JobInfo(
        job=job_to_wire(info.job),
        pipeline_version=info.version,
        output_commit=None if info.output is None else commit_to_wire(info.output),
        restart=info.restart,
        data_processed=info.processed,
        data_skipped=info.skipped,
        data_total=info.total,
        data_failed=info.failed,
        data_recovered=info.recovered,
        stats=stats_to_wire(info.stats),
        state=pps_pb2.JobState.ValueType(info.state),
        reason=info.reason,
        created=time_to_wire(info.created),
        started=time_to_wire(info.started),
        finished=time_to_wire(info.finished),
    )
    if details:
        _copy_shared(specification_to_wire(json.loads(info.effective)), message.details)
        message.details.salt = info.salt
        _pin(message.details.input, info.job.id)
    return message


def stats_to_wire(stats: Stats) -> pps_pb2.ProcessStats:
    """The message of what datums took."""
    return pps_pb2.ProcessStats(
        download_time=_duration(stats.download_time),
        process_time=_duration(stats.process_time),
        upload_time=_duration(stats.upload_time),
        download_bytes=stats.download_bytes,
        upload_bytes=stats.upload_bytes,
    )


def _duration(seconds: float) -> Duration:
    message = Duration()
    message.FromMicroseconds(round(seconds * 1_000_000))
    return message


def stats_from_wire(message: pps_pb2.ProcessStats) -> Stats:
    """What datums took."""
    times = (message.download_time, message.process_time, message.upload_time)
    download, process, upload = (each.seconds + each.nanos / 1e9 for each in times)
    return Stats(download, process, upload, message.download_bytes, message.upload_bytes)


def secret_info_to_wire(info: SecretInfo) -> pps_pb2.SecretInfo:
    """The secret info's message."""
    return pps_pb2.SecretInfo(
        secret=pps_pb2.Secret(name=info.name), type=info.type, creation_timestamp=time_to_wire(info.created)
    )


def _copy_shared(told: pps_pb2.CreatePipelineRequest, details: _Details) -> None:
    """Give the details those fields that the specification has by the same name."""
    wanted = details.DESCRIPTOR.fields_by_name
    shared = {field.name: value for field, value in told.ListFields() if field.name in wanted}
    details.MergeFrom(type(details)(**shared))


def _pin(message: pps_pb2.Input, id: str) -> None:
    """Let the input say of which commits it is."""
    if message.HasField("pfs"):
        message.pfs.commit = id
    if message.HasField("cron"):
        message.cron.commit = id
    for below in (message.join, message.group, message.cross, message.union):
        for each in below:
            _pin(each, id)
