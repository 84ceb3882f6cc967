"""Verbs on pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from howdah.client.channel import Connection
from howdah.infos import PipelineInfo
from howdah.names import Pipeline, Project
from howdah.wire import pfs, pps
from howdah.wire.gen import pfs_pb2, pps_pb2


def create(
    conn: Connection, specification: str, *, update: bool = False, reprocess: bool = False, dry_run: bool = False
) -> str:
    """Create a pipeline by a specification in JSON; returns it with all defaults, as JSON.

    With `update` one of its name gets it as its next version, which with `reprocess` works on all datums anew. With
    `dry_run` it is only checked.
    """
    request = pps_pb2.CreatePipelineV2Request(
        create_pipeline_request_json=specification, update=update, reprocess=reprocess, dry_run=dry_run
    )
    return conn.call(conn.pps.CreatePipelineV2, request).effective_create_pipeline_request_json


def render(conn: Connection, template: str, arguments: Mapping[str, str]) -> str:
    """The JSON that a template in jsonnet, a function, makes of arguments; it may hold several specifications."""
    request = pps_pb2.RenderTemplateRequest(template=template, args=arguments)
    return conn.call(conn.pps.RenderTemplate, request, patient=True).json


def inspect(conn: Connection, pipeline: Pipeline) -> PipelineInfo:
    """The pipeline, or with the name `NAME^2` its second version before the present one; raises `NotFound`."""
    request = pps_pb2.InspectPipelineRequest(pipeline=pps.pipeline_to_wire(pipeline), details=True)
    return pps.pipeline_info_from_wire(conn.call(conn.pps.InspectPipeline, request))


def list(
    conn: Connection,
    *,
    pipeline: Pipeline | None = None,
    projects: Sequence[Project] = (),
    history: int = 0,
    commit_set: str = "",
) -> Iterator[PipelineInfo]:
    """Pipelines, the newest first: that one, or those of the projects, or of all where none is told.

    `history` is how many versions before the present one are told too, all if it is negative. With `commit_set`, it is
    the versions that made its commits.
    """
    request = pps_pb2.ListPipelineRequest(
        pipeline=None if pipeline is None else pps.pipeline_to_wire(pipeline),
        projects=map(pfs.project_to_wire, projects),
        history=history,
        commit_set=pfs_pb2.CommitSet(id=commit_set) if commit_set else None,
        details=True,
    )
    yield from map(pps.pipeline_info_from_wire, conn.stream(conn.pps.ListPipeline, request))


def start(conn: Connection, pipeline: Pipeline) -> None:
    """Let a stopped pipeline follow its inputs again, with a job for where they are now; raises `NotFound`."""
    conn.call(conn.pps.StartPipeline, pps_pb2.StartPipelineRequest(pipeline=pps.pipeline_to_wire(pipeline)))


def stop(conn: Connection, pipeline: Pipeline) -> None:
    """End the pipeline's jobs, and let it follow its inputs no longer until it is started; raises `NotFound`."""
    request = pps_pb2.StopPipelineRequest(pipeline=pps.pipeline_to_wire(pipeline), must_exist=True)
    conn.call(conn.pps.StopPipeline, request)


def rerun(conn: Connection, pipeline: Pipeline, *, reprocess: bool = False) -> None:
    """Have the pipeline work again as it is told; with `reprocess`, on all datums anew."""
    request = pps_pb2.RerunPipelineRequest(pipeline=pps.pipeline_to_wire(pipeline), reprocess=reprocess)
    conn.call(conn.pps.RerunPipeline, request)


def run_cron(conn: Connection, pipeline: Pipeline) -> None:
    """Let it be time for the schedules of the pipeline now."""
    conn.call(conn.pps.RunCron, pps_pb2.RunCronRequest(pipeline=pps.pipeline_to_wire(pipeline)))


def delete(conn: Connection, pipeline: Pipeline, *, force: bool = False, keep_repo: bool = False) -> None:
    """Delete the pipeline with its jobs and repos; raises `NotFound`.

    One that others follow only with `force`; with `keep_repo` its output stays.
    """
    request = pps_pb2.DeletePipelineRequest(
        pipeline=pps.pipeline_to_wire(pipeline), force=force, keep_repo=keep_repo, must_exist=True
    )
    conn.call(conn.pps.DeletePipeline, request)


def delete_all(
    conn: Connection, project: Project | None = None, *, force: bool = False, keep_repo: bool = False
) -> tuple[Pipeline, ...]:
    """Delete all pipelines, of one project or of all; which they were."""
    request = pps_pb2.DeletePipelinesRequest(
        projects=[] if project is None else [pfs.project_to_wire(project)],
        all=project is None,
        force=force,
        keep_repo=keep_repo,
    )
    gone = map(pps.pipeline_from_wire, conn.call(conn.pps.DeletePipelines, request).pipelines)
    return tuple(each for each in gone if each is not None)
