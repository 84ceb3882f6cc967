"""Errors survive the wire by category, kind and text, also through servers that send a code alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from howdah.errors import (
    CATEGORIES,
    AlreadyExists,
    Code,
    Denied,
    HowdahError,
    Invalid,
    NotFound,
    Unavailable,
    Unsupported,
    WrongState,
)
from howdah.wire import status

ADDRESS = "grpc://127.0.0.1:30650"
Code_ = grpc.StatusCode


class Failing(grpc.GenericRpcHandler):
    """A server side on which every call fails with the status that is set."""

    status: status.Status

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Empty, Empty]:
        def fail(_: Empty, context: grpc.ServicerContext) -> Empty:
            context.set_trailing_metadata(self.status.metadata)
            context.abort(self.status.code, self.status.details)

        return grpc.unary_unary_rpc_method_handler(fail, Empty.FromString, Empty.SerializeToString)


class Line:
    """What a client makes of a status that a server sent."""

    def __init__(self, failing: Failing, channel: grpc.Channel) -> None:
        self.failing = failing
        self.call = channel.unary_unary("/x/Y", Empty.SerializeToString, Empty.FromString)

    def sent(self, sent: status.Status) -> HowdahError:
        self.failing.status = sent
        with pytest.raises(grpc.RpcError) as caught:
            self.call(Empty())
        return status.from_rpc(caught.value, ADDRESS)


@pytest.fixture
def line() -> Iterator[Line]:
    failing = Failing()
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[failing])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
        yield Line(failing, channel)
    server.stop(None).wait()


@pytest.mark.parametrize("category", CATEGORIES)
def test_category_kind_and_text_arrive_as_sent(line: Line, category: type[HowdahError]) -> None:
    error = line.sent(status.to_status(category("branch “ü” is gone\nand more: 100%", kind="some-kind")))

    assert type(error) is category
    assert (error.message, error.kind, error.code) == ("branch “ü” is gone\nand more: 100%", "some-kind", category.code)


def test_other_code_than_the_categorys_does_not_change_the_category(line: Line) -> None:
    sent = Invalid("name (a b) invalid", kind="bad-name", code=Code.UNKNOWN)
    error = line.sent(status.to_status(sent))

    assert type(error) is Invalid
    assert (error.kind, error.code) == ("bad-name", Code.UNKNOWN)


@pytest.mark.parametrize(
    ("code", "details", "category"),
    [
        (Code_.NOT_FOUND, "repo default/x not found", NotFound),
        (Code_.ALREADY_EXISTS, "repo default/x already exists", AlreadyExists),
        (Code_.INVALID_ARGUMENT, "x", Invalid),
        (Code_.FAILED_PRECONDITION, "x", WrongState),
        (Code_.UNAUTHENTICATED, "no authentication token (try logging in)", Denied),
        (Code_.PERMISSION_DENIED, "x is not authorized", Denied),
        (Code_.UNIMPLEMENTED, "the auth service is not activated", Unsupported),
        (Code_.DEADLINE_EXCEEDED, "x", Unavailable),
        (Code_.RESOURCE_EXHAUSTED, "x", Unavailable),
        (Code_.INTERNAL, "x", HowdahError),
        (Code_.UNKNOWN, "parent commit x has not been finished", WrongState),
        (Code_.UNKNOWN, "branch x already exists", AlreadyExists),
        (Code_.UNKNOWN, "pipeline x not found", NotFound),
        (Code_.UNKNOWN, "name (a b) invalid: only alphanumeric characters", Invalid),
        (Code_.UNKNOWN, "", WrongState),
    ],
)
def test_bare_code_and_text_give_the_category(
    line: Line, code: grpc.StatusCode, details: str, category: type[HowdahError]
) -> None:
    error = line.sent(status.Status(code, details, ()))

    assert type(error) is category
    assert error.message


def test_unreachable_server_is_named_with_the_remedy() -> None:
    with grpc.insecure_channel("127.0.0.1:1", [("grpc.enable_http_proxy", 0)]) as channel:
        call = channel.unary_unary("/x/Y", Empty.SerializeToString, Empty.FromString)
        with pytest.raises(grpc.RpcError) as caught:
            call(Empty())
    error = status.from_rpc(caught.value, ADDRESS)

    assert type(error) is Unavailable
    assert ADDRESS in error.message
    assert "Connection refused" in error.message
    assert "howdah serve" in error.message


def test_empty_text_becomes_the_kind_since_clients_search_it() -> None:
    assert status.to_status(WrongState("")).details == "wrong-state"
    assert status.to_status(WrongState("half \ud800")).details == "half ?"


def test_text_longer_than_a_header_is_shortened_and_still_arrives(line: Line) -> None:
    error = line.sent(status.to_status(NotFound("file /" + "ü" * 5000 + " not found")))

    assert type(error) is NotFound
    assert error.message.startswith("file /üüü")
    assert error.message.endswith("…")
