"""What becomes of jobs, as verbs on a step: a job's commits and its state change in one transaction.

A job that does not succeed leaves commits with an error, and those of what is made from them are over by that too.
Which job may be worked on is in `waiting`; what is to be done about it, in `machine`.
"""

from __future__ import annotations

from dataclasses import replace

from howdah.db.database import Tx
from howdah.errors import WrongState
from howdah.infos import JobState, Stats
from howdah.names import Commit, Job, Repo
from howdah.pfs import repos, writing
from howdah.pfs.steps import Step
from howdah.pps import jobrows, machine, rows
from howdah.pps.jobrows import SELECT_JOB, JobRow
from howdah.pps.machine import JobRun
from howdah.store.store import Store

STOPPED = "job stopped"

# The oldest open job that is made from a commit.
_MADE_OF = (
    f"{SELECT_JOB} AND c.finished IS NULL"  # noqa: S608 -- constant text
    " AND c.number IN (SELECT number FROM provenance WHERE upstream = ?)"
    " ORDER BY c.number LIMIT 1"
)


def begin(made: Step, job: Job) -> JobRun:
    """Its pipeline takes a job up that is created; returns its run, as it is if it was taken up before."""
    row = jobrows.get(made.tx, job)
    spec = rows.version(made.tx, row.repo, row.version).read()
    run, _ = machine.step(row.run(spec), machine.Begun())
    if run.state is not row.state:
        jobrows.write(made.tx, row, run, made.now)
    return run


def note(made: Step, job: Job, run: JobRun, stats: Stats | None = None) -> None:
    """Note how far a job has come that goes on; `WrongState` if it is over already."""
    assert not run.is_over  # what is over has commits that finish: see `finish`
    row = _going(made.tx, job)
    jobrows.write(made.tx, row, run, made.now)
    if stats is not None:
        jobrows.write_stats(made.tx, row, stats)


def finish(made: Step, store: Store, job: Job, run: JobRun) -> JobRun:
    """Finish a job's commits and the job with them; returns its last run. For verbs that `writing.step` runs.

    A run that is over without success gives its reason to the commits as their error. One that is not is a success,
    unless the output is nothing that a commit can hold. What is made from a commit with an error becomes unrunnable.
    """
    return _finish(made, store, _going(made.tx, job), run)


def fail(made: Step, store: Store, job: Job, reason: str) -> JobRun:
    """End a job for a reason that is a fault; see `finish`."""
    row = _going(made.tx, job)
    return _finish(made, store, row, machine.step(row.run(), machine.Broken(reason))[0])


def stop(made: Step, store: Store, job: Job, reason: str = "") -> None:
    """End a job because somebody wants it; one that is over stays as it is."""
    row = jobrows.get(made.tx, job)
    if not row.state.is_over:
        _kill(made, store, row, reason or STOPPED)


def stop_all(made: Step, store: Store, repo: int, reason: str) -> None:
    """End all jobs of a pipeline that are not over, by the number of its repo."""
    for row in jobrows.open_jobs(made.tx, repo):
        _kill(made, store, row, reason)


def delete(made: Step, store: Store, job: Job) -> None:
    """End a job if it is not over, and tell it no more; its commits stay."""
    stop(made, store, job)
    jobrows.hide(made.tx, jobrows.get(made.tx, job))


def update(made: Step, store: Store, job: Job, run: JobRun, stats: Stats | None = None) -> None:
    """Note a job's state as somebody tells it who works on it: by `note`, or by `finish` if it is over then."""
    row = _going(made.tx, job)
    if stats is not None:
        jobrows.write(made.tx, row, row.run(), made.now)
        jobrows.write_stats(made.tx, row, stats)
    if not run.is_over:
        jobrows.write(made.tx, row, run, made.now)
        return
    ending = replace(run, state=JobState.JOB_FINISHING) if run.state is JobState.JOB_SUCCESS else run
    _finish(made, store, row, ending)


def check_going(row: JobRow, job: Job) -> None:
    """`WrongState` if the job with this row is over."""
    if row.state.is_over:
        raise WrongState(f"job {job} has already finished: it is {row.state.name}", kind="job-finished")


def _going(tx: Tx, job: Job) -> JobRow:
    row = jobrows.get(tx, job)
    check_going(row, job)
    return row


def _kill(made: Step, store: Store, row: JobRow, reason: str) -> None:
    _finish(made, store, row, machine.step(row.run(), machine.Stopped(reason))[0])


def _finish(made: Step, store: Store, row: JobRow, run: JobRun) -> JobRun:
    run = _end(made, store, row, run)
    if run.state is not JobState.JOB_SUCCESS:
        _break_made_of(made, store, row)
    return run


def _end(made: Step, store: Store, row: JobRow, run: JobRun) -> JobRun:
    if run.is_over:
        error = run.reason or run.state.name
        _close(made, store, row, error)
    else:
        fault = _close(made, store, row, "")
        run, _ = machine.step(replace(run, state=JobState.JOB_FINISHING), machine.Finished(fault))
    jobrows.write(made.tx, row, run, made.now)
    return run


def _close(made: Step, store: Store, row: JobRow, error: str) -> str:
    """Finish the output and the meta commit; returns the error that they have."""
    output = repos.noun(made.tx, row.repo)
    fault = writing.finish_in(made, store, Commit(output, row.id), error=error, force=True)
    meta = Repo(output.project, output.name, rows.META_TYPE)
    found = made.tx.one(
        "SELECT 1 FROM commits JOIN repos USING (repo) JOIN projects USING (project)"
        " WHERE projects.name = ? AND repos.name = ? AND type = ? AND id = ? AND finished IS NULL",
        *(meta.project.name, meta.name, meta.type, row.id),
    )
    if found is not None:
        writing.finish_in(made, store, Commit(meta, row.id), error=fault, force=True)
    return fault


def _break_made_of(made: Step, store: Store, row: JobRow) -> None:
    """End the jobs whose input has failed, and with them what is made from theirs."""
    broke = [row.number]  # no recursion: a chain of pipelines may be longer than Python's stack
    while broke:
        each = made.tx.one(_MADE_OF, broke[-1])
        if each is None:
            broke.pop()
            continue
        found = JobRow(*each)
        reason = machine.unrunnable(broken(made.tx, found.number))
        _end(made, store, found, replace(found.run(), state=JobState.JOB_UNRUNNABLE, reason=reason))
        broke.append(found.number)


def broken(tx: Tx, number: int) -> tuple[str, ...]:
    """The names of those repos and pipelines whose commit, that this one is made from, has an error."""
    found = tx.all(
        "SELECT DISTINCT repos.name FROM provenance JOIN commits ON commits.number = upstream"
        " JOIN repos USING (repo) WHERE provenance.number = ? AND error != '' ORDER BY 1",
        number,
    )
    return tuple(name for (name,) in found)
