"""Nouns of pipelines to messages and back, and specifications as the documents that they are read from and told as."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf import json_format

from howdah.documents import Document
from howdah.errors import Invalid
from howdah.names import DEFAULT_PROJECT, Job, Pipeline, Project
from howdah.wire.gen import pfs_pb2, pps_pb2

_Message = TypeVar("_Message", pps_pb2.CreatePipelineRequest, pps_pb2.Input)


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
