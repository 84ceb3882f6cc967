"""What becomes of a job, as a function of values: `step(run, event)` gives the run after it and what is to be done.

A run holds counts and the few datums that are being worked on, never the results of all: those go to rows by `Record`.
Whoever drives it carries out the actions in order and writes the run in the transaction of the last one. Every action
can be carried out twice, so after a crash `resume` says what has to be asked for again. Events that come too late, or
about what is no longer so, change nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from howdah.infos import DatumState, JobState


class Attempt(NamedTuple):
    """A datum that is being worked on, for which time of the tries that it has."""

    datum: int
    number: int


@dataclass(frozen=True, slots=True)
class JobRun:
    """A job between two events; `total` is None until its datums are planned."""

    tries: int = 3
    has_egress: bool = False
    state: JobState = JobState.JOB_CREATED
    reason: str = ""
    restart: int = 0
    total: int | None = None
    skipped: int = 0
    processed: int = 0
    failed: int = 0
    recovered: int = 0
    queue: array[int] = field(default_factory=lambda: array("I"))
    taken: int = 0
    """How many of the queue have been given out."""
    again: tuple[Attempt, ...] = ()
    """What has to be tried again; given out before the rest of the queue."""
    running: Mapping[int, Attempt] = field(default_factory=lambda: MappingProxyType({}))
    """What is being worked on, by a number that no other run of a datum in this job has."""
    serial: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self.state.is_over

    @property
    def waiting(self) -> int:
        """How many datums could be run now; those of them that run already not counted."""
        ready = self.state is JobState.JOB_RUNNING and self.total is not None
        return len(self.queue) - self.taken + len(self.again) if ready else 0


# What happens to a job.


class Begun(NamedTuple):
    """Its pipeline takes it up; jobs before it may still be at work."""


class Ready(NamedTuple):
    """Its inputs have finished and the job before it is over; `broken` are the pipelines whose inputs have failed."""

    broken: tuple[str, ...] = ()


class Planned(NamedTuple):
    """Its datums are known: how many there are, how many are skipped, and the numbers of those to run."""

    total: int
    skipped: int
    queue: array[int]


class Slots(NamedTuple):
    """So many more datums can be run at once."""

    free: int


class Ended(NamedTuple):
    """A run of the datum with this id has come to an end: SUCCESS, RECOVERED, or FAILED for a reason.

    One that was lost, since whoever did it is gone, is UNKNOWN and no try.
    """

    serial: int
    outcome: DatumState
    id: str = ""
    why: str = ""


class Restarted(NamedTuple):
    """Somebody wants these datums to be run anew."""

    datums: frozenset[int]


class Merged(NamedTuple):
    """The outputs of its datums are in the output commit; `error` where they do not go together."""

    error: str = ""


class Egressed(NamedTuple):
    """The output has been copied to where it is to go; `error` where it has not."""

    error: str = ""


class Finished(NamedTuple):
    """Its commits have finished; `error` where the output is not what a commit can hold."""

    error: str = ""


class Stopped(NamedTuple):
    """Somebody stops it, or it has had its time, or its pipeline goes."""

    reason: str = "job stopped"


class Broken(NamedTuple):
    """It cannot be worked on: its inputs cannot be listed, its code cannot be started."""

    reason: str


Event = Begun | Ready | Planned | Slots | Ended | Restarted | Merged | Egressed | Finished | Stopped | Broken

# What is to be done about a job.


class Await(NamedTuple):
    """Tell when the inputs have finished and the job before it is over."""


class Prepare(NamedTuple):
    """Plan its datums."""


class Run(NamedTuple):
    """Run a datum, under this number."""

    serial: int
    datum: int
    attempt: int


class Kill(NamedTuple):
    """End these runs and drop what they wrote."""

    serials: tuple[int, ...]


class Record(NamedTuple):
    """Note what became of a datum."""

    datum: int
    state: DatumState
    why: str = ""


class Merge(NamedTuple):
    """Put the outputs of its datums into the output commit, and take out what is stale."""


class Egress(NamedTuple):
    """Copy the output to where it is to go."""


class Finish(NamedTuple):
    """Finish its output and meta commits, in one step with its own state; an error makes them no base of others."""

    error: str = ""


Action = Await | Prepare | Run | Kill | Record | Merge | Egress | Finish
Step = tuple[JobRun, tuple[Action, ...]]


def step(run: JobRun, event: Event) -> Step:
    """The run after the event, and what is to be done."""
    if run.is_over:
        return run, ()
    return _STEPS[type(event)](run, event)


def resume(run: JobRun, done: Callable[[int], bool]) -> Step:
    """The run after whoever drove it is gone: nothing is running, and of its queue what is not `done` is left."""
    if run.is_over:
        return run, ()
    left = array("I", [datum for datum in run.queue if not done(datum)])
    fresh = replace(run, restart=run.restart + 1, queue=left, taken=0, again=(), running=MappingProxyType({}))
    if run.state in {JobState.JOB_CREATED, JobState.JOB_STARTING}:
        return fresh, (Await(),) if run.state is JobState.JOB_STARTING else ()
    if run.state is JobState.JOB_EGRESSING:
        return fresh, (Egress(),)
    if run.state is JobState.JOB_FINISHING:
        return fresh, (Finish(),)
    if run.total is None:
        return fresh, (Prepare(),)
    return fresh, () if left else (Merge(),)


def unrunnable(broken: Sequence[str]) -> str:
    """Why a job cannot be run whose inputs these pipelines have not made."""
    return f"unrunnable because the following upstream pipelines failed: {', '.join(broken)}"


def _begun(run: JobRun, _: Begun) -> Step:
    if run.state is not JobState.JOB_CREATED:
        return run, ()
    return replace(run, state=JobState.JOB_STARTING), (Await(),)


def _ready(run: JobRun, event: Ready) -> Step:
    if run.state is not JobState.JOB_STARTING:
        return run, ()
    if event.broken:
        return _over(run, JobState.JOB_UNRUNNABLE, unrunnable(event.broken))
    return replace(run, state=JobState.JOB_RUNNING), (Prepare(),)


def _planned(run: JobRun, event: Planned) -> Step:
    if run.state is not JobState.JOB_RUNNING or run.total is not None:
        return run, ()
    after = replace(run, total=event.total, skipped=event.skipped, queue=event.queue)
    return after, () if event.queue else (Merge(),)


def _slots(run: JobRun, event: Slots) -> Step:
    count = min(event.free, run.waiting)
    if count <= 0:
        return run, ()
    old, fresh = run.again[:count], run.queue[run.taken : run.taken + count - len(run.again[:count])]
    attempts = [*old, *(Attempt(datum, 1) for datum in fresh)]
    given = dict(enumerate(attempts, run.serial))
    after = replace(
        run,
        again=run.again[count:],
        taken=run.taken + len(fresh),
        serial=run.serial + len(attempts),
        running=MappingProxyType({**run.running, **given}),
    )
    return after, tuple(Run(serial, attempt.datum, attempt.number) for serial, attempt in given.items())


def _ended(run: JobRun, event: Ended) -> Step:
    attempt = run.running.get(event.serial)
    if attempt is None:
        return run, ()
    after = replace(run, running=_without(run.running, [event.serial]))
    if event.outcome is DatumState.UNKNOWN:
        return replace(after, again=(*after.again, attempt)), ()
    if event.outcome is DatumState.FAILED:
        return _failed(after, attempt, event)
    if event.outcome is DatumState.RECOVERED:
        after = replace(after, recovered=after.recovered + 1)
    else:
        after = replace(after, processed=after.processed + 1)
    record = Record(attempt.datum, event.outcome)
    return after, (record,) if after.running or after.waiting else (record, Merge())


def _failed(run: JobRun, attempt: Attempt, event: Ended) -> Step:
    if attempt.number < run.tries:
        return replace(run, again=(*run.again, Attempt(attempt.datum, attempt.number + 1))), ()
    counted = replace(run, failed=run.failed + 1)
    after, actions = _over(counted, JobState.JOB_FAILURE, f"datum {event.id} failed")
    return after, (Record(attempt.datum, DatumState.FAILED, event.why), *actions)


def _restarted(run: JobRun, event: Restarted) -> Step:
    found = {serial: attempt for serial, attempt in run.running.items() if attempt.datum in event.datums}
    if not found:
        return run, ()
    after = replace(run, running=_without(run.running, [*found]), again=(*run.again, *found.values()))
    return after, (Kill(tuple(found)),)


def _merged(run: JobRun, event: Merged) -> Step:
    if run.state is not JobState.JOB_RUNNING or run.total is None or run.waiting or run.running:
        return run, ()
    if event.error:
        return _over(run, JobState.JOB_FAILURE, event.error)
    if run.has_egress:
        return replace(run, state=JobState.JOB_EGRESSING), (Egress(),)
    return replace(run, state=JobState.JOB_FINISHING), (Finish(),)


def _egressed(run: JobRun, event: Egressed) -> Step:
    if run.state is not JobState.JOB_EGRESSING:
        return run, ()
    if event.error:
        return _over(run, JobState.JOB_FAILURE, event.error)
    return replace(run, state=JobState.JOB_FINISHING), (Finish(),)


def _finished(run: JobRun, event: Finished) -> Step:
    if run.state is not JobState.JOB_FINISHING:
        return run, ()
    state = JobState.JOB_FAILURE if event.error else JobState.JOB_SUCCESS
    return replace(run, state=state, reason=event.error), ()


def _stopped(run: JobRun, event: Stopped) -> Step:
    return _over(run, JobState.JOB_KILLED, event.reason)


def _broken(run: JobRun, event: Broken) -> Step:
    return _over(run, JobState.JOB_FAILURE, event.reason)


def _over(run: JobRun, state: JobState, reason: str) -> Step:
    """The run ended before its time: what runs is killed, its commits finish with the error."""
    kill = (Kill(tuple(run.running)),) if run.running else ()
    after = replace(run, state=state, reason=reason, running=MappingProxyType({}), again=())
    return after, (*kill, Finish(reason))


def _without(running: Mapping[int, Attempt], serials: Sequence[int]) -> Mapping[int, Attempt]:
    return MappingProxyType({serial: attempt for serial, attempt in running.items() if serial not in serials})


_STEPS: dict[type, Callable[[JobRun, Any], Step]] = {
    Begun: _begun,
    Ready: _ready,
    Planned: _planned,
    Slots: _slots,
    Ended: _ended,
    Restarted: _restarted,
    Merged: _merged,
    Egressed: _egressed,
    Finished: _finished,
    Stopped: _stopped,
    Broken: _broken,
}
