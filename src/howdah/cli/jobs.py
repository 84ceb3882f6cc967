"""Commands on jobs: the work of one pipeline on one commit set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import click

from howdah.cli import progress
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, short, size
from howdah.cli.pipelines import with_history
from howdah.client import jobs
from howdah.errors import Invalid, WrongState
from howdah.infos import JobInfo, JobSetInfo, JobState
from howdah.names import Job, Project, check_project_name, is_commit_id, parse_commit, parse_job, parse_pipeline

_STATES = {state.name.removeprefix("JOB_").lower(): state for state in JobState if state}
_JOB = "PIPELINE@JOB|SET"
_EVERY = 0.5
_DATUM = re.compile("datum ([0-9a-f]{12})[0-9a-f]* failed")


def _columns(out: Output) -> list[Column[JobInfo]]:
    return [
        ("PIPELINE", lambda info: str(info.job.pipeline)),
        ("JOB", lambda info: info.job.id),
        ("STARTED", lambda info: out.time(info.started)),
        ("DURATION", lambda info: _duration(info, out.now)),
        ("DATUMS", _datums),
        ("STATE", _outcome),
    ]


def _details(out: Output) -> list[Column[JobInfo]]:
    return [
        *_columns(out)[:-1],
        ("STATE", lambda info: _state(info.state)),
        ("REASON", lambda info: info.reason),
        ("SEE", _see),
        ("VERSION", lambda info: str(info.version)),
        ("OUTPUT", lambda info: str(info.output or "")),
        ("CREATED", lambda info: out.time(info.created)),
        ("FINISHED", lambda info: out.time(info.finished)),
        ("RESTARTS", lambda info: str(info.restart or "")),
        ("DOWNLOADED", lambda info: size(info.stats.download_bytes) if info.stats.download_bytes else ""),
        ("UPLOADED", lambda info: size(info.stats.upload_bytes) if info.stats.upload_bytes else ""),
    ]


def _sets(out: Output) -> list[Column[JobSetInfo]]:
    return [
        ("SET", lambda info: info.id),
        ("JOBS", lambda info: str(len(info.jobs))),
        ("CREATED", lambda info: out.time(min((each.created for each in info.jobs if each.created), default=None))),
        ("STATES", lambda info: _counts(info.jobs)),
    ]


def _state(state: JobState) -> str:
    return state.name.removeprefix("JOB_").removeprefix("STATE_").lower()


def _outcome(info: JobInfo) -> str:
    return f"{_state(info.state)}: {short(info.reason)}" if info.reason else _state(info.state)


def _see(info: JobInfo) -> str:
    """The command that tells more of what went wrong than the reason does; empty where none does."""
    if info.state is JobState.JOB_UNRUNNABLE:
        return f"howdah list job {info.job.id}"
    datum = _DATUM.match(info.reason) if info.state is JobState.JOB_FAILURE else None
    return f"howdah logs -j {info.job} --datum {datum[1]}" if datum is not None else ""


def _done(info: JobInfo) -> int:
    return info.processed + info.skipped + info.failed + info.recovered


def _datums(info: JobInfo) -> str:
    counts = {"skipped": info.skipped, "failed": info.failed, "recovered": info.recovered}
    return ", ".join(
        [f"{_done(info)} of {info.total}", *(f"{count} {word}" for word, count in counts.items() if count)]
    )


def _counts(infos: Iterable[JobInfo]) -> str:
    counts: dict[str, int] = {}
    for info in infos:
        counts[_state(info.state)] = counts.get(_state(info.state), 0) + 1
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _duration(info: JobInfo, now: datetime | None) -> str:
    end = info.finished or now
    return "-" if info.started is None or end is None else duration(end - info.started)


def duration(length: timedelta) -> str:
    """A length of time in its two largest units: `1h 05m`, `2m 03s`, `0.4s`."""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes_left:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


@click.command(
    "list",
    cls=Command,
    examples=("howdah list job", "howdah list job -p edges --state failure", "howdah list job -i images@master"),
)
@click.argument("set_", metavar="[SET]", required=False)
@click.option("-p", "--pipeline", metavar="PIPELINE", help="Only jobs of this one.")
@click.option(
    "-i", "--input", "inputs", metavar="REPO@COMMIT", multiple=True, help="Only those made of it; repeatable."
)
@click.option("--state", "chosen", multiple=True, type=click.Choice([*_STATES]), help="Only in this state; repeatable.")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@click.option("-x", "--expand", is_flag=True, help="A line for each job, not for each set.")
@click.option("-A", "--all-projects", is_flag=True, help="List jobs of all projects.")
@with_history
@with_store
@with_output
def list_(  # noqa: PLR0913 -- one for each option
    out: Output,
    store: Store,
    *,
    set_: str | None,
    pipeline: str | None,
    inputs: tuple[str, ...],
    chosen: tuple[str, ...],
    number: int,
    history: int,
    expand: bool,
    all_projects: bool,
) -> None:
    """List job sets, each what one change led to, the newest first.

    With SET its jobs, upstream ones first; with other options than -n and -A, single jobs, the newest first.
    """
    projects = () if all_projects else (Project(check_project_name(store.project)),)
    if not (set_ or pipeline or inputs or chosen or expand or history):
        out.table(jobs.list_sets(store.conn, projects=projects, number=number), _sets(out))
        return
    if set_ is not None:
        if pipeline or inputs:
            raise Invalid("a set and -p or -i do not go together: list the set, or the jobs")
        found = jobs.inspect_set(store.conn, _set(set_))
    else:
        found = jobs.list(
            store.conn,
            pipeline=None if pipeline is None else parse_pipeline(pipeline, store.project),
            projects=() if pipeline else projects,
            inputs=[parse_commit(each, store.project) for each in inputs],
            history=history,
            number=0 if chosen else number,
        )
    wanted = {_STATES[each] for each in chosen}
    shown = (info for info in found if not wanted or info.state in wanted)
    out.table(islice(shown, number or None), _columns(out))


def _set(text: str) -> str:
    if not is_commit_id(text):
        raise Invalid(f"job set ({text}) invalid: its 32 digits name it, and -p PIPELINE lists a pipeline's jobs")
    return text


@click.command(cls=Command, examples=("howdah inspect job edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b",))
@click.argument("job", metavar=_JOB)
@with_store
@with_output
def inspect(out: Output, store: Store, job: str) -> None:
    """Show a job, or each job of a set."""
    infos = jobs.inspect_set(store.conn, job) if is_commit_id(job) else [jobs.inspect(store.conn, _job(store, job))]
    for info in infos:
        out.record(info, _details(out))


def _job(store: Store, text: str) -> Job:
    return parse_job(text, store.project)


def _jobs(store: Store, text: str) -> Iterator[Job]:
    """The job, or the jobs of the set, upstream ones first."""
    if is_commit_id(text):
        yield from (info.job for info in jobs.inspect_set(store.conn, text))
    else:
        yield _job(store, text)


@click.command(cls=Command, examples=("howdah wait job edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b",))
@click.argument("job", metavar=_JOB)
@with_store
@with_output
def wait(out: Output, store: Store, job: str) -> None:
    """Wait until a job, or each job of a set, is over, and show it.

    A terminal shows how far it is meanwhile. The exit code is 5 if one did not succeed.
    """
    bad: list[JobInfo] = []
    for each in [*_jobs(store, job)]:
        info = _over(store, each)
        out.record(info, _details(out))
        if info.state is not JobState.JOB_SUCCESS:
            bad.append(info)
    if bad:
        raise WrongState("; ".join(map(_failure, bad)))


def _failure(info: JobInfo) -> str:
    told = f"job {info.job} is over without success, {_outcome(info)}"
    see = _see(info)
    return f"{told}: see `{see}`" if see else told


def _over(store: Store, job: Job) -> JobInfo:
    """The job when it is over; a terminal shows how far it is meanwhile."""
    info = JobInfo(job)
    with progress.gauge(str(job.pipeline)) as tell:
        for info in jobs.watch(store.conn, job, every=_EVERY if progress.is_shown() else None):
            tell(_done(info), info.total, _state(info.state))
    return info


@click.command(cls=Command, examples=("howdah stop job edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b",))
@click.argument("job", metavar=_JOB)
@with_store
def stop(store: Store, job: str) -> None:
    """End a job, or all jobs of a set; what is over stays as it is."""
    found: Sequence[Job] = [*_jobs(store, job)]
    for each in reversed(found):  # one whose input is stopped first could not be run any more, which is something else
        jobs.stop(store.conn, each)


@click.command(cls=Command, examples=("howdah delete job edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b",))
@click.argument("job", metavar="PIPELINE@JOB")
@with_store
def delete(store: Store, job: str) -> None:
    """Delete a job, ending it if it is not over. The commits that it made stay."""
    jobs.delete(store.conn, _job(store, job))
