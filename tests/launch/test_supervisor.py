from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from howdah.launch import supervisor
from howdah.launch.supervisor import (
    Announce,
    Answered,
    Ended,
    Event,
    Finish,
    Kill,
    Start,
    Started,
    State,
    StopAsked,
    Tell,
    Terminate,
    Tick,
)

NAMES = ("store", "web")


def _after(*events: tuple[float, Event], state: State | None = None) -> State:
    state = state or supervisor.begin(NAMES)
    for now, event in events:
        state, _ = supervisor.step(state, event, now)
    return state


def _serving(now: float = 0.0) -> State:
    started = [(now, Started(name, pid)) for pid, name in enumerate(NAMES, 10)]
    return _after(*started, *((now, Answered(name)) for name in NAMES))


def test_first_tick_starts_everything_in_order() -> None:
    _, actions = supervisor.step(supervisor.begin(NAMES), Tick(), 0.0)
    assert actions == (Start("store"), Start("web"))


def test_url_is_announced_once_all_answer() -> None:
    state = _after((0, Started("store", 1)), (0, Started("web", 2)), (1, Answered("store")))
    state, actions = supervisor.step(state, Answered("web"), 2.0)
    assert actions == (Announce(),)
    assert supervisor.step(state, Answered("web"), 3.0)[1] == ()


def test_crashed_child_starts_again_after_a_pause() -> None:
    state, actions = supervisor.step(_serving(), Ended("web", 1), 5.0)
    assert actions == (Tell("web ended with exit code 1; starting it again in 0.5 s"),)
    assert supervisor.step(state, Tick(), 5.4)[1] == ()
    assert supervisor.step(state, Tick(), 5.5)[1] == (Start("web"),)


def test_pauses_double_up_to_a_limit() -> None:
    assert [supervisor.pause(n) for n in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_child_that_served_long_is_forgiven() -> None:
    state = _after((5, Ended("web", 1)), (6, Started("web", 12)), (7, Answered("web")), state=_serving())
    state, actions = supervisor.step(state, Ended("web", -9), 7 + supervisor.STABLE)
    assert actions == (Tell("web was ended by signal 9; starting it again in 0.5 s"),)


def test_start_is_given_up_after_three_crashes_before_the_first_answer() -> None:
    state = _after((0, Started("store", 1)), (0, Started("web", 2)), (1, Ended("web", 1)), (2, Started("web", 3)))
    state = _after((3, Ended("web", 1)), (4, Started("web", 4)), state=state)
    state, actions = supervisor.step(state, Ended("web", 1), 5.0)
    assert actions == (Tell("web ended with exit code 1 and does not start; giving up"), Terminate("store"))
    assert supervisor.step(state, Ended("store", 0), 6.0)[1] == (Finish(1),)


def test_children_are_stopped_one_after_the_other_the_last_first() -> None:
    state, first = supervisor.step(_serving(), StopAsked(), 9.0)
    state, second = supervisor.step(state, Ended("web", 0), 9.5)
    state, third = supervisor.step(state, Ended("store", 0), 9.6)
    assert (first, second, third) == ((Terminate("web"),), (Terminate("store"),), (Finish(0),))


def test_child_that_does_not_stop_is_killed_after_the_grace_time() -> None:
    state = _after((9, StopAsked()), state=_serving())
    assert supervisor.step(state, Tick(), 9 + supervisor.GRACE - 0.1)[1] == ()
    _, (told, killed) = supervisor.step(state, Tick(), 9 + supervisor.GRACE)
    assert isinstance(told, Tell)
    assert killed == Kill("web")


def test_asking_twice_kills_at_once() -> None:
    state = _after((9, StopAsked()), state=_serving())
    assert supervisor.step(state, StopAsked(), 9.1)[1] == (Kill("store"), Kill("web"))


def test_nothing_is_started_while_stopping() -> None:
    state = _after((9, StopAsked()), (9.1, Ended("web", 0)), state=_serving())
    assert supervisor.step(state, Tick(), 9.2)[1] == ()


@dataclass
class World:
    """Carries actions out as an ideal operating system would, and notes what must never be."""

    state: State = field(default_factory=lambda: supervisor.begin(NAMES))
    now: float = 0.0
    pids: dict[str, int] = field(default_factory=dict)
    next_pid: int = 1
    finished: int = 0

    def feed(self, event: Event) -> None:
        self.state, actions = supervisor.step(self.state, event, self.now)
        for action in actions:
            match action:
                case Start(name):
                    assert name not in self.pids
                    self.pids[name] = self.next_pid
                    self.next_pid += 1
                    self.feed(Started(name, self.pids[name]))
                case Terminate(name) | Kill(name):
                    assert name in self.pids
                case Finish():
                    assert not self.pids
                    self.finished += 1

    def act(self, what: str, name: str) -> None:
        if self.finished:
            return
        if what == "end" and name in self.pids:
            del self.pids[name]
            self.feed(Ended(name, 1))
        elif what == "answer" and name in self.pids:
            self.feed(Answered(name))
        elif what == "stop":
            self.feed(StopAsked())
        elif what == "tick":
            self.now += 1.0
            self.feed(Tick())


@given(st.lists(st.tuples(st.sampled_from(["end", "answer", "stop", "tick", "tick"]), st.sampled_from(NAMES))))
def test_any_order_of_events_keeps_the_promises(events: list[tuple[str, str]]) -> None:
    world = World()
    for what, name in events:
        world.act(what, name)
    world.act("stop", NAMES[0])
    for name in (*NAMES, *NAMES):
        world.act("end", name)
    assert world.finished == 1
