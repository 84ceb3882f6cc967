"""The calls of a worker: datums to work on, slots that are free again, lines of logs."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from howdah.client.channel import Connection
from howdah.wire.gen import work_pb2


def attend(conn: Connection, token: str, *, slots: int = 0, refused: str = "") -> Iterator[work_pb2.Order]:
    """Orders as they come, until the store is gone; a worker that was `refused` to run code gets none."""
    return conn.stream(conn.work.Attend, work_pb2.Attendance(token=token, slots=slots, refused=refused))


def free(conn: Connection, token: str, task: int) -> None:
    """A task is over; what was not told of its datums is lost."""
    conn.call(conn.work.Free, work_pb2.Release(token=token, task=task))


def tell(conn: Connection, lines: Iterator[work_pb2.Lines]) -> None:
    """Send the lines as they come, until there are none or the store is gone."""
    try:
        conn.upload(conn.work.Tell, lines).result()
    except grpc.RpcError as error:
        raise conn.error(error) from error
