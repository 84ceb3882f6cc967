"""Puts servicers on the wire: method by method, so that what is missing is told by name.

A servicer is an object with an async method, or async generator, for each RPC that it answers, named as the RPC.
Errors of the core become statuses here, and nowhere else.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar, NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from howdah.errors import HowdahError
from howdah.wire.status import to_status

_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


def handlers(service: ServiceDescriptor, servicer: object) -> grpc.GenericRpcHandler:
    """The handlers of those RPCs of `service` that `servicer` has a method for."""
    answered = {
        method.name: _handler(method, getattr(servicer, method.name))
        for method in service.methods
        if hasattr(servicer, method.name)
    }
    return grpc.method_handlers_generic_handler(service.full_name, answered)


def _handler(method: MethodDescriptor, answer: Callable[..., Any]) -> grpc.RpcMethodHandler[Any, Any]:
    if inspect.isasyncgenfunction(answer):
        behaviour: Any = _streaming(method.full_name, answer)
    else:
        behaviour = _single(method.full_name, answer)
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
    handler: grpc.RpcMethodHandler[Any, Any] = make(
        behaviour,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )
    return handler


def _single(name: str, answer: Callable[..., Awaitable[Any]]) -> Callable[[Any, Context], Awaitable[Any]]:
    async def call(request: Any, context: Context) -> Any:
        try:
            return await answer(request, context)
        except (HowdahError, Exception) as error:  # noqa: BLE001 -- the edge: whatever it is becomes a status
            await _refuse(name, context, error)

    return call


def _streaming(name: str, answer: Callable[..., AsyncIterator[Any]]) -> Callable[[Any, Context], AsyncIterator[Any]]:
    async def call(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for message in answer(request, context):
                yield message
        except (HowdahError, Exception) as error:  # noqa: BLE001 -- the edge: whatever it is becomes a status
            await _refuse(name, context, error)

    return call


async def _refuse(name: str, context: Context, error: Exception) -> NoReturn:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if not isinstance(error, HowdahError):
        _log.exception("call %s failed", name, exc_info=error)
        error = HowdahError(f"call {name} failed inside the store ({type(error).__name__}): see the store's log")
    status = to_status(error)
    await context.abort(status.code, status.details, status.metadata)


class Unanswered(grpc.GenericRpcHandler):
    """Answers every call that no other handler takes: by name, that it is not offered."""

    _TEXTS: ClassVar[dict[str, str]] = {"auth_v2.API": "the auth service is not activated"}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """See grpc.GenericRpcHandler."""
        called = handler_call_details.method.lstrip("/").replace("/", ".")
        text = self._TEXTS.get(called.rpartition(".")[0], f"call {called} is not offered by this server")

        async def refuse(_: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
            yield b""  # never reached; makes this a generator, as a stream's behaviour must be

        behaviour: Any = refuse
        return grpc.stream_stream_rpc_method_handler(behaviour)
