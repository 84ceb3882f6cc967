"""Where code that works on one datum after the other asks for the next one: Pachyderm's `NextDatum`, on the loopback.

A call ends the datum before it, with an error or without, and waits until it is answered with the next one's variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType

import grpc

from howdah.wire.gen import worker_pb2

_SERVICE = worker_pb2.DESCRIPTOR.services_by_name["Worker"].full_name
_CALLS = 4  # at once; code has reason for one


class Ask:
    """A call that waits; `error` is what the code says of the datum before."""

    def __init__(self, error: str) -> None:
        self.error = error
        self.future: Future[Sequence[str]] = Future()

    def answer(self, env: Sequence[str]) -> None:
        """Give it the variables of the next datum, as NAME=value."""
        self.future.set_result(env)


class Door:
    """A port of this machine, until the end of the block; who still waits then is sent away.

    `asked` gets each call, from any thread, if it `is_ours`, which is told the ports of the caller and of the door.
    """

    def __init__(self, asked: Callable[[Ask], None], is_ours: Callable[[int, int], bool]) -> None:
        self._answers = _Answers(asked, is_ours)
        self._threads = ThreadPoolExecutor(_CALLS, thread_name_prefix="nextdatum")
        calls = grpc.method_handlers_generic_handler(_SERVICE, {"NextDatum": _of(self._answers)})
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(self._threads, [calls], options=options, maximum_concurrent_rpcs=_CALLS)
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._answers.port = self.port
        self._server.start()

    def __enter__(self) -> Door:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = self._server.stop(None)
        self._answers.close()
        stopped.wait()
        self._threads.shutdown()


def _of(answers: _Answers) -> grpc.RpcMethodHandler[worker_pb2.NextDatumRequest, worker_pb2.NextDatumResponse]:
    return grpc.unary_unary_rpc_method_handler(
        answers.next,
        request_deserializer=worker_pb2.NextDatumRequest.FromString,
        response_serializer=worker_pb2.NextDatumResponse.SerializeToString,
    )


class _Answers:
    def __init__(self, asked: Callable[[Ask], None], is_ours: Callable[[int, int], bool]) -> None:
        self._asked = asked
        self._is_ours = is_ours
        self._waiting: set[Ask] = set()
        self.port = 0
        self._is_over = False

    def next(self, request: worker_pb2.NextDatumRequest, context: grpc.ServicerContext) -> worker_pb2.NextDatumResponse:
        if not self._is_ours(int(context.peer().rpartition(":")[2]), self.port):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "datums here are for the code of one pipeline")
        ask = Ask(request.error)
        self._waiting.add(ask)
        if self._is_over:
            ask.future.cancel()
        self._asked(ask)
        try:
            return worker_pb2.NextDatumResponse(env=ask.future.result())
        except CancelledError:
            context.abort(grpc.StatusCode.CANCELLED, "there is no next datum")
        finally:
            self._waiting.discard(ask)

    def close(self) -> None:
        self._is_over = True
        for ask in [*self._waiting]:
            ask.future.cancel()
