"""The standard service for probes, whose watches end when the server stops instead of keeping it."""

from __future__ import annotations

import asyncio

from grpc_health.v1.health import aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from howdah.server.methods import Context


class Health(aio.HealthServicer):  # type: ignore[misc]  # it comes without types
    """Tells how each service is, as gRPC's own does; `stop` tells all watchers that none serves any more."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped = asyncio.Event()

    async def Watch(self, request: HealthCheckRequest, context: Context) -> None:
        """See gRPC's health checking."""
        heard = _Heard(context)
        watching = asyncio.ensure_future(super().Watch(request, heard))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((watching, stopped), return_when=asyncio.FIRST_COMPLETED)
            while heard.told == HealthCheckResponse.SERVING and not watching.done():
                await heard.next()  # that none serves is told by the watch itself: two writes at once would be an error
        finally:
            watching.cancel()
            stopped.cancel()

    async def stop(self) -> None:
        """Let every watch end."""
        await self.enter_graceful_shutdown()
        self._stopped.set()


class _Heard:
    """What a watch writes to, which knows what was told last."""

    def __init__(self, context: Context) -> None:
        self.told: int | None = None
        self._context = context
        self._written = asyncio.Event()

    async def write(self, message: HealthCheckResponse) -> None:
        await self._context.write(message)
        self.told = message.status
        self._written.set()

    async def next(self) -> None:
        """Wait until more is told than before the last such wait."""
        await self._written.wait()
        self._written.clear()
