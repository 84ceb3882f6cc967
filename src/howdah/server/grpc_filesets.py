"""pfs_v2.API: filesets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from google.protobuf.empty_pb2 import Empty

from howdah.pfs import filesets
from howdah.server.grpc_files import FileCalls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2


class FilesetCalls(FileCalls):
    """Answers for filesets, and for files in commits and filesets."""

    async def CreateFileSet(
        self, requests: AsyncIterator[pfs_pb2.ModifyFileRequest], context: Context
    ) -> pfs_pb2.CreateFileSetResponse:
        begin = partial(filesets.Session, self._store)
        id = await self._written(begin, filesets.Session.close, requests, context)
        return pfs_pb2.CreateFileSetResponse(file_set_id=id)

    async def GetFileSet(self, request: pfs_pb2.GetFileSetRequest, _: Context) -> pfs_pb2.CreateFileSetResponse:
        commit = need(wire.commit_from_wire(request.commit), "commit")
        is_change = request.type == pfs_pb2.GetFileSetRequest.DIFF
        verb = filesets.of_changes if is_change else filesets.of_commit
        return pfs_pb2.CreateFileSetResponse(file_set_id=await self._bridge.run(verb, self._store, commit))

    async def AddFileSet(self, request: pfs_pb2.AddFileSetRequest, _: Context) -> Empty:
        commit = need(wire.commit_from_wire(request.commit), "commit")
        await self._bridge.run(filesets.add, self._store, request.file_set_id, commit)
        return Empty()

    async def ComposeFileSet(self, request: pfs_pb2.ComposeFileSetRequest, _: Context) -> pfs_pb2.CreateFileSetResponse:
        id = await self._bridge.run(
            filesets.compose, self._store, list(request.file_set_ids), seconds=request.ttl_seconds
        )
        return pfs_pb2.CreateFileSetResponse(file_set_id=id)

    async def RenewFileSet(self, request: pfs_pb2.RenewFileSetRequest, _: Context) -> Empty:
        await self._step(
            lambda made: filesets.renew(made.tx, request.file_set_id, now=made.now, seconds=request.ttl_seconds)
        )
        return Empty()

    async def ShardFileSet(self, request: pfs_pb2.ShardFileSetRequest, _: Context) -> pfs_pb2.ShardFileSetResponse:
        def shards() -> list[pfs_pb2.PathRange]:
            found = filesets.shard(self._store, request.file_set_id, number=request.num_files, size=request.size_bytes)
            return [pfs_pb2.PathRange(lower=lower, upper=upper) for lower, upper in found]

        return pfs_pb2.ShardFileSetResponse(shards=await self._bridge.run(shards))
