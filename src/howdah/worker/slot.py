"""A place where one datum at a time is worked on: a fence and the folder that it serves."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType, TracebackType

from howdah.errors import Invalid, Unavailable
from howdah.worker import layout, refusals, users
from howdah.worker.fence.frames import Message, Reader, pack
from howdah.worker.fence.limits import Limits

_READ = 64 << 10
_PATIENCE = 10.0
_REMEMBERED = 1000  # of those that were killed, perhaps before they began

Lines = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: `how` is a word, `why` a sentence's end; seconds by the clock and of the processor."""

    how: str
    why: str
    code: int
    seconds: float
    user: float
    system: float


@dataclass(frozen=True, slots=True)
class Place:
    """Of a slot: its folder and number, and what its code does not see although it is there, and does nevertheless.

    `plain` is without any fence.
    """

    folder: Path
    number: int = 0
    covered: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    plain: bool = False
    user: int | None = None
    """Whom code runs as; None is the user of this process."""
    pfs: Path = Path("/pfs")
    """Where code without a fence looks for its files."""


class Slot:
    """For one thread at a time, but for `kill`. Raises `Refused` where the kernel allows no fence.

    The folder is the slot's alone: what another left there goes. A run that is under way ends with the slot. Code runs
    only within `running`.
    """

    @property
    def is_bare(self) -> bool:
        """Whether what it starts is not fenced in by it."""
        return self.place.plain

    @property
    def caller(self) -> int | None:
        """The user whom its code calls as; None where others are that user too, or it is not known."""
        return self.place.user

    def __init__(self, place: Place, running: AbstractContextManager[object] | None = None) -> None:
        self.place = place
        self._running = running if running is not None else nullcontext()
        _clear(place.folder)
        own, given = socket.socketpair()
        with given:
            command = [sys.executable, "-I", "-m", "howdah.worker.fence"]
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=given.fileno(), stdout=quiet, cwd=place.folder, env={})  # noqa: S603
        self._channel = own
        self._reader = Reader()
        self._waiting: list[Message] = []
        self._sending = threading.Lock()
        self._killed: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        place = self.place
        self._send(
            {
                "covered": [str(path.resolve()) for path in place.covered],
                "shown": [str(path.resolve()) for path in place.shown],
                "plain": self.is_bare,
                "lingers": self.is_bare and not place.plain,
                "user": place.user,
            }
        )
        answer = self._next()
        if "refused" in answer:
            raise refusals.error(answer["refused"])

    def run(
        self,
        folder: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: str = "",
        files: Mapping[str, bytes] = MappingProxyType({}),
        limits: Limits,
        tell: Lines,
        turned: Callable[[], None] = lambda: None,
    ) -> Ended:
        """Have the command run on the slot's folder of that name, and wait for its end; lines go to `tell`.

        `directory` is the one that it begins in; the topmost without one.
        `files` are in memory, at these paths, for this run; `Invalid` without a fence.
        `turned` is called when it begins and after each `turn`. An error ends the slot too.
        """
        if self.is_bare and files:
            told = f"code without a fence, or in an image, cannot have secrets as files ({', '.join(files)})"
            raise Invalid(f"{told}: have them by env_var", kind="unfenced")
        others = users.counted(plain=self.is_bare)
        order: dict[str, object] = {
            "folder": folder,
            "command": list(command),
            "environment": dict(environment),
            "directory": directory,
            "files": {path: base64.b64encode(content).decode() for path, content in files.items()},
            "limits": asdict(replace(limits, processes=limits.processes + others)),
        }
        with self._running:
            return self._run(folder, order, tell, turned)

    def _run(self, folder: str, order: dict[str, object], tell: Lines, turned: Callable[[], None]) -> Ended:
        try:
            with self._sending:
                why = dict(self._killed).get(folder)
                if why is not None:
                    return Ended("killed", why, 0, 0.0, 0.0, 0.0)
                self._send({"run": order})
            turned()
            while "ended" not in (message := self._next()):
                if "lines" in message:
                    tell(message["lines"])
                else:
                    turned()
            return Ended(**message["ended"])
        except BaseException:
            self.close()
            raise

    @property
    def process(self) -> int:
        """The fence's process."""
        return self._process.pid

    def kill(self, folder: str, why: str) -> None:
        """End the run on that folder, now or as soon as it begins; from any thread. No folder is for two datums."""
        with self._sending:
            self._killed.append((folder, why))
            self._send({"kill": why, "folder": folder})

    def turn(self, name: str) -> None:
        """Have the run under way go by this name, from any thread; what it has printed before is told first.

        Whoever wanted a run of that name killed gets his way now.
        """
        with self._sending:
            self._send({"turn": name})
            why = dict(self._killed).get(name)
            if why is not None:
                self._send({"kill": why, "folder": name})

    def close(self) -> None:
        """End the fence and all that runs in it."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._channel.close()

    def __enter__(self) -> Slot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, message: Message) -> None:
        try:
            self._channel.sendall(pack(message))
        except OSError as error:
            raise _gone() from error

    def _next(self) -> Message:
        while not self._waiting:
            try:
                data = self._channel.recv(_READ)
            except OSError as error:
                raise _gone() from error
            if not data:
                raise _gone()
            self._waiting += self._reader.feed(data)
        return self._waiting.pop(0)


def _clear(folder: Path) -> None:
    with layout.told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                layout.remove(left)
            else:
                left.unlink()


def _gone() -> Unavailable:
    return Unavailable("the fence has ended: look for its reason in the log of the worker", kind="fence")
