"""What the program does all its time: takes an order, has a run, tells what it prints and how it ended."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from typing import Any

from howdah.worker.fence.frames import Message, Reader, pack
from howdah.worker.fence.limits import Watch
from howdah.worker.fence.lines import Lines
from howdah.worker.fence.run import Run, lead
from howdah.worker.fence.ways import Way

_READ = 64 << 10
_WAITING = 1 << 20  # bytes on their way to who listens; as long as there are more, code that prints waits
_DRAIN = 64  # reads of what is left in a pipe


class Talk:
    """The socket: messages that come, and those on their way."""

    def __init__(self, channel: socket.socket) -> None:
        channel.settimeout(0)
        self.channel = channel
        self.over = False
        self._reader = Reader()
        self._going = bytearray()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing should be added."""
        return len(self._going) > _WAITING

    @property
    def wishes(self) -> int:
        """What to poll the socket for."""
        return select.POLLIN | (select.POLLOUT if self._going else 0)

    def send(self, message: Message) -> None:
        """Add a message; it goes with `push`."""
        self._going += pack(message)

    def push(self) -> None:
        """Send what the socket takes."""
        try:
            while self._going:
                del self._going[: self.channel.send(self._going)]
        except BlockingIOError:
            pass
        except OSError:
            self.over = True

    def receive(self) -> list[Message]:
        """What has come."""
        try:
            data = self.channel.recv(_READ)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self.over = self.over or not data
        return list(self._reader.feed(data))

    def wait(self) -> list[Message]:
        """The next messages, all of ours gone before; none when nobody listens any more."""
        while not self.over:
            poll = select.poll()
            poll.register(self.channel, self.wishes)
            poll.poll()
            self.push()
            if found := self.receive():
                return found
        return []


def serve(talk: Talk, way: Way) -> None:
    """Have one run after the other, until nobody listens."""
    while messages := talk.wait():
        for number, message in enumerate(messages):
            if "run" in message and not talk.over:
                running = _Running(Run.of(message["run"]), way, talk)
                talk.send({"ended": running.ended(messages[number + 1 :])})
                talk.push()


class _Running:
    """A run under way."""

    def __init__(self, run: Run, way: Way, talk: Talk) -> None:
        self._run, self._way, self._talk = run, way, talk
        self._lines = Lines(run.limits.output)
        self._name = run.folder
        self._why: tuple[str, str] | None = None
        self._report = b""
        self._begun = time.monotonic()
        output, into = os.pipe()
        report, told = os.pipe()
        self.first = way.fork(run.limits.memory)
        if not self.first:
            talk.channel.close()
            os.close(output)
            os.close(report)
            lead(run, way, into, told)
        os.close(into)
        os.close(told)
        self._output, self._reported = output, report
        self._is_open = True
        folder = f"{way.slot}/{run.folder}"
        self._watch = Watch(run.limits, (f"{folder}/pfs/out", f"{folder}/tmp"), way.shared)  # noqa: S108

    def ended(self, heard: list[Message]) -> dict[str, Any]:
        """Go along with it to its end, and tell how that was; what came with the order for it is `heard`."""
        os.set_blocking(self._output, False)
        self._obey(heard)
        while True:
            happened = self._await()
            if self._output in happened:
                self._is_open = self._take()
            if self._talk.channel.fileno() in happened:
                self._hear()
            if self._reported in happened and not self._note():
                return self._end()
            self._look()

    def _await(self) -> set[int]:
        """What can be read or written, at the latest when it is time to look."""
        poll = select.poll()
        poll.register(self._reported, select.POLLIN)
        if not self._talk.over:
            poll.register(self._talk.channel, self._talk.wishes)
        if self._is_open and not self._talk.is_full:
            poll.register(self._output, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(self._patience() * 1000)}

    def _patience(self) -> float:
        seconds = self._run.limits.seconds
        left = self._begun + seconds - time.monotonic() if seconds else self._watch.wait()
        return 1.0 if self._why else max(0.0, min(left, self._watch.wait()) + 0.001)

    def _take(self) -> bool:
        """Whether there may be more."""
        try:
            data = os.read(self._output, _READ)
        except BlockingIOError:
            return True
        self._tell(self._lines.feed(data))
        return bool(data)

    def _tell(self, lines: list[str]) -> None:
        if lines:
            self._talk.send({"lines": lines})
            self._talk.push()

    def _hear(self) -> None:
        self._talk.push()
        self._obey(self._talk.receive())
        if self._talk.over:
            self._kill("killed", "nobody waits for it")

    def _obey(self, messages: list[Message]) -> None:
        for message in messages:
            if "kill" in message and message["folder"] == self._name:
                self._kill("killed", message["kill"])
            elif "turn" in message:
                self._turn(message["turn"])

    def _turn(self, name: str) -> None:
        """Go by another name; what was printed before is told before that is."""
        self._drain()
        self._tell(self._lines.end())
        self._lines = Lines(self._run.limits.output)
        self._name = name
        self._talk.send({"turned": name})
        self._talk.push()

    def _drain(self) -> None:
        for _ in range(_DRAIN):  # of a pipe that others may fill all the time
            self._is_open = self._is_open and self._take()

    def _note(self) -> bool:
        data = os.read(self._reported, _READ)
        self._report += data
        return bool(data)

    def _look(self) -> None:
        limits = self._run.limits
        if limits.seconds and time.monotonic() - self._begun > limits.seconds:
            self._kill("timeout", f"it took longer than {limits.seconds:g} seconds: raise datum_timeout")
        elif not self._why and (found := self._watch.look(self._way.members(self.first))):
            self._kill("limit", found)

    def _kill(self, how: str, why: str) -> None:
        if not self._why and not self._report:
            self._why = (how, why)
            self._way.kill(self.first)

    def _end(self) -> dict[str, Any]:
        self._way.finish(self.first)
        self._drain()
        self._tell(self._lines.end())
        os.close(self._output)
        os.close(self._reported)
        told = json.loads(self._report or b"{}")
        used = {"user": told.get("user", 0.0), "system": told.get("system", 0.0)}
        how, why = self._why or _outcome(told)
        wall = time.monotonic() - self._begun
        return {"how": how, "why": why, "code": told.get("status", 0), "seconds": wall, **used}


def _outcome(told: dict[str, Any]) -> tuple[str, str]:
    if "status" not in told:
        how = "unable" if "unable" in told else "broken"
        return how, str(told.get(how, "the first process ended before it told anything"))
    code = told["status"]
    if code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:  # its own, or as a shell tells it of what it has started
        return "limit", "it wrote a file that is too large: write less, or raise resource_limits.disk"
    if code >= 0:
        return "exited", f"exit code {code}"
    return "signaled", f"it was ended by {signal.Signals(-code).name}"
