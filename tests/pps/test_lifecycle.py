from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.infos import PipelineState
from howdah.pps.lifecycle import (
    Action,
    Crashed,
    Event,
    Halt,
    PipelineRun,
    Started,
    Stopped,
    TryAgain,
    Up,
    Updated,
    Work,
    step,
)

S = PipelineState
STARTING = PipelineRun()
RUNNING = replace(STARTING, state=S.PIPELINE_RUNNING)
IDLE = replace(STARTING, state=S.PIPELINE_STANDBY, autoscaling=True)
BUSY = replace(RUNNING, autoscaling=True, has_work=True)
CRASHING = replace(STARTING, state=S.PIPELINE_CRASHING, reason="no program", tries=1)
PAUSED = replace(STARTING, state=S.PIPELINE_PAUSED)
EVERY = [STARTING, RUNNING, IDLE, BUSY, CRASHING, PAUSED]

CASES: list[tuple[PipelineRun, Event, PipelineState, tuple[Action, ...]]] = [
    (STARTING, Up(), S.PIPELINE_RUNNING, ()),
    (replace(STARTING, autoscaling=True), Up(), S.PIPELINE_STANDBY, ()),
    (replace(STARTING, autoscaling=True, has_work=True), Up(), S.PIPELINE_RUNNING, ()),
    (CRASHING, Up(), S.PIPELINE_RUNNING, ()),
    *((run, Up(), run.state, ()) for run in (RUNNING, IDLE, PAUSED)),
    (IDLE, Work(has_work=True), S.PIPELINE_RUNNING, ()),
    (BUSY, Work(has_work=False), S.PIPELINE_STANDBY, ()),
    (RUNNING, Work(has_work=False), S.PIPELINE_RUNNING, ()),
    *((run, Work(has_work=True), run.state, ()) for run in (STARTING, CRASHING, PAUSED)),
    *((run, Crashed("x"), S.PIPELINE_CRASHING, (TryAgain(0.5),)) for run in (STARTING, RUNNING, IDLE)),
    (CRASHING, Crashed("x"), S.PIPELINE_CRASHING, (TryAgain(1.0),)),
    (PAUSED, Crashed("x"), S.PIPELINE_PAUSED, ()),
    *((run, Stopped(), S.PIPELINE_PAUSED, (Halt("pipeline stopped"),)) for run in EVERY[:-1]),
    (PAUSED, Stopped(), S.PIPELINE_PAUSED, ()),
    *((run, Started(), run.state, ()) for run in EVERY[:-1]),
    (PAUSED, Started(), S.PIPELINE_STARTING, ()),
    *((run, Updated(), S.PIPELINE_STARTING, (Halt("pipeline updated"),)) for run in EVERY[:-1]),
    (PAUSED, Updated(autoscaling=True), S.PIPELINE_PAUSED, ()),
]


@pytest.mark.parametrize(("before", "event", "state", "actions"), CASES)
def test_each_event_leads_to_its_state_and_actions(
    before: PipelineRun, event: Event, state: PipelineState, actions: tuple[Action, ...]
) -> None:
    after, told = step(before, event)

    assert (after.state, told) == (state, actions)


def test_every_event_has_been_looked_at_in_every_state() -> None:
    states = {run.state for run in EVERY}
    kinds = {type(event) for _, event, _, _ in CASES}
    seen = {(run.state, type(event)) for run, event, _, _ in CASES}

    assert states == {*S} - {S.PIPELINE_STATE_UNKNOWN, S.PIPELINE_RESTARTING, S.PIPELINE_FAILURE}  # only Pachyderm's
    assert {*((state, kind) for state in states for kind in kinds)} == seen


def test_what_it_waits_for_grows_to_a_minute() -> None:
    run, waits = STARTING, []
    for _ in range(20):
        run, actions = step(run, Crashed("x"))
        waits += [action.seconds for action in actions if isinstance(action, TryAgain)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == 60.0


EVENTS = st.sampled_from([Up(), Work(has_work=True), Work(has_work=False), Crashed("x"), Started()])


@given(st.lists(EVENTS | st.sampled_from([Stopped(), Updated()])))
def test_a_paused_pipeline_starts_only_when_somebody_lets_it(events: list[Event]) -> None:
    run = PAUSED
    for event in events:
        before = run
        run, actions = step(run, event)
        if before.state is S.PIPELINE_PAUSED and not isinstance(event, Started):
            assert run.state is S.PIPELINE_PAUSED
            assert not actions
