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
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from howdah.errors import HowdahError, Invalid, Unsupported
from howdah.wire import bulk
from howdah.wire.status import to_status

_log = logging.getLogger(__name__)

# What is kept of a request is told again, often with much else in one message, which clients take only up to a size.
_MOST = 1 << 20
_LARGE = {"howdah.bulk.API.ModifyOnce", "transaction_v2.API.BatchTransaction"}  # many things at once
# What is not read into its class's objects alone.
_READERS: dict[str, Callable[[bytes], Any]] = {"howdah.bulk.API.Modify": bulk.received}

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
    sound = _each_sound if method.client_streaming else _sound
    if inspect.isasyncgenfunction(answer):
        behaviour: Any = _streaming(method.full_name, answer, sound)
    else:
        behaviour = _single(method.full_name, answer, sound)
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
    handler: grpc.RpcMethodHandler[Any, Any] = make(
        behaviour,
        request_deserializer=_reader(method),
        response_serializer=_writer(method),
    )
    return handler


def _reader(method: MethodDescriptor) -> Callable[[bytes], Any]:
    """What reads a call's messages. What cannot be read becomes an error that is raised where it can be answered."""
    read = _READERS.get(method.full_name) or GetMessageClass(method.input_type).FromString
    most = None if method.client_streaming or method.full_name in _LARGE else _MOST

    def message(data: bytes) -> Any:
        if most is not None and len(data) > most:
            return Invalid(f"message to {method.full_name} invalid: it is longer than {most} bytes", kind="too-large")
        try:
            return read(data)
        except DecodeError:
            kind = method.input_type.full_name
            return Invalid(f"message to {method.full_name} invalid: its bytes are no {kind}", kind="bad-message")

    return message


def _writer(method: MethodDescriptor) -> Callable[[Message | bytes], bytes]:
    """What writes a call's answers, but for those that come written, from a thread."""
    write = GetMessageClass(method.output_type).SerializeToString
    return lambda message: message if isinstance(message, bytes) else write(message)


def _sound(request: Message | Invalid) -> Message:
    if isinstance(request, Invalid):
        raise request
    return request


async def _each_sound(requests: AsyncIterator[Message | Invalid]) -> AsyncIterator[Message]:
    async for request in requests:
        yield _sound(request)


def _single(
    name: str, answer: Callable[..., Awaitable[Any]], sound: Callable[[Any], Any]
) -> Callable[[Any, Context], Awaitable[Any]]:
    async def call(request: Any, context: Context) -> Any:
        try:
            return await answer(sound(request), context)
        except (HowdahError, Exception) as error:  # noqa: BLE001 -- the edge: whatever it is becomes a status
            await _refuse(name, context, error)

    return call


def _streaming(
    name: str, answer: Callable[..., AsyncIterator[Any]], sound: Callable[[Any], Any]
) -> Callable[[Any, Context], AsyncIterator[Any]]:
    async def call(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for message in answer(sound(request), context):
                yield message
        except (HowdahError, Exception) as error:  # noqa: BLE001 -- the edge: whatever it is becomes a status
            await _refuse(name, context, error)

    return call


async def _refuse(name: str, context: Context, error: Exception) -> NoReturn:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, NotImplementedError):  # by servicers that are not ours
        error = Unsupported(f"call {name} is not offered by this server")
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
