"""What there is to work on. Whoever works on it asks after each change; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from howdah.db.database import Tx
from howdah.infos import JobState, PipelineState, PipelineType
from howdah.names import Job, Pipeline
from howdah.pfs import folding
from howdah.pfs.rows import read_commit
from howdah.pps import jobrows, jobs, rows, wiring
from howdah.pps.jobrows import SELECT_JOB, JobRow
from howdah.pps.rows import PipelineRow


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that is not over.

    It `is_ready` when its inputs have finished and the job is over whose output it builds on; `broken` are those of its
    inputs that have failed. As long as nobody has taken it up, it is created.
    """

    job: Job
    state: JobState
    is_ready: bool
    broken: tuple[str, ...] = ()


def oldest(tx: Tx) -> Iterator[OpenJob]:
    """Of each pipeline the oldest job that is not over: the next to be worked on. Services are no such work."""
    found: dict[int, JobRow] = {}
    for row in tx.all(f"{SELECT_JOB} AND c.finished IS NULL ORDER BY c.number"):
        found.setdefault(row[1], JobRow(*row))
    for row in found.values():
        if wiring.type_of(rows.version(tx, row.repo, row.version).read()) is PipelineType.TRANSFORM:
            yield _open(tx, rows.read(tx, row.repo).pipeline, row)


def inputs_are_open(tx: Tx, number: int) -> bool:
    """Whether a commit that the one with this number is made from has not finished."""
    return (
        tx.one(
            "SELECT 1 FROM provenance JOIN commits ON commits.number = upstream"
            " WHERE provenance.number = ? AND finished IS NULL",
            number,
        )
        is not None
    )


def jobs_of(tx: Tx, pipeline: Pipeline) -> list[OpenJob]:
    """The jobs of a pipeline that are not over, the oldest first: the order in which they are taken up."""
    row = rows.get(tx, pipeline)
    return [_open(tx, pipeline, each) for each in jobrows.open_jobs(tx, row.repo)]


def pipelines(tx: Tx, *states: PipelineState) -> list[PipelineRow]:
    """The pipelines in one of these states, the oldest first."""
    marks = ", ".join("?" * len(states))
    select = f"{rows.SELECT_PIPELINE} WHERE state IN ({marks}) ORDER BY pipelines.created, repo"
    return [PipelineRow(*row) for row in tx.all(select, *map(int, states))]


def _open(tx: Tx, pipeline: Pipeline, row: JobRow) -> OpenJob:
    base = folding.open_base(tx, read_commit(tx, row.number))
    return OpenJob(
        Job(pipeline, row.id),
        row.state,
        is_ready=base is None and not inputs_are_open(tx, row.number),
        broken=jobs.broken(tx, row.number),
    )
