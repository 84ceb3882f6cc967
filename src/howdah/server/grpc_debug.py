"""debug_v2.Debug: what a server tells about itself to who looks for a fault; see `dumps`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.server import dumps
from howdah.server.bridge import Bridge
from howdah.server.methods import Context
from howdah.server.recent import RecentLines
from howdah.store.store import Store
from howdah.wire.gen import debug_pb2

_MESSAGE = 4 << 20
_TASK = "howdah"


class DebugCalls:
    """Answers with archives; what a request leaves out or filters makes no difference, since they are small."""

    def __init__(self, store: Store, bridge: Bridge, log: RecentLines) -> None:
        self._store = store
        self._bridge = bridge
        self._log = log

    async def Profile(self, _: debug_pb2.ProfileRequest, __: Context) -> AsyncIterator[BytesValue]:
        yield BytesValue(value=dumps.pack({"threads.txt": dumps.threads()}))

    async def Binary(self, _: debug_pb2.BinaryRequest, __: Context) -> AsyncIterator[BytesValue]:
        yield BytesValue(value=dumps.pack({"version.txt": dumps.versions()}))

    async def Dump(self, _: debug_pb2.DumpRequest, __: Context) -> AsyncIterator[BytesValue]:
        for part in await self._parts():
            yield BytesValue(value=part)

    async def GetDumpV2Template(
        self, _: debug_pb2.GetDumpV2TemplateRequest, __: Context
    ) -> debug_pb2.GetDumpV2TemplateResponse:
        system = debug_pb2.System(database=True, version=True, logs=[debug_pb2.App(name=_TASK)])
        request = debug_pb2.DumpV2Request(system=system, timeout=Duration(seconds=60))
        return debug_pb2.GetDumpV2TemplateResponse(request=request)

    async def DumpV2(self, _: debug_pb2.DumpV2Request, __: Context) -> AsyncIterator[debug_pb2.DumpChunk]:
        parts = await self._parts()
        yield debug_pb2.DumpChunk(progress=debug_pb2.DumpProgress(task=_TASK, total=1, progress=1))
        for part in parts:
            yield debug_pb2.DumpChunk(content=debug_pb2.DumpContent(content=part))

    async def _parts(self) -> list[bytes]:
        data = await self._bridge.run(dumps.whole, self._store, self._log.text())
        return [data[at : at + _MESSAGE] for at in range(0, len(data), _MESSAGE)]
