"""Reading what pipelines print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from howdah.client.channel import Connection
from howdah.infos import LogLine
from howdah.names import Job, Pipeline
from howdah.wire import pps
from howdah.wire.gen import pps_pb2


def read(  # noqa: PLR0913 -- one keyword for each way to choose
    conn: Connection,
    *,
    pipeline: Pipeline | None = None,
    job: Job | None = None,
    datum: str = "",
    inputs: Sequence[str] = (),
    master: bool = False,
    follow: bool = False,
    since: timedelta | None = None,
    tail: int = 0,
) -> Iterator[LogLine]:
    """The lines of a pipeline or a job, the oldest first; without either, those of the server. Raises `NotFound`.

    Of a `datum` alone (its id, or how that begins), or of datums with all these `inputs` (paths, or digests as hex or
    base64); with `master` the driver's lines, else all others. `since` is how long ago a line may be, by default a day,
    and with a job as long as it is old. With `tail` the last so many; with `follow` those that are still to come too,
    until the job is over.
    """
    ago = Duration()
    if since is not None:
        ago.FromTimedelta(since)
    request = pps_pb2.GetLogsRequest(
        pipeline=None if pipeline is None else pps.pipeline_to_wire(pipeline),
        job=None if job is None else pps.job_to_wire(job),
        datum=pps_pb2.Datum(id=datum) if datum else None,
        data_filters=inputs,
        master=master,
        follow=follow,
        since=ago,
        tail=tail,
    )
    yield from map(pps.log_line_from_wire, conn.stream(conn.pps.GetLogs, request))
