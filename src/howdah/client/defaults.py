"""Verbs on defaults, which lie under the specifications of pipelines: those of a project, or, of None, the cluster."""

from __future__ import annotations

from howdah.client.channel import Connection
from howdah.names import Pipeline, Project
from howdah.wire import pfs, pps
from howdah.wire.gen import pps_pb2


def inspect(conn: Connection, project: Project | None) -> str:
    """The defaults as JSON; `{}` where there are none."""
    if project is None:
        return conn.call(conn.pps.GetClusterDefaults, pps_pb2.GetClusterDefaultsRequest()).cluster_defaults_json or "{}"
    request = pps_pb2.GetProjectDefaultsRequest(project=pfs.project_to_wire(project))
    return conn.call(conn.pps.GetProjectDefaults, request).project_defaults_json or "{}"


def write(  # noqa: PLR0913 -- one keyword for each option of the API
    conn: Connection,
    project: Project | None,
    text: str,
    *,
    regenerate: bool = False,
    reprocess: bool = False,
    dry_run: bool = False,
) -> tuple[Pipeline, ...]:
    """Set the defaults, in JSON; the pipelines that are updated by that, which are those that they change.

    Without `regenerate` none is. With `reprocess` the updated ones work on all datums anew; with `dry_run`, it is only
    told what would be.
    """
    if project is None:
        cluster = pps_pb2.SetClusterDefaultsRequest(
            cluster_defaults_json=text, regenerate=regenerate, reprocess=reprocess, dry_run=dry_run
        )
        affected = conn.call(conn.pps.SetClusterDefaults, cluster, patient=True).affected_pipelines
    else:
        request = pps_pb2.SetProjectDefaultsRequest(
            project=pfs.project_to_wire(project),
            project_defaults_json=text,
            regenerate=regenerate,
            reprocess=reprocess,
            dry_run=dry_run,
        )
        affected = conn.call(conn.pps.SetProjectDefaults, request, patient=True).affected_pipelines
    return tuple(each for each in map(pps.pipeline_from_wire, affected) if each is not None)
