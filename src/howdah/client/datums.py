"""Verbs on datums."""

from __future__ import annotations

from collections.abc import Iterator

from howdah.client.channel import Connection
from howdah.documents import Document
from howdah.infos import DatumInfo
from howdah.wire import pps
from howdah.wire.gen import pps_pb2


def of_input(conn: Connection, given: Document, *, number: int = 0) -> Iterator[DatumInfo]:
    """The datums that an input, as specifications have it, would have now; at most `number` where that is not 0."""
    request = pps_pb2.ListDatumRequest(input=pps.input_to_wire(given), number=number)
    yield from map(pps.datum_info_from_wire, conn.stream(conn.pps.ListDatum, request))
