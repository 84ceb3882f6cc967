"""Verbs on secrets, whose values nothing tells again."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from howdah.client.channel import Connection
from howdah.infos import SecretInfo
from howdah.wire import pps
from howdah.wire.gen import pps_pb2


def create(conn: Connection, text: str) -> None:
    """Keep the secret that a text describes: JSON as Kubernetes has it."""
    conn.call(conn.pps.CreateSecret, pps_pb2.CreateSecretRequest(file=text.encode()))


def inspect(conn: Connection, name: str) -> SecretInfo:
    """The secret; raises `NotFound`."""
    request = pps_pb2.InspectSecretRequest(secret=pps_pb2.Secret(name=name))
    return pps.secret_info_from_wire(conn.call(conn.pps.InspectSecret, request))


def list(conn: Connection) -> Iterator[SecretInfo]:
    """Every secret."""
    yield from map(pps.secret_info_from_wire, conn.call(conn.pps.ListSecret, Empty()).secret_info)


def delete(conn: Connection, name: str) -> None:
    """Forget the secret; raises `NotFound`."""
    conn.call(conn.pps.DeleteSecret, pps_pb2.DeleteSecretRequest(secret=pps_pb2.Secret(name=name)))
