"""Doors to a store: one that lets a service's calls not through, one at which streams break, one that counts bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

_LIMIT = 21 << 20
_OPTIONS = (("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT))


class _Forward(grpc.GenericRpcHandler):
    """Hands each call on, message by message, and its end as it came."""

    def __init__(self, channel: grpc.Channel, without: str, breaks: Sequence[str], sent: list[int]) -> None:
        self._channel = channel
        self._sent = sent
        self._without = f"/{without}/"
        self._breaks = [*breaks]

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        if method.startswith(self._without):
            return None  # answered with UNIMPLEMENTED

        def answer(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            forward: Any = self._channel.stream_stream(method)
            call = forward(self._counted(requests), metadata=context.invocation_metadata())
            if not context.add_callback(call.cancel):
                call.cancel()
            try:
                for number, message in enumerate(call):
                    if number and method in self._breaks:
                        self._breaks.remove(method)
                        call.cancel()
                        context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
                    yield message
            except grpc.RpcError:
                context.set_trailing_metadata(call.trailing_metadata())
                context.abort(call.code(), call.details())

        behaviour: Any = answer
        return grpc.stream_stream_rpc_method_handler(behaviour)

    def _counted(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        for request in requests:
            self._sent.append(len(request))
            yield request


@contextmanager
def door(
    address: str, *, without: str = "", breaks: Sequence[str] = (), sent: list[int] | None = None
) -> Iterator[str]:
    """The address of a server that forwards all but the service `without` to the store at `address`.

    The streams of the methods in `breaks` end once behind their first message, as when a connection breaks. The bytes
    of each message to the store are told to `sent`.
    """
    sent = [] if sent is None else sent
    with grpc.insecure_channel(address.removeprefix("grpc://"), options=_OPTIONS) as channel:
        server = grpc.server(
            ThreadPoolExecutor(16), handlers=[_Forward(channel, without, breaks, sent)], options=_OPTIONS
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"grpc://127.0.0.1:{port}"
        finally:
            stopped: threading.Event = server.stop(None)
            stopped.wait(60)
