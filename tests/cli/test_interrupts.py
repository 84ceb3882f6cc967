"""Ctrl-C ends a command, whatever Python is doing when it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from howdah.cli import interrupts

_LOSES_THE_FIRST = """
import time
from howdah.cli.interrupts import insisted
with insisted():
    try:
        print("ready", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("lost", flush=True)
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print("heard", flush=True)
"""


def test_one_that_is_lost_comes_again() -> None:
    command = [sys.executable, "-c", _LOSES_THE_FIRST]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[0] == "lost\nheard\n"


def test_afterwards_everything_is_as_it_was() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)]
    timer = signal.getitimer(signal.ITIMER_REAL)
    with interrupts.insisted():
        assert signal.getsignal(signal.SIGINT) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)] == before
    assert (signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)) is (timer == (0.0, 0.0))  # the suite's own may be set


def test_in_a_thread_nothing_is_changed() -> None:
    seen: list[bool] = []
    before = signal.getsignal(signal.SIGINT)

    def look() -> None:
        with interrupts.insisted():
            seen.append(signal.getsignal(signal.SIGINT) == before)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [True]
