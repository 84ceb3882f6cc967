"""The datums of a job as they are told: what became of each, or whether it is being run."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from howdah.infos import DatumInfo, DatumState
from howdah.names import Commit, Job
from howdah.pps import jobrows, planning, results, rows, work, working
from howdah.pps.datums import Datum
from howdah.pps.planning import Planned
from howdah.pps.results import Result
from howdah.store.store import Store


@dataclass(frozen=True, slots=True)
class JobDatums:
    """All datums of a job, by number."""

    job: Job
    meta: Commit
    planned: Planned
    skipped: frozenset[int]
    results: dict[bytes, Result]
    running: frozenset[int]

    def info(self, number: int) -> DatumInfo:
        """What is told of a datum."""
        datum = self.planned.plan[number]
        result = self.results.get(bytes.fromhex(datum.id), Result(b"", self._state(number)))
        files = tuple(self.planned.files(datum))
        return DatumInfo(datum.id, self.job, result.state, result.stats, files)

    def state(self, number: int) -> DatumState:
        """What became of a datum."""
        result = self.results.get(self.planned.plan.id(number))
        return result.state if result is not None else self._state(number)

    def _state(self, number: int) -> DatumState:
        if number in self.skipped:
            return DatumState.SKIPPED
        return DatumState.STARTING if number in self.running else DatumState.UNKNOWN

    def matching(self, filters: Sequence[str]) -> frozenset[int]:
        """Those of the running ones that have for each filter a file of this path or digest."""
        return frozenset(number for number in self.running if _matches(self.planned.plan[number], filters))


def of(store: Store, job: Job, running: Iterable[int] = ()) -> JobDatums:
    """The datums of a job, of which these numbers are being run; none as long as its inputs are not there."""
    meta = Commit(rows.repo(job.pipeline, rows.META_TYPE), job.id)
    with store.database.read() as tx:
        row = jobrows.get(tx, job)
        found = results.read(tx, row.number)
        everything = rows.version(tx, row.repo, row.version).read().reprocesses
    if row.total is None:
        return JobDatums(job, meta, planning.NOTHING, frozenset(), found, frozenset())
    planned = planning.of_job(store, job)
    before = working.done_before(store, job) or work.NONE
    todo = work.compare(planned.plan, before, everything=everything)
    return JobDatums(job, meta, planned, frozenset(todo.skip), found, frozenset(running))


def _matches(datum: Datum, filters: Sequence[str]) -> bool:
    names = {each.path for each in datum.files}
    for each in datum.files:
        names |= {each.digest.hex(), base64.b64encode(each.digest).decode()}
    return all(wanted in names for wanted in filters)
