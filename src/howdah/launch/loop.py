"""Carries out what `supervisor` decides: starts and ends processes, waits for signals and for answers.

One thread. It sleeps until a signal arrives (a child's end is one) or it is time to look again.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from howdah.launch import supervisor
from howdah.launch.processes import Process, identify
from howdah.launch.programs import Program
from howdah.launch.supervisor import Action, Event

_STARTING = 0.1
_SERVING = 1.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Loop:
    """Watches over some programs until they are to stop.

    `announce` is called once, when all of them answer; `record` with the running children whenever they change.
    """

    def __init__(
        self,
        programs: tuple[Program, ...],
        log: Path,
        *,
        announce: Callable[[], None],
        record: Callable[[dict[str, Process]], None],
    ) -> None:
        self._programs = {program.name: program for program in programs}
        self._log = log
        self._announce = announce
        self._record = record
        self._state = supervisor.begin(tuple(self._programs))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._known: dict[str, Process] = {}
        self._log_starts: dict[str, int] = {}
        self._code: int | None = None

    def run(self) -> int:
        """Start everything and stay until all is stopped; the exit code."""
        with _signals() as (wake, stops):
            while self._code is None:
                self._feed(supervisor.Tick())
                self._look_for_answers()
                self._wait(wake)
                while stops and self._code is None:
                    stops.pop()
                    self._feed(supervisor.StopAsked())
                self._collect()
        return self._code

    def _feed(self, event: Event) -> None:
        self._state, actions = supervisor.step(self._state, event, time.monotonic())
        for action in actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case supervisor.Start(name):
                self._start(self._programs[name])
            case supervisor.Terminate(name):
                self._running[name].terminate()
            case supervisor.Kill(name):
                _kill_group(self._running[name].pid)
            case supervisor.Tell(text):
                print(text, file=sys.stderr, flush=True)
                self.log(text)
            case supervisor.Announce():
                self.log("everything answers")
                self._announce()
            case supervisor.Finish(code):
                self.log("stopped")
                self._code = code

    def log(self, text: str) -> None:
        """Add a line to the launcher's own log."""
        with open(self._log, "a", encoding="utf-8") as file:
            file.write(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {text}\n")

    def _start(self, program: Program) -> None:
        """Start it in a session of its own: Ctrl-C reaches us alone, and we stop things in their order."""
        guarded = [sys.executable, "-I", "-m", "howdah.launch.guard", str(os.getpid()), *program.command]
        with open(program.log, "ab") as log:
            self._log_starts[program.name] = log.tell()
            process = subprocess.Popen(  # noqa: S603
                guarded,
                env=dict(program.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running[program.name] = process
        if (known := identify(process.pid)) is not None:
            self._known[program.name] = known
        self._record(dict(self._known))
        self.log(f"{program.name} started as process {process.pid}")
        self._feed(supervisor.Started(program.name, process.pid))

    def _collect(self) -> None:
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                _kill_group(process.pid)  # what it has left behind must not keep its port
                del self._running[name]
                self._known.pop(name, None)
                self._record(dict(self._known))
                self._feed(supervisor.Ended(name, code))

    def _look_for_answers(self) -> None:
        for child in self._state.children:
            if child.pid is not None and not child.answered:
                program = self._programs[child.name]
                if program.answers(self.output(child.name)):
                    self._feed(supervisor.Answered(child.name))

    def output(self, name: str) -> bytes:
        """What a program has written since its last start."""
        with open(self._programs[name].log, "rb") as log:
            log.seek(self._log_starts.get(name, 0))
            return log.read()

    def _wait(self, wake: int) -> None:
        calm = all(child.answered for child in self._state.children) and self._state.stopping_since is None
        ready, _, _ = select.select([wake], [], [], _SERVING if calm else _STARTING)
        if ready:
            os.read(wake, 4096)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS answers the latter for a group of the dead
        return


@contextmanager
def _signals() -> Iterator[tuple[int, list[int]]]:
    """A descriptor that becomes readable at each signal, and the list of stop signals that have come."""
    stops: list[int] = []
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before: Mapping[signal.Signals, object] = {
        number: signal.signal(number, lambda number, _frame: stops.append(number)) for number in _STOP_SIGNALS
    }
    child_before = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    wakeup_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading, stops
    finally:
        signal.set_wakeup_fd(wakeup_before)
        signal.signal(signal.SIGCHLD, child_before)
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() itself gave us
        os.close(reading)
        os.close(writing)
