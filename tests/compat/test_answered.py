"""Every call of the services that are offered is answered, but for those whose reason stands here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from howdah.testing.servers import StoreServer
from howdah.wire.gen import (
    admin_pb2,
    debug_pb2,
    enterprise_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    storage_pb2,
    transaction_pb2,
    version_pb2,
)

FILES = (
    admin_pb2,
    debug_pb2,
    enterprise_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    storage_pb2,
    transaction_pb2,
    version_pb2,
)
SERVICES = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]

REFUSED = {
    "admin_v2.API.RestartPachyderm": "whoever can reach the store could end it; there are no pods that come back",
    "debug_v2.Debug.SetLogLevel": "the log holds warnings and errors alone",
    "debug_v2.Debug.Trace": "a trace of Go's",
    "debug_v2.Debug.RunPFSLoadTest": "a load test of Pachyderm's own makers",
    "debug_v2.Debug.RunPFSLoadTestDefault": "a load test of Pachyderm's own makers",
    "enterprise_v2.API.Activate": "nothing is kept back for want of a license",
    "enterprise_v2.API.Heartbeat": "nothing is kept back for want of a license",
    "enterprise_v2.API.Deactivate": "nothing is kept back for want of a license",
    "enterprise_v2.API.Pause": "nothing is kept back for want of a license",
    "enterprise_v2.API.Unpause": "nothing is kept back for want of a license",
    "pfs_v2.API.ForgetCommit": "none of the published clients says what it is to do",
    "pps_v2.API.RunPipeline": "Pachyderm does not offer it either: rerun the pipeline",
    "pps_v2.API.RunLoadTest": "a load test of Pachyderm's own makers",
    "pps_v2.API.RunLoadTestDefault": "a load test of Pachyderm's own makers",
    "pps_v2.API.GetKubeEvents": "there is no Kubernetes",
    "pps_v2.API.QueryLoki": "there is no Loki",
    "storage.Fileset.ReadFilesetCDR": "without --chunks-port there is nowhere to fetch from",
}

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"


def code(channel: grpc.Channel, service: ServiceDescriptor, method: MethodDescriptor) -> grpc.StatusCode:
    """What the call answers to a request that says nothing."""
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    call: Any = getattr(channel, kind)(f"/{service.full_name}/{method.name}")
    try:
        answer = call(iter(()) if method.client_streaming else b"", timeout=60)
        if method.server_streaming:
            for _ in answer:
                pass
    except grpc.RpcError as error:
        told: Any = error
        return told.code() if told.details() else grpc.StatusCode.INTERNAL
    return grpc.StatusCode.OK


def test_every_call_is_answered_or_refused_for_a_reason(tmp_path: Path) -> None:
    with StoreServer(tmp_path / "data") as server:
        with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
            codes = {
                f"{service.full_name}.{method.name}": code(channel, service, method)
                for service in SERVICES
                for method in service.methods
            }
        assert "Traceback" not in server.log.read_text()
    assert {name for name, told in codes.items() if told is grpc.StatusCode.UNIMPLEMENTED} == set(REFUSED)
    assert not {name for name, told in codes.items() if told in {grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED}}


def test_what_is_refused_is_told_with_its_reason() -> None:
    page = PAGE.read_text("utf-8")
    for name, reason in REFUSED.items():
        service, _, method = name.rpartition(".")
        rows = [line for line in page.splitlines() if f"`{service}`" in line and f"`{method}`" in line]
        assert len(rows) == 1, name
        assert reason in rows[0]
