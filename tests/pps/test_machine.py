from __future__ import annotations

from array import array
from dataclasses import replace
from enum import IntEnum
from types import MappingProxyType

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from hypothesis import given
from hypothesis import strategies as st

from howdah.infos import DatumState, JobState, PipelineState
from howdah.pps import machine
from howdah.pps.machine import (
    Attempt,
    Await,
    Begun,
    Broken,
    Egress,
    Egressed,
    Ended,
    Event,
    Finish,
    Finished,
    JobRun,
    Kill,
    Merge,
    Merged,
    Planned,
    Prepare,
    Ready,
    Record,
    Restarted,
    Run,
    Slots,
    Stopped,
    resume,
    step,
)
from howdah.wire.gen import pps_pb2

S = JobState


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (JobState, pps_pb2.JobState),
        (DatumState, pps_pb2.DatumState),
        (PipelineState, pps_pb2.PipelineState),
    ],
)
def test_states_have_the_numbers_of_the_interface(ours: type[IntEnum], theirs: EnumTypeWrapper) -> None:
    assert {state.name: state.value for state in ours} == dict(theirs.items())


def queue(*numbers: int) -> array[int]:
    """Datums to run."""
    return array("I", numbers)


CREATED = JobRun(tries=2)
STARTING = replace(CREATED, state=S.JOB_STARTING)
UNPLANNED = replace(CREATED, state=S.JOB_RUNNING)
PLANNED = replace(UNPLANNED, total=3, skipped=1, queue=queue(4, 7))
AT_WORK = replace(PLANNED, taken=1, running=MappingProxyType({0: Attempt(4, 1)}), serial=1)
LAST = replace(PLANNED, queue=queue(4), taken=1, running=MappingProxyType({0: Attempt(4, 1)}), serial=1)
LAST_TRY = replace(LAST, running=MappingProxyType({0: Attempt(4, 2)}))
DONE = replace(PLANNED, taken=2, processed=2, serial=2)
TO_EGRESS = replace(DONE, has_egress=True)
EGRESSING = replace(TO_EGRESS, state=S.JOB_EGRESSING)
FINISHING = replace(DONE, state=S.JOB_FINISHING)
KILL = Kill((0,))

CASES = [
    (CREATED, Begun(), S.JOB_STARTING, (Await(),)),
    (STARTING, Ready(), S.JOB_RUNNING, (Prepare(),)),
    (
        STARTING,
        Ready(("a", "b")),
        S.JOB_UNRUNNABLE,
        (Finish("unrunnable because the following upstream pipelines failed: a, b"),),
    ),
    (UNPLANNED, Planned(3, 1, queue(4, 7)), S.JOB_RUNNING, ()),
    (UNPLANNED, Planned(1, 1, queue()), S.JOB_RUNNING, (Merge(),)),
    (UNPLANNED, Slots(3), S.JOB_RUNNING, ()),
    (UNPLANNED, Merged(), S.JOB_RUNNING, ()),
    (PLANNED, Slots(1), S.JOB_RUNNING, (Run(0, 4, 1),)),
    (PLANNED, Slots(5), S.JOB_RUNNING, (Run(0, 4, 1), Run(1, 7, 1))),
    (PLANNED, Slots(0), S.JOB_RUNNING, ()),
    (PLANNED, Merged(), S.JOB_RUNNING, ()),
    (AT_WORK, Ended(0, DatumState.SUCCESS), S.JOB_RUNNING, (Record(4, DatumState.SUCCESS),)),
    (LAST, Ended(0, DatumState.SUCCESS), S.JOB_RUNNING, (Record(4, DatumState.SUCCESS), Merge())),
    (LAST, Ended(0, DatumState.RECOVERED), S.JOB_RUNNING, (Record(4, DatumState.RECOVERED), Merge())),
    (LAST, Ended(0, DatumState.FAILED), S.JOB_RUNNING, ()),
    (LAST, Ended(0, DatumState.UNKNOWN), S.JOB_RUNNING, ()),
    (LAST, Ended(5, DatumState.SUCCESS), S.JOB_RUNNING, ()),
    (
        LAST_TRY,
        Ended(0, DatumState.FAILED, "abc", "exit status 3"),
        S.JOB_FAILURE,
        (Record(4, DatumState.FAILED, "exit status 3"), Finish("datum abc failed")),
    ),
    (AT_WORK, Restarted(frozenset({4, 9})), S.JOB_RUNNING, (KILL,)),
    (AT_WORK, Restarted(frozenset({7})), S.JOB_RUNNING, ()),
    (AT_WORK, Stopped(), S.JOB_KILLED, (KILL, Finish("job stopped"))),
    (AT_WORK, Stopped("job timed out"), S.JOB_KILLED, (KILL, Finish("job timed out"))),
    (AT_WORK, Broken("no such program"), S.JOB_FAILURE, (KILL, Finish("no such program"))),
    (AT_WORK, Merged(), S.JOB_RUNNING, ()),
    (DONE, Merged(), S.JOB_FINISHING, (Finish(),)),
    (DONE, Merged("two wrote /a"), S.JOB_FAILURE, (Finish("two wrote /a"),)),
    (TO_EGRESS, Merged(), S.JOB_EGRESSING, (Egress(),)),
    (EGRESSING, Egressed(), S.JOB_FINISHING, (Finish(),)),
    (EGRESSING, Egressed("no such bucket"), S.JOB_FAILURE, (Finish("no such bucket"),)),
    (FINISHING, Finished(), S.JOB_SUCCESS, ()),
    (FINISHING, Finished("/a is a file and a directory"), S.JOB_FAILURE, ()),
    *(
        (run, Stopped(), S.JOB_KILLED, (Finish("job stopped"),))
        for run in (CREATED, STARTING, DONE, EGRESSING, FINISHING)
    ),
    *(
        (run, Broken("x"), S.JOB_FAILURE, (Finish("x"),))
        for run in (CREATED, STARTING, UNPLANNED, EGRESSING, FINISHING)
    ),
]


@pytest.mark.parametrize(("before", "event", "state", "actions"), CASES)
def test_each_event_leads_to_its_state_and_actions(
    before: JobRun, event: Event, state: JobState, actions: tuple[machine.Action, ...]
) -> None:
    after, told = step(before, event)

    assert after.state is state
    assert told == actions
    assert after.is_over == state.is_over
    if after.is_over:
        assert not after.running
        assert after.reason == next((action.error for action in told if isinstance(action, Finish)), after.reason)


def test_every_state_is_come_to() -> None:
    assert {state for _, _, state, _ in CASES} == {*S} - {S.JOB_STATE_UNKNOWN, S.JOB_CREATED}


EVENTS: list[Event] = [
    Begun(),
    Ready(),
    Ready(("a",)),
    Planned(9, 0, queue(1)),
    Slots(1),
    Ended(0, DatumState.SUCCESS),
    Restarted(frozenset({4})),
    Merged(),
    Egressed(),
    Finished(),
]
WAITING = [(CREATED, Begun), (STARTING, Ready), (EGRESSING, Egressed), (FINISHING, Finished)]
UNEXPECTED = [(run, event) for run, awaited in WAITING for event in EVENTS if not isinstance(event, awaited)] + [
    (run, event)
    for run in (UNPLANNED, AT_WORK, DONE)
    for event in EVENTS
    if isinstance(event, Begun | Ready | Egressed | Finished) or (isinstance(event, Planned) and run is not UNPLANNED)
]


@pytest.mark.parametrize(("before", "event"), UNEXPECTED)
def test_what_comes_too_early_or_too_late_changes_nothing(before: JobRun, event: Event) -> None:
    assert step(before, event) == (before, ())


@pytest.mark.parametrize("state", [each for each in JobState if each.is_over])
@pytest.mark.parametrize("event", [*EVENTS, Stopped(), Broken("x")], ids=lambda event: type(event).__name__)
def test_a_job_that_is_over_stays_as_it_is(state: JobState, event: Event) -> None:
    over = replace(DONE, state=state)
    assert step(over, event) == (over, ())
    assert resume(over, bool) == (over, ())


@pytest.mark.parametrize(
    ("before", "actions"),
    [
        (CREATED, ()),
        (STARTING, (Await(),)),
        (UNPLANNED, (Prepare(),)),
        (AT_WORK, ()),
        (DONE, (Merge(),)),
        (EGRESSING, (Egress(),)),
        (FINISHING, (Finish(),)),
    ],
)
def test_a_job_is_taken_up_where_it_was(before: JobRun, actions: tuple[machine.Action, ...]) -> None:
    after, told = resume(before, lambda datum: before is DONE or datum == 7)

    assert told == actions
    assert (after.state, after.restart) == (before.state, before.restart + 1)
    assert not after.running
    assert after.waiting == (1 if before is AT_WORK else 0)


def test_a_retried_datum_comes_before_the_rest_and_a_lost_one_has_lost_no_try() -> None:
    run, _ = step(AT_WORK, Ended(0, DatumState.FAILED))
    run, told = step(run, Slots(2))
    assert told == (Run(1, 4, 2), Run(2, 7, 1))
    run, _ = step(run, Ended(1, DatumState.UNKNOWN))
    assert step(run, Slots(1))[1] == (Run(3, 4, 2),)


class World:
    """A driver that does what the machine says, with whatever luck it is given."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.tries = data.draw(st.integers(1, 3))
        self.todo = data.draw(st.integers(0, 6))
        self.run = JobRun(tries=self.tries, has_egress=data.draw(st.booleans()))
        self.waiting: list[machine.Action] = []
        self.recorded: dict[int, DatumState] = {}
        self.alive: dict[int, int] = {}
        self.failures: dict[int, int] = {}
        self.committed = 0
        self.most = 1

    def choose(self, *options: str) -> str:
        """One of them by chance."""
        return self.data.draw(st.sampled_from(options))

    def send(self, event: Event) -> None:
        """Let something happen and do what can be done at once."""
        was_over = self.run.is_over
        self.run, actions = step(self.run, event)
        assert not (was_over and actions)
        self.take(actions)

    def take(self, actions: tuple[machine.Action, ...]) -> None:
        """Carry out actions, or let them wait for their time."""
        for action in actions:
            if isinstance(action, Record):
                assert action.datum not in self.recorded
                self.recorded[action.datum] = action.state
            elif isinstance(action, Run):
                assert action.datum not in self.alive.values()
                assert action.datum not in self.recorded
                assert action.attempt <= self.tries
                self.alive[action.serial] = action.datum
            elif isinstance(action, Kill):
                for serial in action.serials:
                    del self.alive[serial]
            elif isinstance(action, Finish) and action.error:
                self.committed += 1
            else:
                self.waiting.append(action)

    def go_on(self) -> None:
        """Let one thing happen."""
        if self.alive and self.choose("end", "other") == "end":
            self.end(self.data.draw(st.sampled_from(sorted(self.alive))))
        elif self.waiting:
            self.answer(self.waiting.pop(0))
        elif self.run.state is S.JOB_CREATED:
            self.send(Begun())
        else:
            free = self.data.draw(st.integers(1, 3))
            self.most = max(self.most, len(self.alive) + free)
            self.send(Slots(free))

    def end(self, serial: int) -> None:
        """Let the run of a datum end somehow."""
        datum = self.alive.pop(serial)
        outcome = DatumState[self.choose("SUCCESS", "SUCCESS", "FAILED", "RECOVERED", "UNKNOWN")]
        self.failures[datum] = self.failures.get(datum, 0) + (outcome is DatumState.FAILED)
        self.send(Ended(serial, outcome, f"id{datum}"))

    def answer(self, action: machine.Action) -> None:
        """What is told when the action has been carried out."""
        if isinstance(action, Finish):
            self.committed += 1
            self.send(Finished(self.choose("", "", "bad path")))
        elif isinstance(action, Await):
            self.send(Ready())
        elif isinstance(action, Prepare):
            self.send(Planned(self.todo + 2, 2, queue(*range(self.todo))))
        elif isinstance(action, Merge):
            assert len(self.recorded) == self.todo
            self.send(Merged(self.choose("", "", "", "two wrote /a")))
        elif isinstance(action, Egress):
            self.send(Egressed(self.choose("", "", "away")))

    def die(self) -> None:
        """Let everything be gone but what rows hold: the run and the records."""
        self.alive, self.waiting = {}, []
        self.run, actions = resume(self.run, lambda datum: datum in self.recorded)
        self.failures = {}
        self.take(actions)


@given(st.data())
def test_every_job_ends_with_each_datum_recorded_once_whatever_happens(data: st.DataObject) -> None:
    world = World(data)
    troubles = data.draw(st.integers(0, 4))
    for _ in range(400):
        if world.run.is_over:
            break
        what = world.choose("on", "on", "on", "on", "die", "restart", "stop") if troubles else "on"
        troubles -= what in {"die", "stop"}
        if what == "die":
            world.die()
        elif what == "stop":
            world.send(Stopped())
        elif what == "restart":
            world.send(Restarted(frozenset(world.alive.values())))
        else:
            world.go_on()
        assert {serial: attempt.datum for serial, attempt in world.run.running.items()} == world.alive
    run = world.run
    if run.is_over:
        assert world.committed >= 1
        assert not world.alive
        told = [*world.recorded.values()]
        counts = [told.count(state) for state in (DatumState.SUCCESS, DatumState.FAILED, DatumState.RECOVERED)]
        assert counts == [run.processed, run.failed, run.recovered]
        assert (run.state is S.JOB_FAILURE) >= bool(run.failed)
    if run.state is S.JOB_SUCCESS:
        assert run.total == run.processed + run.recovered + run.skipped
        assert all(count < world.tries for count in world.failures.values())
