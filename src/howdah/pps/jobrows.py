"""Jobs as rows: commits of pipelines' repos, and beside them what is noted of those that were taken up."""

from __future__ import annotations

from typing import NamedTuple

from howdah.db.database import Tx, Value
from howdah.errors import NotFound
from howdah.infos import JobInfo, JobState, Stats
from howdah.names import Commit, Job
from howdah.pfs import clock
from howdah.pps import rows
from howdah.pps.machine import JobRun
from howdah.pps.spec import Spec

_SECOND = 1_000_000

CREATED = "c.started + c.number - (SELECT min(number) FROM commits AS s WHERE s.id = c.id)"
"""When a job was created: no two jobs of a commit set at once, so that a time marks where a page of a list ends."""

# The version is that of the commit of the specification which the output commit is made from.
SELECT_JOB = (
    f"SELECT c.number, c.repo, c.id, {CREATED}, c.finished, c.error, v.version, j.state, coalesce(j.reason, ''),"  # noqa: S608
    " coalesce(j.restart, 0), j.total, coalesce(j.skipped, 0), coalesce(j.processed, 0), coalesce(j.failed, 0),"
    " coalesce(j.recovered, 0), j.started, j.finished, coalesce(j.download_time, 0), coalesce(j.process_time, 0),"
    " coalesce(j.upload_time, 0), coalesce(j.download_bytes, 0), coalesce(j.upload_bytes, 0)"
    " FROM commits AS c JOIN provenance AS p ON p.number = c.number"
    " JOIN pipeline_versions AS v ON v.spec = p.upstream AND v.repo = c.repo"
    " LEFT JOIN jobs AS j ON j.number = c.number WHERE coalesce(j.deleted, 0) = 0"
)


class JobRow(NamedTuple):
    """A job as stored: columns of its output commit, its version, and columns of its row if it has one."""

    number: int
    repo: int
    id: str
    created: int
    ended: int | None
    error: str
    version: int
    noted: int | None
    why: str
    restart: int
    total: int | None
    skipped: int
    processed: int
    failed: int
    recovered: int
    started: int | None
    finished: int | None
    download_time: int
    process_time: int
    upload_time: int
    download_bytes: int
    upload_bytes: int

    @property
    def state(self) -> JobState:
        """How far it has come: over as soon as its commit has finished, whoever finished that."""
        noted = JobState.JOB_CREATED if self.noted is None else JobState(self.noted)
        if self.ended is None or noted.is_over:
            return noted
        return JobState.JOB_FAILURE if self.error else JobState.JOB_SUCCESS

    @property
    def reason(self) -> str:
        """Why it is as it is."""
        return self.why or (self.error if self.state is JobState.JOB_FAILURE else "")

    def run(self, spec: Spec | None = None) -> JobRun:
        """The job as its machine knows it, but for what is queued and running; who works on it needs the `spec`."""
        return JobRun(
            tries=spec.datum_tries if spec is not None else 1,
            has_egress=spec is not None and spec.egress is not None,
            state=self.state,
            reason=self.reason,
            restart=self.restart,
            total=self.total,
            skipped=self.skipped,
            processed=self.processed,
            failed=self.failed,
            recovered=self.recovered,
        )

    def stats(self) -> Stats:
        """What its datums took."""
        return Stats(
            self.download_time / _SECOND,
            self.process_time / _SECOND,
            self.upload_time / _SECOND,
            self.download_bytes,
            self.upload_bytes,
        )


def get(tx: Tx, job: Job) -> JobRow:
    """The job; `NotFound` without it, or without its pipeline."""
    pipeline = rows.get(tx, job.pipeline)
    row = tx.one(f"{SELECT_JOB} AND c.repo = ? AND c.id = ?", pipeline.repo, job.id)
    if row is None:
        raise NotFound(f"job {job} not found", kind="job-not-found")
    return JobRow(*row)


def open_jobs(tx: Tx, repo: int) -> list[JobRow]:
    """The jobs of a pipeline that are not over, the oldest first."""
    return [JobRow(*row) for row in tx.all(f"{SELECT_JOB} AND c.repo = ? AND c.finished IS NULL ORDER BY 1", repo)]


def newest_state(tx: Tx, repo: int) -> JobState:
    """The state of the newest job of a pipeline."""
    row = tx.one(f"{SELECT_JOB} AND c.repo = ? ORDER BY 1 DESC LIMIT 1", repo)
    return JobRow(*row).state if row is not None else JobState.JOB_STATE_UNKNOWN


def write(tx: Tx, row: JobRow, run: JobRun, now: int) -> None:
    """Note what has become of a job: it has begun with the first note, unless that is its end."""
    values: dict[str, Value] = {
        "state": int(run.state),
        "reason": run.reason,
        "restart": run.restart,
        "total": run.total,
        "skipped": run.skipped,
        "processed": run.processed,
        "failed": run.failed,
        "recovered": run.recovered,
        "started": row.started or (None if run.is_over else now),
        "finished": now if run.is_over else None,
    }
    _upsert(tx, row, values)


def write_stats(tx: Tx, row: JobRow, stats: Stats) -> None:
    """Note what a job's datums took, of one that has a row."""
    tx.run(
        "UPDATE jobs SET download_time = ?, process_time = ?, upload_time = ?, download_bytes = ?, upload_bytes = ?"
        " WHERE number = ?",
        *(round(each * _SECOND) for each in (stats.download_time, stats.process_time, stats.upload_time)),
        *(stats.download_bytes, stats.upload_bytes, row.number),
    )


def hide(tx: Tx, row: JobRow) -> None:
    """Tell the job no more."""
    _upsert(tx, row, {"state": int(row.state), "deleted": 1})


def _upsert(tx: Tx, row: JobRow, values: dict[str, Value]) -> None:
    names = [*values]
    tx.run(
        f"INSERT INTO jobs (number, repo, {', '.join(names)}) VALUES (?, ?, {', '.join('?' * len(names))})"  # noqa: S608
        f" ON CONFLICT (number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}",
        *(row.number, row.repo, *values.values()),
    )


def infos(tx: Tx, found: list[JobRow]) -> list[JobInfo]:
    """What the API tells of these jobs, in their order."""
    pipelines = {repo: rows.read(tx, repo).pipeline for repo in {row.repo for row in found}}
    versions = {key: rows.version(tx, *key) for key in {(row.repo, row.version) for row in found}}
    return [
        JobInfo(
            Job(pipelines[row.repo], row.id),
            version=row.version,
            output=Commit(rows.repo(pipelines[row.repo]), row.id),
            state=row.state,
            reason=row.reason,
            restart=row.restart,
            total=row.total or 0,
            skipped=row.skipped,
            processed=row.processed,
            failed=row.failed,
            recovered=row.recovered,
            stats=row.stats(),
            created=clock.moment(row.created),
            started=clock.moment(row.started),
            finished=clock.moment(row.finished or row.ended),
            effective=versions[row.repo, row.version].effective,
            salt=versions[row.repo, row.version].salt,
        )
        for row in found
    ]
