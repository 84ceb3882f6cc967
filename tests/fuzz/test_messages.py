"""Any message to any call of any service ends soon, in an answer or in an error that says what to mend.

`HOWDAH_FUZZ=1000 HOWDAH_SEED=… pytest tests/fuzz/test_messages.py` asks each call so often.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import random
import zlib
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from howdah.client import commits
from howdah.client.channel import Connection
from howdah.testing.servers import StoreServer
from howdah.wire import gen
from tests.fuzz.conftest import REPO, plant
from tests.fuzz.messages import Maker
from tests.fuzz.resources import MEGABYTE, resident

TIMES = int(os.environ.get("HOWDAH_FUZZ", "40"))
SEED = int(os.environ.get("HOWDAH_SEED", "20"))
MOST_MEMORY = 400 * MEGABYTE
# They may wait for what never comes.
_ENDLESS = {
    *("SubscribeCommit", "Watch", "InspectCommit", "InspectCommitSet"),
    *("SubscribeJob", "InspectJob", "InspectJobSet"),
}
_SOON = 60.0
_MANY = 1000


def _services() -> list[ServiceDescriptor]:
    modules = [importlib.import_module(f"{gen.__name__}.{each.name}") for each in pkgutil.iter_modules(gen.__path__)]
    described = [*modules, health_pb2, reflection_pb2]
    return [
        service
        for module in described
        if hasattr(module, "DESCRIPTOR")
        for service in module.DESCRIPTOR.services_by_name.values()
    ]


SERVICES = _services()


def messages(maker: Maker, method: MethodDescriptor) -> list[bytes]:
    """What is sent in one call."""
    made = []
    for _ in range(maker.chance.randrange(6) if method.client_streaming else 1):
        way = maker.chance.random()
        if way < 0.1:
            made.append(maker.noise())
        elif way < 0.3:
            made.append(maker.broken(method.input_type))
        else:
            made.append(maker.message(method.input_type).SerializeToString())
    return made


def answer(channel: grpc.Channel, method: MethodDescriptor, sent: list[bytes]) -> grpc.Call:
    """The call, when it has ended or has answered very much."""
    call: Any = channel.stream_stream(f"/{method.containing_service.full_name}/{method.name}")
    answers = call(iter(sent), timeout=0.05 if method.name in _ENDLESS else _SOON)
    try:
        for number, _ in enumerate(answers):
            if number > _MANY:
                answers.cancel()
    except grpc.RpcError:
        pass
    ended: grpc.Call = answers
    return ended


def is_well_answered(call: grpc.Call, method: MethodDescriptor) -> bool:
    """Whether the call's end tells its client what to do."""
    code = call.code()
    if code in (grpc.StatusCode.OK, grpc.StatusCode.UNIMPLEMENTED):
        return True
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return method.name in _ENDLESS
    if code is grpc.StatusCode.CANCELLED:
        return True  # by ourselves
    if method.full_name == "grpc.health.v1.Health.Check" and code is grpc.StatusCode.NOT_FOUND:
        return True  # as its own standard has it
    told = {key: str(value) for key, value in call.trailing_metadata() or ()}
    # UNKNOWN is what Pachyderm answers in many cases, and so do we; the category tells that it was meant.
    return bool(call.details()) and told.get("howdah-category", "error") not in {"error", "corrupt"}


def test_every_service_that_is_offered_is_described_here(server: StoreServer) -> None:
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        ask: Any = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        [told] = ask(iter([reflection_pb2.ServerReflectionRequest(list_services="*")]))
    offered = {service.name for service in told.list_services_response.service}
    assert offered <= {service.full_name for service in SERVICES}
    assert len(offered) >= 12


@pytest.mark.timeout(300 + TIMES * 5)
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.full_name)
def test_any_message_ends_in_an_answer_or_a_clear_error(
    server: StoreServer, connection: Connection, service: ServiceDescriptor
) -> None:
    chance = random.Random(SEED + zlib.crc32(service.full_name.encode()))
    seen = server.log.stat().st_size
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        for method in service.methods:
            plant(connection)
            ids = [info.commit.id for info in commits.list(connection, REPO)]
            maker = Maker(chance, ["images", "edges", "master", "default", "/a", "/d", *ids])
            for _ in range(TIMES):
                sent = messages(maker, method)
                call = answer(channel, method, sent)
                assert is_well_answered(call, method), f"{method.full_name} {sent}: {call.code()} {call.details()}"
    assert server.process.poll() is None
    assert resident(server, most=True) < MOST_MEMORY
    assert server.log.read_bytes()[seen:].count(b"Traceback") == 0
