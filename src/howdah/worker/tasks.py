"""A task in one slot: its datums one after the other, and what comes of them told together, as often as is worth it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from howdah.client import changes
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Invalid, WrongState
from howdah.names import Commit
from howdah.wire import pfs
from howdah.wire.gen import pps_pb2, work_pb2
from howdah.worker import work
from howdah.worker.batching import Batch
from howdah.worker.environment import About
from howdah.worker.fence.limits import Limits
from howdah.worker.inputs import Fetcher, Input
from howdah.worker.slot import Lines, Slot
from howdah.worker.work import Code, Datum, Done, State

_SECONDS = 0.5  # what is done for longer is told
_BYTES = 64 << 20  # and so is what is more than this
_UNWANTED = "not-running"  # the kind of error that the store means by results nobody waits for
_Trying = Callable[[Datum, str, Lines], AbstractContextManager[Done]]
_STATES = {
    State.SUCCESS: pps_pb2.SUCCESS,
    State.FAILED: pps_pb2.FAILED,
    State.RECOVERED: pps_pb2.RECOVERED,
}


class Log(Protocol):
    """Takes lines of a task, each about the datum with an id."""

    def say(self, datum: str, line: str) -> None:
        """One of the worker's own."""

    def print(self, datum: str, lines: list[str]) -> None:
        """What code has printed."""

    def mark(self, results: work_pb2.Results) -> None:
        """Have the results taken in when all that was said and printed before is kept."""

    def give_back(self, results: work_pb2.Results) -> None:
        """The results were not looked at: what was said and printed before is to be kept nevertheless."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a task is worked on with."""

    conn: Connection
    token: str
    fetcher: Fetcher
    log: Log
    is_killed: Callable[[int], bool]
    """Whether somebody has stopped the run with this serial."""


@dataclass(slots=True)
class _Tried:
    datum: Datum
    serial: int
    done: Done
    upload_time: float = 0.0


def code_of(message: work_pb2.Code, packages: Mapping[str, str], turn: int) -> Code:
    """What is run on each datum; `packages` are variables that lead to the store and to the pipeline's own packages."""
    return Code(
        cmd=tuple(message.cmd),
        stdin=tuple(message.stdin),
        err_cmd=tuple(message.err_cmd),
        err_stdin=tuple(message.err_stdin),
        accept_return_code=tuple(message.accept_return_code),
        env={"PPS_POD_NAME": f"worker-{turn}", **packages, **message.env},
        working_dir=message.working_dir,
        files=dict(message.files),
        batching=message.batching,
        limits=Limits(
            memory=message.memory,
            processors=message.processors,
            disk=message.disk,
            seconds=message.seconds,
            turn=turn,
        ),
    )


def _inputs_of(message: work_pb2.Datum) -> tuple[Input, ...]:
    found = []
    for each in message.inputs:
        file = pfs.file_from_wire(each.file)
        assert file is not None
        content = each.content[0] if each.content else None
        found.append(Input(each.name, file, each.digest, each.lazy, each.empty, each.join_on, each.group_by, content))
    return tuple(found)


def datum_of(task: work_pb2.Task, message: work_pb2.Datum, code: Code) -> Datum:
    """A datum of a task."""
    return Datum(About(message.id, task.job.id, _output(task), task.spec_commit), _inputs_of(message), code)


def _output(task: work_pb2.Task) -> Commit:
    commit = pfs.commit_from_wire(task.output)
    assert commit is not None  # the store tells it
    return commit


class Task:
    """For one thread."""

    def __init__(self, means: Means, slot: Slot, message: work_pb2.Task) -> None:
        self._means = means
        self.slot = slot
        self._message = message
        self._output = _output(message)
        self._stack = ExitStack()
        self._tried: list[_Tried] = []
        self._since = 0.0
        self._told: set[int] = set()
        self.is_over = False
        """Whether the store has been told with the last results that this is over."""

    def lose(self, error: HowdahError) -> None:
        """Nothing could be done: tell it of each datum that nothing was told of, as its failure if it is the code's."""
        state = pps_pb2.FAILED if isinstance(error, Invalid) else pps_pb2.UNKNOWN
        left = [each.serial for each in self._message.datums if each.serial not in self._told]
        with suppress(WrongState), self._telling() as (_, results):
            results.results.extend(work_pb2.Result(serial=serial, state=state, why=error.message) for serial in left)

    def run(self, code: Code) -> None:
        """Work on all of it. Raises where the machine or the store is to blame; what was not told is lost then."""
        with self._stack, ExitStack() as stack:
            trying: _Trying = partial(work.tried, self.slot, self._means.fetcher)
            if code.batching:
                batch = Batch(self.slot, self._means.fetcher, code, f"{self._message.number}-code")
                trying = stack.enter_context(batch).tried
            for each in self._message.datums:
                if self._means.is_killed(each.serial):
                    continue
                self._try(each, code, trying)
                if self._is_due():
                    self._report()
            self._report(is_last=not code.batching)  # code that asks for datums has its slot for a while yet

    def _try(self, message: work_pb2.Datum, code: Code, trying: _Trying) -> None:
        datum = datum_of(self._message, message, code)
        log = self._means.log
        log.say(message.id, "beginning to run user code")
        begun = time.monotonic()
        name = folder_of(self._message.number, message.serial)
        done = self._stack.enter_context(trying(datum, name, partial(log.print, message.id)))
        took = f"finished running user code after {time.monotonic() - begun:.3f} seconds"
        log.say(message.id, took if done.state is State.SUCCESS else f"user code failed: {done.why}")
        if not self._means.is_killed(message.serial):
            self._since = self._since or begun
            self._tried.append(_Tried(datum, message.serial, done))

    def _is_due(self) -> bool:
        heavy = sum(each.done.upload_bytes for each in self._tried) > _BYTES
        return bool(self._tried) and (heavy or time.monotonic() - self._since > _SECONDS)

    def _report(self, *, is_last: bool = False) -> None:
        """Tell of what is done, and forget it: all at once, or if one of them is no longer wanted, each alone."""
        tried, self._tried, self._since = self._tried, [], 0.0
        if tried:
            try:
                self._send(tried, is_last=is_last)
            except WrongState:
                for each in tried if len(tried) > 1 else ():
                    with suppress(WrongState):
                        self._send([each])
            self._told.update(each.serial for each in tried)
        self._stack.close()

    def _send(self, tried: list[_Tried], *, is_last: bool = False) -> None:
        begun = time.monotonic()
        with self._telling() as (block, results):
            for each in tried:
                small = work.send(block, each.datum, each.done.outputs)
                if self._means.fetcher.linked and not (self.slot.is_bare or each.datum.code.batching):
                    # Before the store is told: the job that reads them may begin at once.
                    for digest, one in small:
                        self._means.fetcher.take(digest, one.place, is_own=self.slot.caller is None)
                each.upload_time, begun = time.monotonic() - begun, time.monotonic()
            results.results.extend(map(_result, tried))
            results.task = self._message.number if is_last else 0
        self.is_over = is_last

    @contextmanager
    def _telling(self) -> Iterator[tuple[changes.Changes, work_pb2.Results]]:
        """A block of changes to the output, and the results that come with it, to be filled in."""
        results = work_pb2.Results(token=self._means.token, job=self._message.job)
        try:
            with changes.modify(self._means.conn, self._output) as block:
                yield block, results
                self._means.log.mark(results)
                block.report(results)
        except HowdahError as error:
            if error.kind != _UNWANTED:  # else its lines were kept: it was looked at
                self._means.log.give_back(results)
            raise


def _result(tried: _Tried) -> work_pb2.Result:
    done = tried.done
    return work_pb2.Result(
        serial=tried.serial,
        state=_STATES[done.state],
        why=done.why,
        download_time=done.download_time,
        process_time=done.process_time,
        upload_time=tried.upload_time,
        download_bytes=done.download_bytes,
        upload_bytes=done.upload_bytes,
    )


def folder_of(task: int, serial: int) -> str:
    """The name of the folder in which a datum of a task is tried."""
    return f"{task}-{serial}"
