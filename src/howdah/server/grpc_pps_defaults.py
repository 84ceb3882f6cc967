"""pps_v2.API: what the cluster and its projects put under the specifications of pipelines."""

from __future__ import annotations

from howdah.names import Pipeline, Project
from howdah.pfs.steps import Step
from howdah.pps import defaults, pipelines
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.wire import pfs as nouns
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2


class _Tried(Exception):  # noqa: N818 -- no error: it undoes what was done for trial
    """Carries the pipelines out of a step that is to leave no trace."""

    def __init__(self, affected: tuple[Pipeline, ...]) -> None:
        super().__init__()
        self.affected = affected


class DefaultCalls(Calls):
    """Answers for defaults; pipelines that they change are updated in the same transaction."""

    async def GetClusterDefaults(
        self, _: pps_pb2.GetClusterDefaultsRequest, __: Context
    ) -> pps_pb2.GetClusterDefaultsResponse:
        return pps_pb2.GetClusterDefaultsResponse(cluster_defaults_json=await self._look(defaults.of_cluster))

    async def SetClusterDefaults(
        self, request: pps_pb2.SetClusterDefaultsRequest, _: Context
    ) -> pps_pb2.SetClusterDefaultsResponse:
        affected = await self._set(None, request.cluster_defaults_json, request)
        return pps_pb2.SetClusterDefaultsResponse(affected_pipelines=map(wire.pipeline_to_wire, affected))

    async def GetProjectDefaults(
        self, request: pps_pb2.GetProjectDefaultsRequest, _: Context
    ) -> pps_pb2.GetProjectDefaultsResponse:
        project = nouns.project_from_wire(request.project)
        told = await self._look(lambda tx: defaults.of_project(tx, project))
        return pps_pb2.GetProjectDefaultsResponse(project_defaults_json=told)

    async def SetProjectDefaults(
        self, request: pps_pb2.SetProjectDefaultsRequest, _: Context
    ) -> pps_pb2.SetProjectDefaultsResponse:
        project = nouns.project_from_wire(request.project)
        affected = await self._set(project, request.project_defaults_json, request)
        return pps_pb2.SetProjectDefaultsResponse(affected_pipelines=map(wire.pipeline_to_wire, affected))

    async def _set(
        self,
        project: Project | None,
        text: str,
        request: pps_pb2.SetClusterDefaultsRequest | pps_pb2.SetProjectDefaultsRequest,
    ) -> tuple[Pipeline, ...]:
        """Set defaults, or only try; returns which pipelines are updated, or would be."""

        def verb(made: Step) -> tuple[Pipeline, ...]:
            defaults.write(made.tx, project, text)
            affected: tuple[Pipeline, ...] = ()
            if request.regenerate:
                affected = pipelines.regenerate(
                    made, self._store, project, reprocess=request.reprocess, dry_run=request.dry_run
                )
            if request.dry_run:
                raise _Tried(affected)
            return affected

        try:
            return await self._step(verb)
        except _Tried as tried:
            return tried.affected
