"""What is told of pipelines and jobs: one of them, or lists, newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from howdah.db.database import Database, Tx, Value
from howdah.errors import Invalid, NotFound
from howdah.infos import JobInfo, JobSetInfo, JobState, PipelineInfo, PipelineState
from howdah.names import Commit, Job, Pipeline, Project, is_commit_id
from howdah.pfs import clock, projects, resolve
from howdah.pfs.paging import LAST, in_pages
from howdah.pfs.rows import MADE_FROM, read_commit
from howdah.pps import jobrows, rows, wiring
from howdah.pps.jobrows import CREATED, SELECT_JOB, JobRow
from howdah.pps.rows import PipelineRow, VersionRow

_MADE_FROM = f"{MADE_FROM} SELECT number FROM made_from"  # noqa: S608 -- constant text
# Conditions on jobs, each with a value.
_IS_MADE_OF = (
    "c.number IN (WITH RECURSIVE made_of (number) AS (SELECT number FROM provenance WHERE upstream = ?"
    " UNION SELECT provenance.number FROM provenance JOIN made_of ON upstream = made_of.number)"
    " SELECT number FROM made_of)"
)
_IS_RECENT = "v.version >= (SELECT max(version) FROM pipeline_versions AS n WHERE n.repo = v.repo) - ?"
_IS_OF = "c.repo IN (SELECT repo FROM repos WHERE project IN ({}))"


def pipeline(tx: Tx, named: Pipeline) -> PipelineInfo:
    """The pipeline, or with `NAME^` an older version of it; `NotFound` without it."""
    return _info(tx, *rows.named(tx, named))


def pipelines(
    tx: Tx,
    *,
    named: Pipeline | None = None,
    chosen: Sequence[Project] = (),
    history: int = 0,
    commit_set: str = "",
) -> list[PipelineInfo]:
    """Pipelines, newest first: that of a name, or those of these projects (of all when none).

    `history` is how many versions before the present one are told too, all if it is negative. With a commit set, it is
    the versions that its commits were made by.
    """
    found = [rows.get(tx, named)] if named is not None else _rows(tx)
    names = {project.name for project in chosen}
    made_by = _made_by(tx, commit_set) if commit_set else None
    return [
        _info(tx, row, version)
        for row in found
        if not names or row.project in names
        for version in rows.versions(tx, row.repo, history if made_by is None else -1)
        if made_by is None or version.spec in made_by
    ]


def _rows(tx: Tx) -> list[PipelineRow]:
    found = tx.all(f"{rows.SELECT_PIPELINE} ORDER BY pipelines.created DESC, repo DESC")
    return [PipelineRow(*row) for row in found]


def _made_by(tx: Tx, id: str) -> set[int]:
    return {number for (number,) in tx.all(_MADE_FROM, id)}


def _info(tx: Tx, row: PipelineRow, version: VersionRow) -> PipelineInfo:
    pipeline = row.pipeline
    spec = rows.repo(pipeline, rows.SPEC_TYPE)
    return PipelineInfo(
        pipeline,
        version.version,
        wiring.type_of(version.read()),
        Commit(spec, read_commit(tx, version.spec).id),
        PipelineState(row.state),
        row.reason or _cut_off(tx, row, version),
        bool(row.stopped),
        jobrows.newest_state(tx, row.repo),
        version.told,
        version.effective,
        version.salt,
        clock.moment(row.created),
        clock.moment(version.created),
        json.loads(row.metadata),
    )


def _cut_off(tx: Tx, row: PipelineRow, version: VersionRow) -> str:
    """Why a pipeline works no more although it is well; empty where it does."""
    if row.stopped or version.version != rows.newest(tx, row.repo).version:
        return ""
    lost = wiring.unfollowed(tx, version.read())
    names = ", ".join(map(str, lost))
    return f"it follows {names} no longer, deleted by force: create that, then rerun the pipeline" if lost else ""


def job(tx: Tx, named: Job) -> JobInfo:
    """The job; `NotFound` without it."""
    return jobrows.infos(tx, [jobrows.get(tx, named)])[0]


@dataclass(frozen=True, slots=True)
class Which:
    """Which jobs are listed: of a pipeline, or else of these projects, or else all.

    `history` is how many versions before the present one count, all if it is negative. They are made from all commits
    of `inputs`, and created before `marker` (with `reverse`: after it). At most `number` are told if that is not 0.
    """

    pipeline: Pipeline | None = None
    projects: tuple[Project, ...] = ()
    inputs: tuple[Commit, ...] = ()
    history: int = 0
    marker: datetime | None = None
    number: int = 0
    reverse: bool = False


def jobs(database: Database, which: Which) -> Iterator[JobInfo]:
    """Jobs, newest first, or with `reverse` oldest first, in pages."""

    def page(tx: Tx, after: int | None, size: int) -> tuple[Sequence[JobInfo], int | None]:
        where, values = _where(tx, which, after)
        order = "ASC" if which.reverse else "DESC"
        found = tx.all(f"{SELECT_JOB}{where} ORDER BY c.number {order} LIMIT {size}", *values)
        told = [JobRow(*row) for row in found]
        return jobrows.infos(tx, told), told[-1].number if len(told) == size else None

    return in_pages(database, page, which.number)


def _where(tx: Tx, which: Which, after: int | None) -> tuple[str, list[Value]]:
    """Conditions behind those of `SELECT_JOB`, and their values."""
    conditions: list[str] = []
    values: list[Value] = []

    def only(condition: str, *some: Value) -> None:
        conditions.append(f" AND {condition}")
        values.extend(some)

    way = ">" if which.reverse else "<"
    only(f"c.number {way} ?", after if after is not None else 0 if which.reverse else LAST)
    if which.marker is not None:
        only(f"{CREATED} {way} ?", clock.microseconds(which.marker))
    if which.pipeline is not None:
        only("c.repo = ?", rows.get(tx, which.pipeline).repo)
    elif which.projects:
        numbers = [projects.number(tx, project) for project in which.projects]
        only(_IS_OF.format(", ".join("?" * len(numbers))), *numbers)
    for commit in which.inputs:
        only(_IS_MADE_OF, resolve.commit(tx, commit).number)
    if which.history >= 0:
        only(_IS_RECENT, which.history)
    return "".join(conditions), values


def job_set(tx: Tx, id: str) -> list[JobInfo]:
    """The jobs of a commit set, upstream ones first; `NotFound` without the set."""
    if not is_commit_id(id):
        raise Invalid(f"job set ({id}) invalid: it must be 32 hexadecimal digits of a UUID V4", kind="bad-name")
    found = tx.all(f"{SELECT_JOB} AND c.id = ? ORDER BY c.number", id)
    if not found and tx.one("SELECT 1 FROM commits WHERE id = ?", id) is None:
        raise NotFound(f"no commits found for commitset {id}", kind="commitset-not-found")
    return jobrows.infos(tx, [JobRow(*row) for row in found])


def job_sets(database: Database, which: Which) -> Iterator[JobSetInfo]:
    """The sets that have jobs, by their newest job, newest first; `reverse` is by the oldest, oldest first."""

    def sets() -> Iterator[JobSetInfo]:
        told: set[str] = set()
        wanted = Which(projects=which.projects, history=-1, marker=which.marker, reverse=which.reverse)
        for info in jobs(database, wanted):
            if info.job.id not in told:
                told.add(info.job.id)
                with database.read() as tx:
                    yield JobSetInfo(info.job.id, tuple(job_set(tx, info.job.id)))

    return islice(sets(), which.number or None)


def unfinished(tx: Tx, named: Pipeline) -> list[JobInfo]:
    """The jobs of a pipeline that are not over, the oldest first."""
    return jobrows.infos(tx, jobrows.open_jobs(tx, rows.get(tx, named).repo))


@dataclass(frozen=True, slots=True)
class Summary:
    """How many pipelines of a project are how; those whose newest job has failed are unhealthy."""

    project: Project
    active: int = 0
    paused: int = 0
    failed: int = 0
    unhealthy: int = 0


_FAILED = {PipelineState.PIPELINE_FAILURE, PipelineState.PIPELINE_CRASHING, PipelineState.PIPELINE_RESTARTING}
_BAD = {JobState.JOB_FAILURE, JobState.JOB_KILLED, JobState.JOB_UNRUNNABLE}


def summary(tx: Tx, project: Project) -> Summary:
    """What the pipelines of a project do; `NotFound` without the project."""
    projects.number(tx, project)
    found = pipelines(tx, chosen=[project])
    failed = sum(info.state in _FAILED for info in found)
    paused = sum(info.state is PipelineState.PIPELINE_PAUSED for info in found)
    unhealthy = sum(info.last_job in _BAD for info in found)
    return Summary(project, len(found) - failed - paused, paused, failed, unhealthy)


def alerts(info: PipelineInfo) -> list[str]:
    """What is wrong with a pipeline, in words; nothing if it is well."""
    found = []
    if info.state in _FAILED:
        found.append(f"pipeline is in state {info.state.name}: {info.reason or 'no reason is told'}")
    elif info.reason:
        found.append(f"pipeline does not work: {info.reason}")
    if info.last_job in _BAD:
        found.append(f"its newest job is {info.last_job.name}")
    return found
