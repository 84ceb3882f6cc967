"""From the event loop to the synchronous core.

The core's verbs block, so each runs in a thread; a stream of answers is fetched in batches, one hop a batch, and
no thread is held while a client is slow or a commit is waited for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import NoReturn, ParamSpec, Protocol, TypeVar

from howdah.errors import Unavailable

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_THREADS = 16
_PATIENT_THREADS = 64
_AHEAD = 8


class Bridge:
    """Runs verbs of the core for one event loop. `hops` grows with each, and at the end of each stream of answers."""

    def __init__(self) -> None:
        self.hops = 0
        self._ahead = 0  # streams that have a batch made ahead
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="verb")
        self._patient = asyncio.Semaphore(_PATIENT_THREADS)

    async def run(
        self, verb: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        """The verb's result, computed in a thread."""
        self.hops += 1
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: verb(*args, **kwargs))

    async def run_patiently(
        self, verb: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result:
        """As `run`, for a verb that waits for other machines.

        It keeps no thread from verbs that do not, and the process from ending neither: its thread is a daemon.
        """
        loop = asyncio.get_running_loop()
        done: Future[_Result] = Future()
        done.set_running_or_notify_cancel()  # from here on it ends with the verb, whether or not anybody waits for it
        await self._patient.acquire()
        done.add_done_callback(lambda _: _call_soon(loop, self._patient.release))

        def work() -> None:
            try:
                done.set_result(verb(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 -- raised where the verb is awaited
                done.set_exception(error)

        threading.Thread(target=work, name="patient", daemon=True).start()
        return await asyncio.wrap_future(done)

    async def batches(self, make: Callable[[], Iterator[_Result]], size: int) -> AsyncIterator[list[_Result]]:
        """The items of the iterator that `make` makes, `size` at a time; each batch takes one hop into a thread.

        While one batch is sent the next one is made, and no more than that; for a few streams at once, since what is
        made waits in memory for clients that take nothing.
        """

        def begin() -> tuple[Iterator[_Result], list[_Result]]:
            items = make()
            return items, list(islice(items, size))

        def go_on() -> list[_Result]:
            return list(islice(items, size))

        items, batch = await self.run(begin)
        try:
            while len(batch) == size:
                if self._ahead >= _AHEAD:
                    yield batch
                    batch = await self.run(go_on)
                    continue
                self._ahead += 1
                ahead = asyncio.ensure_future(self.run(go_on))
                try:
                    yield batch
                    batch = await ahead
                finally:
                    ahead.cancel()  # if nobody is there for it any more
                    self._ahead -= 1
            if batch:
                yield batch
        finally:
            self.hops += 1

    def close(self) -> None:
        """Let running verbs end but for patient ones, start no more."""
        self._threads.shutdown(wait=True, cancel_futures=True)


class Watched(Protocol):
    """What tells of its changes: a database, say, after each transaction that changed something."""

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each change, in whatever thread; returns the function that ends this."""


class Changes:
    """Wakes coroutines after each change of what is watched; holds no thread while they wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *watched: Watched) -> None:
        self._loop = loop
        self._changed = asyncio.Event()
        self._stops = [each.watch(self._wake) for each in watched]
        self._is_closed = False

    def close(self) -> None:
        """Watch no more; whoever waits is told that the store stops."""
        for stop in self._stops:
            stop()
        self._is_closed = True
        self._turn()

    async def until(self, look: Callable[[], Awaitable[_Result | None]]) -> _Result:
        """The first result of `look` that is not None, looked for now and after each change."""
        while True:
            changed = self._changed
            found = await look()
            if found is not None:
                return found
            if self._is_closed:
                raise Unavailable("the store is being stopped: ask again when it is back", kind="stopping")
            await changed.wait()

    async def keep(self, look: Callable[[], Awaitable[float | None]]) -> NoReturn:
        """Call `look` now, after each change, and when as many seconds have passed as it returned."""
        while True:
            changed = self._changed
            seconds = await look()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), seconds)

    def _wake(self) -> None:
        _call_soon(self._loop, self._turn)

    def _turn(self) -> None:
        before, self._changed = self._changed, asyncio.Event()
        before.set()


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        return  # the loop has ended, nobody waits any more
