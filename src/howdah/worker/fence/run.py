"""A run: what is asked for, and the process that starts the user's code, adopts what that leaves behind, and tells."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from howdah.worker.fence.limits import Limits, free
from howdah.worker.fence.ways import Way

_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Run:
    """One program with its arguments, on the folder of that name in the slot; it reads the file `stdin` there."""

    folder: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    limits: Limits
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Run:
        """As a message tells it."""
        command, limits = tuple(message["command"]), Limits(**message["limits"])
        files = {path: base64.b64decode(content) for path, content in message["files"].items()}
        return cls(message["folder"], command, message["environment"], message["directory"] or "/", limits, files)


class _Unable(Exception):
    """The code cannot be started, by its own fault."""


def lead(run: Run, way: Way, output: int, report: int) -> NoReturn:
    """Be the first process of a run: write to `report` what became of it, and end."""
    told: dict[str, Any]
    try:
        told = _lead(run, way, output)
    except _Unable as error:
        told = {"unable": str(error)}
    except BaseException as error:  # noqa: BLE001  -- whatever it is, it is told
        told = {"broken": f"{type(error).__name__}: {error}"}
    os.write(report, json.dumps(told).encode())
    os._exit(0)


def _lead(run: Run, way: Way, output: int) -> dict[str, Any]:
    os.setsid()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # those that it sends to its group
    given = os.open(f"{way.slot}/{run.folder}/stdin", os.O_RDONLY)
    room = free(f"{way.slot}/{run.folder}", run.limits.reserve)
    try:
        way.settle(run.folder, run.files)
    except PermissionError as error:
        if error.filename not in {os.path.dirname(path) for path in run.files}:
            raise
        raise _Unable(f"a secret cannot be at {error.filename}: {error.strerror}") from error
    run.limits.hold(room)
    way.drop()
    try:
        os.chdir(run.directory)
    except OSError as error:
        raise _Unable(f"working_dir {run.directory} cannot be entered: {error.strerror}") from error
    code = _start(run, given, output)
    os.close(output)
    while True:
        process, status, used = os.wait4(-1, 0)
        if process == code:
            return {"status": os.waitstatus_to_exitcode(status), "user": used.ru_utime, "system": used.ru_stime}


def _start(run: Run, given: int, output: int) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in enumerate((given, output, output))]
    program = _program(run.command[0] if run.command else "", run.environment.get("PATH", os.defpath))
    try:
        return os.posix_spawn(
            program,
            run.command,
            run.environment,
            file_actions=actions,
            setsigdef=_SIGNALS,
            setsigmask=(),
        )
    except OSError as error:
        raise _Unable(f"{run.command[0]} cannot be started: {error.strerror}") from error
    except ValueError as error:
        raise _Unable(f"{run.command[0]} cannot be started: an argument or a variable holds {error}") from error


def _program(name: str, path: str) -> str:
    """Where a program is; by its name in the folders of the path."""
    if not name:
        raise _Unable("nothing is to be started: name a program in transform.cmd")
    places = [name] if "/" in name else [f"{folder or '.'}/{name}" for folder in path.split(":")]
    found = [place for place in places if os.path.isfile(place)]
    fitting = next((place for place in found if os.access(place, os.X_OK)), None)
    if fitting:
        return fitting
    if found:
        raise _Unable(f"{found[0]} may not be executed: chmod +x, or name what runs it in transform.cmd")
    raise _Unable(f"{name} is not there: name a program of this machine in transform.cmd")
