"""Verbs on datums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from howdah.client.channel import Connection
from howdah.documents import Document
from howdah.infos import DatumInfo, DatumState
from howdah.names import Job
from howdah.wire import pps
from howdah.wire.gen import pps_pb2


def of_input(conn: Connection, given: Document, *, number: int = 0) -> Iterator[DatumInfo]:
    """The datums that an input, as specifications have it, would have now; at most `number` where that is not 0."""
    request = pps_pb2.ListDatumRequest(input=pps.input_to_wire(given), number=number)
    yield from map(pps.datum_info_from_wire, conn.stream(conn.pps.ListDatum, request))


def of_job(conn: Connection, job: Job, *, states: Sequence[DatumState] = (), number: int = 0) -> Iterator[DatumInfo]:
    """The datums of a job, those in one of these states if any is told; at most `number` where that is not 0."""
    wanted = pps_pb2.ListDatumRequest.Filter(state=map(pps_pb2.DatumState.ValueType, states))
    request = pps_pb2.ListDatumRequest(job=pps.job_to_wire(job), filter=wanted, number=number)
    yield from map(pps.datum_info_from_wire, conn.stream(conn.pps.ListDatum, request))


def inspect(conn: Connection, job: Job, id: str) -> DatumInfo:
    """The datum of a job; raises `NotFound`."""
    datum = pps_pb2.Datum(job=pps.job_to_wire(job), id=id)
    return pps.datum_info_from_wire(conn.call(conn.pps.InspectDatum, pps_pb2.InspectDatumRequest(datum=datum)))


def restart(conn: Connection, job: Job, filters: Sequence[str] = ()) -> None:
    """Run those datums of a job anew that are being run and have for each filter a file of this path or digest."""
    request = pps_pb2.RestartDatumRequest(job=pps.job_to_wire(job), data_filters=filters)
    conn.call(conn.pps.RestartDatum, request)
