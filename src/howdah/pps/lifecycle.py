"""What becomes of a pipeline, as a function of values, as `machine` is for its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from howdah.infos import PipelineState

_SHORTEST, LONGEST = 0.5, 60.0  # seconds until what has failed is tried again

S = PipelineState
_ALIVE = frozenset({S.PIPELINE_STARTING, S.PIPELINE_RUNNING, S.PIPELINE_STANDBY, S.PIPELINE_CRASHING})


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A pipeline between two events."""

    state: PipelineState = S.PIPELINE_STARTING
    reason: str = ""
    autoscaling: bool = False
    has_work: bool = False
    tries: int = 0
    """How often it has been tried to start since it last ran."""


class Up(NamedTuple):
    """Its code can be run: who runs it is there, or one more try has gone well."""


class Work(NamedTuple):
    """Whether there are jobs to work on has changed."""

    has_work: bool


class Crashed(NamedTuple):
    """Its code cannot be started just now: a program is missing, an environment cannot be made."""

    reason: str


class Stopped(NamedTuple):
    """Somebody pauses it."""


class Started(NamedTuple):
    """Somebody lets it go on."""


class Updated(NamedTuple):
    """It has another specification; a paused one stays so."""

    autoscaling: bool = False


Event = Up | Work | Crashed | Stopped | Started | Updated


class Halt(NamedTuple):
    """Stop its jobs that are not over, for this reason."""

    reason: str


class TryAgain(NamedTuple):
    """Run nothing of it for so many seconds, then try again."""

    seconds: float


Action = Halt | TryAgain
Step = tuple[PipelineRun, tuple[Action, ...]]


def step(run: PipelineRun, event: Event) -> Step:
    """The pipeline after the event, and what is to be done."""
    return _STEPS[type(event)](run, event)


def _up(run: PipelineRun, _: Up) -> Step:
    if run.state not in {S.PIPELINE_STARTING, S.PIPELINE_CRASHING}:
        return run, ()
    return replace(run, state=_at_work(run), reason="", tries=0), ()


def _at_work(run: PipelineRun) -> PipelineState:
    return S.PIPELINE_STANDBY if run.autoscaling and not run.has_work else S.PIPELINE_RUNNING


def _work(run: PipelineRun, event: Work) -> Step:
    after = replace(run, has_work=event.has_work)
    if run.state in {S.PIPELINE_RUNNING, S.PIPELINE_STANDBY}:
        after = replace(after, state=_at_work(after))
    return after, ()


def _crashed(run: PipelineRun, event: Crashed) -> Step:
    if run.state not in _ALIVE:
        return run, ()
    after = replace(run, state=S.PIPELINE_CRASHING, reason=event.reason, tries=run.tries + 1)
    return after, (TryAgain(pause(after.tries)),)


def pause(tries: int) -> float:
    """How many seconds to wait after so many tries without success: it doubles each time, up to a minute."""
    return min(LONGEST, _SHORTEST * (1 << min(tries - 1, 20)))


def _stopped(run: PipelineRun, _: Stopped) -> Step:
    if run.state is S.PIPELINE_PAUSED:
        return run, ()
    return replace(run, state=S.PIPELINE_PAUSED, reason="", tries=0), (Halt("pipeline stopped"),)


def _started(run: PipelineRun, _: Started) -> Step:
    if run.state is not S.PIPELINE_PAUSED:
        return run, ()
    return replace(run, state=S.PIPELINE_STARTING), ()


def _updated(run: PipelineRun, event: Updated) -> Step:
    fresh = PipelineRun(autoscaling=event.autoscaling, has_work=run.has_work)
    if run.state is S.PIPELINE_PAUSED:
        return replace(fresh, state=S.PIPELINE_PAUSED), ()
    return fresh, (Halt("pipeline updated"),)


_STEPS: dict[type, Callable[[PipelineRun, Any], Step]] = {
    Up: _up,
    Work: _work,
    Crashed: _crashed,
    Stopped: _stopped,
    Started: _started,
    Updated: _updated,
}
