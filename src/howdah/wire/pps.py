"""Nouns of pipelines to messages and back, and specifications as the documents that they are read from and told as."""

from __future__ import annotations

import json
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from howdah.documents import Document
from howdah.errors import Invalid
from howdah.infos import (
    DatumInfo,
    DatumState,
    JobInfo,
    JobSetInfo,
    JobState,
    LogLine,
    PipelineInfo,
    PipelineState,
    PipelineType,
    SecretInfo,
    Stats,
)
from howdah.names import DEFAULT_PROJECT, Job, Pipeline, Project
from howdah.wire.gen import pfs_pb2, pps_pb2
from howdah.wire.pfs import (
    commit_from_wire,
    commit_to_wire,
    file_info_from_wire,
    file_info_to_wire,
    time_from_wire,
    time_to_wire,
)

_Message = TypeVar("_Message", pps_pb2.CreatePipelineRequest, pps_pb2.Input)
_Details = TypeVar("_Details", pps_pb2.PipelineInfo.Details, pps_pb2.JobInfo.Details)
_Noun = TypeVar("_Noun")

_MOST_FILES = 100  # of a datum, with each line of its log


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


def pipeline_info_from_wire(message: pps_pb2.PipelineInfo) -> PipelineInfo:
    """The pipeline info; states that are unknown here read as such. An older server tells its specification by fields.

    Raises `Invalid` where the message names no pipeline.
    """
    details = message.details
    return PipelineInfo(
        pipeline=_named(pipeline_from_wire(message.pipeline), "pipeline"),
        version=message.version,
        type=PipelineType(message.type) if message.type in [*PipelineType] else PipelineType.TRANSFORM,
        spec_commit=commit_from_wire(message.spec_commit),
        state=PipelineState(message.state if message.state in [*PipelineState] else 0),
        reason=message.reason or details.reason,
        stopped=message.stopped,
        last_job=_job_state(message.last_job_state),
        told=message.user_spec_json or "{}",
        effective=message.effective_spec_json or _effective(details),
        salt=details.salt,
        created=time_from_wire(details.created_at) if details.HasField("created_at") else None,
        updated=time_from_wire(details.updated_at) if details.HasField("updated_at") else None,
        metadata=dict(message.metadata),
    )


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


def job_info_from_wire(message: pps_pb2.JobInfo) -> JobInfo:
    """The job info; its specification is what the details tell, `{}` without them. `Invalid` where it names no job."""
    return JobInfo(
        job=_named(job_from_wire(message.job), "job"),
        version=message.pipeline_version,
        output=commit_from_wire(message.output_commit),
        state=_job_state(message.state),
        reason=message.reason,
        restart=message.restart,
        total=message.data_total,
        skipped=message.data_skipped,
        processed=message.data_processed,
        failed=message.data_failed,
        recovered=message.data_recovered,
        stats=stats_from_wire(message.stats),
        created=time_from_wire(message.created) if message.HasField("created") else None,
        started=time_from_wire(message.started) if message.HasField("started") else None,
        finished=time_from_wire(message.finished) if message.HasField("finished") else None,
        effective=_effective(message.details),
        salt=message.details.salt,
    )


def _job_state(number: int) -> JobState:
    return JobState(number if number in [*JobState] else 0)


def job_set_info_to_wire(info: JobSetInfo) -> pps_pb2.JobSetInfo:
    """The job set info's message."""
    jobs = [job_info_to_wire(each, details=each.effective != "{}") for each in info.jobs]
    return pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=info.id), jobs=jobs)


def job_set_info_from_wire(message: pps_pb2.JobSetInfo) -> JobSetInfo:
    """The job set info."""
    return JobSetInfo(message.job_set.id, tuple(map(job_info_from_wire, message.jobs)))


def datum_info_to_wire(info: DatumInfo) -> pps_pb2.DatumInfo:
    """The datum info's message."""
    return pps_pb2.DatumInfo(
        datum=pps_pb2.Datum(id=info.id, job=None if info.job is None else job_to_wire(info.job)),
        state=pps_pb2.DatumState.ValueType(info.state),
        stats=stats_to_wire(info.stats),
        data=map(file_info_to_wire, info.files),
    )


def datum_info_from_wire(message: pps_pb2.DatumInfo) -> DatumInfo:
    """The datum info."""
    return DatumInfo(
        id=message.datum.id,
        job=job_from_wire(message.datum.job),
        state=DatumState(message.state if message.state in [*DatumState] else 0),
        stats=stats_from_wire(message.stats),
        files=tuple(map(file_info_from_wire, message.data)),
    )


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


def log_line_to_wire(line: LogLine) -> pps_pb2.LogMessage:
    """The message of a line of a log; of many files the first ones."""
    return pps_pb2.LogMessage(
        project_name="" if line.pipeline is None else line.pipeline.project.name,
        pipeline_name="" if line.pipeline is None else line.pipeline.name,
        job_id=line.job,
        worker_id=line.worker,
        datum_id=line.datum,
        master=line.master,
        data=[pps_pb2.InputFile(path=path, hash=digest) for path, digest in line.inputs[:_MOST_FILES]],
        user=line.user,
        ts=time_to_wire(line.time),
        message=line.message,
    )


def log_line_from_wire(message: pps_pb2.LogMessage) -> LogLine:
    """The line of a log; one that names no pipeline is of none."""
    return LogLine(
        message.message.rstrip("\n"),
        pipeline_from_wire(
            pps_pb2.Pipeline(project=pfs_pb2.Project(name=message.project_name), name=message.pipeline_name)
        ),
        job=message.job_id,
        datum=message.datum_id,
        worker=message.worker_id,
        master=message.master,
        user=message.user,
        time=time_from_wire(message.ts) if message.HasField("ts") else None,
        inputs=tuple((each.path, each.hash) for each in message.data),
    )


def secret_info_to_wire(info: SecretInfo) -> pps_pb2.SecretInfo:
    """The secret info's message."""
    return pps_pb2.SecretInfo(
        secret=pps_pb2.Secret(name=info.name), type=info.type, creation_timestamp=time_to_wire(info.created)
    )


def secret_info_from_wire(message: pps_pb2.SecretInfo) -> SecretInfo:
    """The secret info."""
    created = time_from_wire(message.creation_timestamp) if message.HasField("creation_timestamp") else None
    return SecretInfo(message.secret.name, message.type, created)


def _effective(details: _Details) -> str:
    """The specification, as JSON, that the details tell."""
    told = pps_pb2.CreatePipelineRequest()
    _copy_shared(details, told)
    told.ClearField("salt")
    return json.dumps(document_from_wire(told))


def _copy_shared(source: Message, target: Message) -> None:
    """Give a message those fields that another one has by the same name."""
    wanted = target.DESCRIPTOR.fields_by_name
    shared = {field.name: value for field, value in source.ListFields() if field.name in wanted}
    target.MergeFrom(type(target)(**shared))


def _named(value: _Noun | None, noun: str) -> _Noun:
    if value is None:
        raise Invalid(f"message names no {noun}", kind="bad-message")
    return value


def _pin(message: pps_pb2.Input, id: str) -> None:
    """Let the input say of which commits it is."""
    if message.HasField("pfs"):
        message.pfs.commit = id
    if message.HasField("cron"):
        message.cron.commit = id
    for below in (message.join, message.group, message.cross, message.union):
        for each in below:
            _pin(each, id)
