"""pfs_v2.API: the cache of workers."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from howdah.pfs import cache
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.wire.gen import pfs_pb2


class CacheCalls(Calls):
    """Answers for what workers keep. What a value means is theirs to know."""

    async def PutCache(self, request: pfs_pb2.PutCacheRequest, _: Context) -> Empty:
        value, filesets = request.value.SerializeToString(), list(request.file_set_ids)
        await self._step(
            lambda made: cache.put(made.tx, request.key, value, tag=request.tag, filesets=filesets, now=made.now)
        )
        return Empty()

    async def GetCache(self, request: pfs_pb2.GetCacheRequest, _: Context) -> pfs_pb2.GetCacheResponse:
        value = await self._look(lambda tx: cache.get(tx, request.key))
        return pfs_pb2.GetCacheResponse(value=Any.FromString(value))

    async def ClearCache(self, request: pfs_pb2.ClearCacheRequest, _: Context) -> Empty:
        await self._step(lambda made: cache.clear(made.tx, request.tag_prefix))
        return Empty()
