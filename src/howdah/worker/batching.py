"""Datums one after the other in one process of the user's code, which asks for each (`howdah.client.nextdatum`).

Code is started when there is a datum for it. From one datum to the next its `/pfs` stays and what is in there is
exchanged, while it waits for an answer. What ends before it has asked again, or tells an error, fails the datum that it
had; the next datum starts it anew. After the last one it is killed.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType

from howdah.client.nextdatum import Ask, Door
from howdah.errors import Invalid, Unavailable
from howdah.worker import environment, handover, layout, peers, unfenced, work
from howdah.worker.inputs import Fetcher
from howdah.worker.pipes import Pipes
from howdah.worker.slot import Ended, Lines, Slot
from howdah.worker.work import Code, Datum, Done, State

_END = "no datum is left"


class Batch:
    """The code of one task, in folders of the slot whose names begin as told. For one thread, until the block ends."""

    def __init__(self, slot: Slot, fetcher: Fetcher, code: Code, name: str) -> None:
        self._slot = slot
        self._fetcher = fetcher
        self._code = code
        self._names = (f"{name}-{number}" for number in count())
        self._process: _Process | None = None

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @contextmanager
    def tried(self, datum: Datum, name: str, tell: Lines) -> Iterator[Done]:
        """As `work.tried`, where the fetcher and the slot are ours."""
        folder = self._slot.place.folder / name
        try:
            with layout.told(folder):
                work.check_room(self._slot, self._code.limits)
                layout.make(folder, self._slot.place.user)
                done = self._tried(datum, folder, tell)
            yield done
        finally:
            with suppress(OSError):
                layout.remove(folder)

    def _tried(self, datum: Datum, folder: Path, tell: Lines) -> Done:
        begun = time.monotonic()
        process = self._process = self._process or self._start(datum)
        process.tell = tell
        told = environment.told(datum.about, datum.inputs, str(self._slot.place.pfs))
        fetched, ready = 0, begun
        try:
            with Pipes() as pipes:
                layout.open_file(process.folder / "pfs/.env", environment.as_file(told))
                fetched = sum(self._fetcher.fetch(process.folder, each, pipes) for each in datum.inputs)
                ready = time.monotonic()
                pipes.start()
                process.work_on(folder.name, told, self._code.limits.seconds)
            handover.take(process.folder, folder)
            state, why = State.SUCCESS, ""
        except (_Failed, Invalid) as failed:
            self._stop()
            state, why = State.FAILED, str(failed)
        ran = Done(state, why, (), ready - begun, time.monotonic() - ready, fetched + pipes.fed)
        top, own = str(process.folder), str(folder)
        return work.found(ran, folder, datum, {own + name.removeprefix(top) for name in pipes.names})

    def _start(self, datum: Datum) -> _Process:
        place = self._slot.place
        folder = place.folder / next(self._names)
        layout.make(folder, place.user)
        layout.give(folder, self._code.stdin)
        if place.plain:
            assert not self._fetcher.linked, "code without a fence would change what is in the cache"
            unfenced.lead(place, folder)
        told = environment.told(replace(datum.about, datum=""), ())
        return _Process(self._slot, self._code, folder, told)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            try:
                process.stop(_END)
            finally:
                with suppress(OSError):
                    layout.remove(process.folder)


class _Failed(Exception):
    """The datum has failed, for this reason."""


class _Process:
    """The code, once started: what happens to it is taken in by one thread, in order."""

    def __init__(self, slot: Slot, code: Code, folder: Path, told: Mapping[str, str]) -> None:
        self.folder = folder
        self.tell: Lines = lambda _: None
        self._slot = slot
        self._name = folder.name
        self._events: queue.SimpleQueue[Ask | Ended | BaseException | None] = queue.SimpleQueue()
        self._asks: deque[Ask] = deque()
        self._turned = False
        self._ended: Ended | BaseException | None = None
        self._door = Door(self._events.put, partial(_is_ours, slot.caller))
        home = str(folder / "tmp") if slot.place.plain else "/tmp"  # noqa: S108
        own = {"PYTHONUNBUFFERED": "1"}  # it is killed at the end: what it holds back then is lost
        given = environment.whole({**own, **code.env}, {**told, "PPS_WORKER_GRPC_PORT": str(self._door.port)}, home)
        self._thread = threading.Thread(target=self._run, args=(code, given), name="batch", daemon=True)
        self._thread.start()

    def _run(self, code: Code, given: Mapping[str, str]) -> None:
        try:
            ended = self._slot.run(
                self.folder.name,
                code.cmd,
                given,
                directory=code.working_dir,
                files=code.files,
                limits=replace(code.limits, seconds=0.0),
                tell=self._print,
                turned=lambda: self._events.put(None),
            )
            self._events.put(ended)
        except BaseException as error:  # noqa: BLE001 -- it is raised where somebody waits for it
            self._events.put(error)

    def _print(self, lines: list[str]) -> None:
        self.tell(lines)

    def work_on(self, name: str, told: Mapping[str, str], seconds: float) -> None:
        """Have the code work on what is in its folder now, in so much time, its start included where that is new.

        Raises `_Failed` where it does not.
        """
        self._await(lambda: self._turned, None)  # it may have to wait for other code to end
        limit = time.monotonic() + seconds if seconds else None
        self._turn(name)  # from now on who stops the datum ends it, even if it never asks
        try:
            ask = self._asked(limit)
            ask.answer([f"{key}={value}" for key, value in told.items()])
            ended = self._asked(limit)
        except queue.Empty as empty:
            raise _Failed(f"it took longer than {seconds:g} seconds") from empty
        self._turn(self.folder.name)
        if ended.error:
            self.tell(ended.error.splitlines())  # in the log alone, where secrets are struck out
            raise _Failed("its code told of an error, which is in the log")
        self._asks.appendleft(ended)

    def stop(self, why: str) -> None:
        """End it, and wait until it has."""
        with suppress(Unavailable):
            self._slot.kill(self._name, why)
        while self._ended is None:
            with suppress(_Failed, Exception):
                self._take(None)
        self._thread.join()
        self._door.__exit__(None, None, None)

    def _asked(self, limit: float | None) -> Ask:
        self._await(lambda: bool(self._asks), limit)
        return self._asks.popleft()

    def _turn(self, name: str) -> None:
        self._turned = False
        self._name = name
        self._slot.turn(name)
        self._await(lambda: self._turned, None)

    def _await(self, condition: Callable[[], bool], limit: float | None) -> None:
        while not condition():
            self._take(limit)

    def _take(self, limit: float | None) -> None:
        """Take the next event in; raises `queue.Empty` at the limit, and what the end of the code means."""
        event = self._events.get(timeout=None if limit is None else max(0.0, limit - time.monotonic()))
        if isinstance(event, Ask):
            self._asks.append(event)
        elif event is None:
            self._turned = True
        else:
            self._ended = event
            raise _end(event)


def _end(ended: Ended | BaseException) -> BaseException:
    """What the end of code means that should have gone on."""
    if isinstance(ended, BaseException):
        return ended
    if ended.how == "broken":
        return Unavailable(f"the fence could not start code: {ended.why}", kind="fence")
    if ended.how == "exited":
        return _Failed(f"the code ended before it asked for the next datum ({ended.why})")
    return _Failed(ended.why)


def _is_ours(user: int | None, caller: int, door: int) -> bool:
    """Whether the code that runs as the user calls; where slots have no users of their own, anybody may."""
    return user is None or peers.owner(caller, door) == user
