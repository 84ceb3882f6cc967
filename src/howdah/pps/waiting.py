"""Which jobs there are to work on. Whoever works on them asks after each change; nothing here changes anything."""

from __future__ import annotations

from dataclasses import dataclass

from howdah.db.database import Tx
from howdah.names import Job
from howdah.pfs import folding
from howdah.pfs.rows import read_commit
from howdah.pps import jobrows, jobs, rows
from howdah.pps.jobrows import JobRow
from howdah.pps.machine import JobRun
from howdah.pps.rows import PipelineRow
from howdah.pps.spec import Spec


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that is not over, and what its version of the pipeline is told to do.

    It `is_ready` when its inputs have finished and the job is over whose output it builds on; `broken` are those of its
    inputs that have failed. As long as nobody has taken it up, its run is as it was made.
    """

    job: Job
    spec: Spec
    run: JobRun
    is_ready: bool
    broken: tuple[str, ...] = ()


def pipelines(tx: Tx) -> list[PipelineRow]:
    """The pipelines that are not stopped, the oldest first."""
    return [
        PipelineRow(*row)
        for row in tx.all(f"{rows.SELECT_PIPELINE} WHERE stopped = 0 ORDER BY pipelines.created, repo")
    ]


def jobs_of(tx: Tx, pipeline: PipelineRow) -> list[OpenJob]:
    """The jobs of a pipeline that are not over, the oldest first: the order in which they are taken up."""
    found = jobrows.open_jobs(tx, pipeline.repo)
    specs = {number: rows.version(tx, pipeline.repo, number).read() for number in {row.version for row in found}}
    return [_open(tx, pipeline, row, specs[row.version]) for row in found]


def _open(tx: Tx, pipeline: PipelineRow, row: JobRow, spec: Spec) -> OpenJob:
    unfinished = tx.one(
        "SELECT 1 FROM provenance JOIN commits ON commits.number = upstream"
        " WHERE provenance.number = ? AND finished IS NULL",
        row.number,
    )
    base = folding.open_base(tx, read_commit(tx, row.number))
    return OpenJob(
        Job(pipeline.pipeline, row.id),
        spec,
        row.run(spec),
        is_ready=unfinished is None and base is None,
        broken=jobs.broken(tx, row.number),
    )
