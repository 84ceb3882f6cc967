"""What became of the datums that a job has run, as rows: those of one report together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgpack

from howdah.db.database import Tx
from howdah.errors import Corrupt
from howdah.infos import DatumState, Stats


class Result(NamedTuple):
    """Of the datum with this id (32 bytes): why it failed, if it did, and what its last try took."""

    id: bytes
    state: DatumState
    why: str = ""
    stats: Stats = Stats()


def write(tx: Tx, job: int, results: Sequence[Result]) -> None:
    """Note them for the job with this number."""
    rows = [
        (
            result.id,
            int(result.state),
            result.why,
            *(result.stats.download_time, result.stats.process_time, result.stats.upload_time),
            *(result.stats.download_bytes, result.stats.upload_bytes),
        )
        for result in results
    ]
    if rows:
        tx.run("INSERT INTO job_results (number, results) VALUES (?, ?)", job, msgpack.packb(rows))


def read(tx: Tx, job: int) -> dict[bytes, Result]:
    """All of a job, by id; of a datum that was run again, the last."""
    return {result.id: result for result in _read(tx, job)}


def _read(tx: Tx, job: int) -> Iterator[Result]:
    for (data,) in tx.all("SELECT results FROM job_results WHERE number = ? ORDER BY result", job):
        try:
            for id, state, why, *stats in msgpack.unpackb(data):
                yield Result(id, DatumState(state), why, Stats(*stats))
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise Corrupt(f"the results of a job cannot be decoded ({error}): restore from a backup") from error
