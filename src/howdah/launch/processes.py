"""Other processes, told apart by id and start time: an id alone may since belong to somebody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LOOK_EVERY = 0.05


def piped(
    command: list[str], environ: Mapping[str, str], *, cwd: Path | None = None, start_new_session: bool = False
) -> subprocess.Popen[str]:
    """The command, started without input; all that it prints is text to be read from its `stdout`."""
    return subprocess.Popen(  # noqa: S603
        command,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=start_new_session,
    )


@dataclass(frozen=True, slots=True)
class Process:
    """One process of one boot of this machine; `started` is the system's own word for when."""

    pid: int
    started: str


def identify(pid: int) -> Process | None:
    """The process that has this id now; None if there is none, or it has ended and only waits to be collected."""
    started = _started_linux(pid) if sys.platform == "linux" else _started_elsewhere(pid)
    return None if started is None else Process(pid, started)


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()  # the name before it may hold spaces and parentheses
    return None if fields[0] in {"Z", "X"} else f"{boot} {fields[19]}"


def _started_elsewhere(pid: int) -> str | None:
    command = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
    environ = {"LC_ALL": "C", "PATH": "/bin:/usr/bin"}
    found = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)  # noqa: S603
    state, _, started = found.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def is_alive(process: Process) -> bool:
    """Whether that very process still runs."""
    return identify(process.pid) == process


def wait_until_gone(process: Process, seconds: float) -> bool:
    """Whether the process has ended within that time."""
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_EVERY)
    return True


def end(process: Process, grace: float) -> bool:
    """Ask that very process to end, and force it after `grace` seconds; whether it is gone."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if not is_alive(process):
            return True
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return True
        if wait_until_gone(process, patience):
            return True
    return False
