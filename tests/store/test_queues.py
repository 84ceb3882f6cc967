"""Turns on one thing: one after the other, never in the way of another thing, and never for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from howdah.store.queues import Queues


def test_those_before_are_waited_for() -> None:
    queues, inside, most = Queues(patience=60), [0], [0]
    counting = threading.Lock()

    def work(_: int) -> None:
        with queues.turn("thing"):
            with counting:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with counting:
                inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert most == [1]


def test_another_thing_is_another_queue() -> None:
    queues = Queues(patience=60)
    with queues.turn("thing"), queues.turn("other"):
        pass


def test_who_has_waited_for_long_goes_on_and_the_next_finds_an_empty_queue() -> None:
    queues = Queues(patience=0.01)
    with queues.turn("thing"):
        with queues.turn("thing"):  # by the same thread, which would wait for ever
            pass
        with queues.turn("thing"):
            pass
    with queues.turn("thing"):
        pass
