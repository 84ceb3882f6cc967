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
        watching = asyncio.ensure_future(super().Watch(request, context))
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((watching, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            stopped.cancel()
        await context.write(HealthCheckResponse(status=HealthCheckResponse.NOT_SERVING))

    async def stop(self) -> None:
        """Let every watch end."""
        await self.enter_graceful_shutdown()
        self._stopped.set()
