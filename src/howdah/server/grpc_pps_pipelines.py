"""pps_v2.API: pipelines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from howdah import documents
from howdah.documents import Document
from howdah.errors import Invalid
from howdah.names import Pipeline
from howdah.pfs import clock, repos
from howdah.pps import crons, effective, jsonnet, pipelines, telling
from howdah.server import filters, queueable
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pfs as nouns
from howdah.wire import pickers
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2


class PipelineCalls(Calls):
    """Answers for pipelines; each call is one transaction."""

    async def CreatePipeline(self, request: pps_pb2.CreatePipelineRequest, context: Context) -> Empty:
        await self._create(wire.document_from_wire(request), pps_pb2.CreatePipelineV2Request(), context)
        return Empty()

    async def CreatePipelineV2(
        self, request: pps_pb2.CreatePipelineV2Request, context: Context
    ) -> pps_pb2.CreatePipelineV2Response:
        return await self._create(documents.parse_one(request.create_pipeline_request_json), request, context)

    async def _create(
        self, document: Document, asked: pps_pb2.CreatePipelineV2Request, context: Context
    ) -> pps_pb2.CreatePipelineV2Response:
        """What a specification becomes; what may be asked beside it may also be in it."""
        told = effective.read(document)
        if asked.dry_run or told.dry_run:
            now = clock.moment(self._store.now())
            spec = await self._look(lambda tx: pipelines.plan(tx, document, now))
            text = json.dumps(effective.write(spec))
            return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=text)
        message = wire.specification_to_wire(effective.write(told))
        message.update |= asked.update
        message.reprocess |= asked.reprocess
        text = asked.create_pipeline_request_json
        held = pps_pb2.CreatePipelineTransaction(
            create_pipeline_request=message, user_json=text if _is_json(text) else json.dumps(document)
        )
        return await self._queueable(queueable.create_pipeline, held, context)

    async def InspectPipeline(self, request: pps_pb2.InspectPipelineRequest, _: Context) -> pps_pb2.PipelineInfo:
        named = _named(request.pipeline)
        info = await self._look(lambda tx: telling.pipeline(tx, named))
        return wire.pipeline_info_to_wire(info, details=request.details)

    async def ListPipeline(
        self, request: pps_pb2.ListPipelineRequest, _: Context
    ) -> AsyncIterator[pps_pb2.PipelineInfo]:
        passes = filters.matching(request.jq_filter)
        infos = await self._look(
            lambda tx: telling.pipelines(
                tx,
                named=wire.pipeline_from_wire(request.pipeline),
                chosen=[*map(nouns.project_from_wire, request.projects)],
                history=request.history,
                commit_set=request.commit_set.id,
            )
        )
        # With details, as Pachyderm does, whether or not they are asked for.
        found = [*filter(passes, (wire.pipeline_info_to_wire(info, details=True) for info in infos))]
        for message in repos.page(found, request.page.page_size, request.page.page_index):
            yield message

    async def DeletePipeline(self, request: pps_pb2.DeletePipelineRequest, _: Context) -> Empty:
        if request.all:
            await self._step(
                lambda made: pipelines.delete_all(made, self._store, force=request.force, keep_repo=request.keep_repo)
            )
            return Empty()
        named = _named(request.pipeline)
        await self._step(
            lambda made: pipelines.delete(
                made,
                self._store,
                named,
                force=request.force,
                keep_repo=request.keep_repo,
                must_exist=request.must_exist,
            )
        )
        return Empty()

    async def DeletePipelines(
        self, request: pps_pb2.DeletePipelinesRequest, _: Context
    ) -> pps_pb2.DeletePipelinesResponse:
        if not request.all and not request.projects:
            raise Invalid("projects must be specified, or all", kind="not-specified")
        chosen = None if request.all else [*map(nouns.project_from_wire, request.projects)]
        gone = await self._step(
            lambda made: pipelines.delete_all(
                made, self._store, chosen, force=request.force, keep_repo=request.keep_repo
            )
        )
        return pps_pb2.DeletePipelinesResponse(pipelines=map(wire.pipeline_to_wire, gone))

    async def StartPipeline(self, request: pps_pb2.StartPipelineRequest, _: Context) -> Empty:
        named = _named(request.pipeline)
        await self._step(lambda made: pipelines.start(made, self._store, named))
        return Empty()

    async def StopPipeline(self, request: pps_pb2.StopPipelineRequest, _: Context) -> Empty:
        named = _named(request.pipeline)
        await self._step(lambda made: pipelines.stop(made, self._store, named, must_exist=request.must_exist))
        return Empty()

    async def RerunPipeline(self, request: pps_pb2.RerunPipelineRequest, _: Context) -> Empty:
        named = _named(request.pipeline)
        await self._step(lambda made: pipelines.rerun(made, self._store, named, reprocess=request.reprocess))
        return Empty()

    async def RunCron(self, request: pps_pb2.RunCronRequest, _: Context) -> Empty:
        await self._bridge.run(crons.run, self._store, _named(request.pipeline))
        return Empty()

    async def RenderTemplate(
        self, request: pps_pb2.RenderTemplateRequest, _: Context
    ) -> pps_pb2.RenderTemplateResponse:
        text = await self._bridge.run_patiently(jsonnet.render, request.template, dict(request.args))
        specs = [effective.write(effective.read(document)) for document in documents.parse(text)]
        return pps_pb2.RenderTemplateResponse(json=text, specs=map(wire.specification_to_wire, specs))

    async def CheckStatus(
        self, request: pps_pb2.CheckStatusRequest, _: Context
    ) -> AsyncIterator[pps_pb2.CheckStatusResponse]:
        if request.WhichOneof("context") is None:
            raise Invalid("project must be specified, or all", kind="not-specified")
        chosen = [] if request.all else [nouns.project_from_wire(request.project)]
        for info in await self._look(lambda tx: telling.pipelines(tx, chosen=chosen)):
            alerts = telling.alerts(info)
            if alerts:
                yield pps_pb2.CheckStatusResponse(
                    project=nouns.project_to_wire(info.pipeline.project),
                    pipeline=wire.pipeline_to_wire(info.pipeline),
                    alerts=alerts,
                )

    async def PipelinesSummary(
        self, request: pps_pb2.PipelinesSummaryRequest, _: Context
    ) -> pps_pb2.PipelinesSummaryResponse:
        chosen = [*map(pickers.project_from_wire, request.projects)]
        found = await self._look(lambda tx: [telling.summary(tx, project) for project in chosen])
        summaries = [
            pps_pb2.PipelinesSummary(
                project=nouns.project_to_wire(each.project),
                active_pipelines=each.active,
                paused_pipelines=each.paused,
                failed_pipelines=each.failed,
                unhealthy_pipelines=each.unhealthy,
            )
            for each in found
        ]
        return pps_pb2.PipelinesSummaryResponse(summaries=summaries)


def _named(message: pps_pb2.Pipeline) -> Pipeline:
    return need(wire.pipeline_from_wire(message), "pipeline")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
