"""Code that runs all the time: a spout's, as long as its pipeline does, and a service's, until its next job.

What it writes is its own business; nothing is collected of it. It is started again whenever it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from howdah.db.database import Tx
from howdah.infos import JobState, PipelineType
from howdah.names import Job
from howdah.pfs import writing
from howdah.pfs.rows import read_commit
from howdah.pfs.steps import Step
from howdah.pps import jobrows, jobs, machine, planning, rows, wiring, working
from howdah.pps.datums import DatumFile
from howdah.pps.jobrows import JobRow
from howdah.pps.planning import Planned
from howdah.pps.spec import Spec
from howdah.pps.waiting import inputs_are_open
from howdah.store.store import Store


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to run: a version of a spout, whose job has no id, or a job of a service."""

    job: Job
    version: int


@dataclass(frozen=True, slots=True)
class Run:
    """What is run, and on which files: all that a service's inputs have, together."""

    job: Job
    spec: Spec
    spec_commit: str
    secrets: dict[str, bytes]
    planned: Planned

    def files(self) -> list[DatumFile]:
        """Each once."""
        return [*dict.fromkeys(file for datum in self.planned.plan for file in datum.files)]


def wanted(tx: Tx) -> Iterator[Standing]:
    """All that is to run now: of a service the newest job whose inputs have finished."""
    for row in tx.all(f"{rows.SELECT_PIPELINE} WHERE stopped = 0 ORDER BY repo"):
        pipeline = rows.PipelineRow(*row)
        version = rows.newest(tx, pipeline.repo)
        type = wiring.type_of(version.read())
        if type is PipelineType.SPOUT:
            yield Standing(Job(pipeline.pipeline, ""), version.version)
        elif type is PipelineType.SERVICE:
            ready = [each for each in jobrows.open_jobs(tx, pipeline.repo) if not inputs_are_open(tx, each.number)]
            for each in ready[-1:]:
                yield Standing(Job(pipeline.pipeline, each.id), each.version)


def begin(store: Store, standing: Standing) -> Run:
    """Let a service's job run, and those before it have been; what is to be started. `WrongState` if it is over."""
    if standing.job.id:
        writing.step(store, lambda made: _take_turns(made, store, standing.job))
    with store.database.read() as tx:
        repo = rows.get(tx, standing.job.pipeline).repo
        version = rows.version(tx, repo, standing.version)
        spec = version.read()
        commit = read_commit(tx, version.spec).id
        words = working.environment(tx, spec)
    planned = planning.of_job(store, standing.job) if standing.job.id else planning.NOTHING
    return Run(standing.job, spec, commit, words, planned)


def _take_turns(made: Step, store: Store, job: Job) -> None:
    row = jobrows.get(made.tx, job)
    jobs.check_going(row, job)
    for before in jobrows.open_jobs(made.tx, row.repo):
        if before.number < row.number:
            jobs.finish(made, store, Job(job.pipeline, before.id), _served(before))
    run, _ = machine.step(row.run(), machine.Begun())
    run, _ = machine.step(run, machine.Ready())
    jobs.note(made, job, run)


def _served(row: JobRow) -> machine.JobRun:
    """The run of a service's job when the next one takes its place."""
    return replace(row.run(), state=JobState.JOB_FINISHING)
