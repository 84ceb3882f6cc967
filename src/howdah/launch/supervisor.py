"""Decides what to do with the processes that make up Howdah: a pure function from state and event to actions.

Promises, whatever the order of events:

* a child that ends by itself is started again, after a pause that doubles from half a second up to half a minute and
  is forgotten once the child has served for a minute;
* as long as not everything has answered once, three crashes in a row of one child end the whole start;
* stopping is asked of one child at a time, the last one first (a program is stopped before what it uses), and forced
  when the child has not ended after the grace time or the user asks again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GRACE = 10.0
STABLE = 60.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
MOST_FAILED_STARTS = 3


@dataclass(frozen=True, slots=True)
class Child:
    """One program: running if it has a pid. `since` is when it was started, or when it ended."""

    name: str
    pid: int | None = None
    answered: bool = False
    failures: int = 0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """All children in the order of starting, and how far the whole has come."""

    children: tuple[Child, ...]
    announced: bool = False
    stopping_since: float | None = None
    exit_code: int = 0

    def child(self, name: str) -> Child:
        """The child of that name."""
        return next(child for child in self.children if child.name == name)


@dataclass(frozen=True, slots=True)
class Started:
    """Event: a child has been started."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Event: a child answers its clients."""

    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Event: a child has ended; `code` is its exit code, negative for the signal that ended it."""

    name: str
    code: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Event: the user or the system wants everything to stop."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Event: time has passed."""


@dataclass(frozen=True, slots=True)
class Start:
    """Action: start this child."""

    name: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Action: ask this child to end."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Action: end this child by force, and all that it started."""

    name: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Action: tell the user and the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Action: everything answers; tell the user where."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Action: nothing is left to watch; leave with this code."""

    code: int


Event = Started | Answered | Ended | StopAsked | Tick
Action = Start | Terminate | Kill | Tell | Announce | Finish
Step = tuple[State, tuple[Action, ...]]


def begin(names: tuple[str, ...]) -> State:
    """The state before anything is started."""
    return State(tuple(Child(name) for name in names))


def pause(failures: int) -> float:
    """Seconds to wait before a child that has failed so often in a row is started again."""
    if failures == 0:
        return 0.0
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))


def step(state: State, event: Event, now: float) -> Step:
    """The state after `event`, and what is to be done because of it, in order."""
    match event:
        case Started(name, pid):
            return _with(state, replace(state.child(name), pid=pid, answered=False, since=now)), ()
        case Answered(name):
            return _answered(_with(state, replace(state.child(name), answered=True)))
        case Ended(name, code):
            return _ended(state, state.child(name), code, now)
        case StopAsked():
            return _stop_asked(state, now)
        case Tick():
            return _tick(state, now)


def _with(state: State, child: Child) -> State:
    return replace(state, children=tuple(child if old.name == child.name else old for old in state.children))


def _answered(state: State) -> Step:
    if state.announced or not all(child.answered for child in state.children):
        return state, ()
    return replace(state, announced=True), (Announce(),)


def _ended(state: State, child: Child, code: int, now: float) -> Step:
    served = child.answered and now - child.since >= STABLE
    child = replace(child, pid=None, answered=False, failures=1 if served else child.failures + 1, since=now)
    state = _with(state, child)
    if state.stopping_since is not None:
        return _stop_next(state, now)
    if not state.announced and child.failures >= MOST_FAILED_STARTS:
        said = Tell(f"{child.name} {_how(code)} and does not start; giving up")
        state, actions = _stop_next(replace(state, exit_code=1), now)
        return state, (said, *actions)
    return state, (Tell(f"{child.name} {_how(code)}; starting it again in {pause(child.failures):g} s"),)


def _how(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _stop_asked(state: State, now: float) -> Step:
    if state.stopping_since is None:
        return _stop_next(state, now)
    return state, tuple(Kill(child.name) for child in state.children if child.pid is not None)


def _stop_next(state: State, now: float) -> Step:
    running = [child for child in state.children if child.pid is not None]
    state = replace(state, stopping_since=now)
    if not running:
        return state, (Finish(state.exit_code),)
    return state, (Terminate(running[-1].name),)


def _tick(state: State, now: float) -> Step:
    if state.stopping_since is None:
        due = [c for c in state.children if c.pid is None and now >= c.since + pause(c.failures)]
        return state, tuple(Start(child.name) for child in due)
    running = [child for child in state.children if child.pid is not None]
    if running and now - state.stopping_since >= GRACE:
        last = running[-1]
        told = Tell(f"{last.name} has not ended after {GRACE:g} s; ending it by force")
        return replace(state, stopping_since=now), (told, Kill(last.name))
    return state, ()
