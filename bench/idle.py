"""A gRPC server that takes writes and does nothing with them: what the transport alone costs, for `bench.sdk`.

`python -m bench.idle` prints its port, and runs until it is ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from google.protobuf.empty_pb2 import Empty

from howdah.server.methods import Context, handlers
from howdah.wire.gen import pfs_pb2


class Nothing:
    """Answers ModifyFile alone."""

    async def ModifyFile(self, requests: AsyncIterator[pfs_pb2.ModifyFileRequest], _: Context) -> Empty:
        async for _request in requests:
            pass
        return Empty()


async def serve() -> None:
    """Until the process is ended."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers(pfs_pb2.DESCRIPTOR.services_by_name["API"], Nothing()),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
