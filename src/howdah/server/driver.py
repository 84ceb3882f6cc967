"""Drives the jobs of pipelines: takes them up as they become ready, hands datums to workers, keeps what comes of them.

All of it happens on the event loop; only looks and transactions are in threads. What a job's run says is ahead of what
is kept of it by what is being kept, in order. If that fails, the run is forgotten and the job taken up again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from howdah.errors import HowdahError, Unavailable, WrongState
from howdah.infos import DatumState, JobState, LogLine, PipelineState, Stats
from howdah.names import Job, Pipeline
from howdah.pfs import writing
from howdah.pfs.gathering import Gathering
from howdah.pps import jobs, lifecycle, machine, pipelines, waiting, work, working
from howdah.pps.logs import Logs
from howdah.pps.machine import Action, Event, Run
from howdah.pps.outputs import Outputs
from howdah.pps.results import Result
from howdah.pps.spec import DatumSetSpec
from howdah.pps.striking import Strike
from howdah.pps.waiting import OpenJob
from howdah.pps.working import Work
from howdah.server import orders
from howdah.server.bridge import Bridge, Changes
from howdah.store.store import Store
from howdah.wire import pps as wire
from howdah.wire.gen import work_pb2

_log = logging.getLogger(__name__)

_IDLE = 0.2  # seconds between two looks where there are no pipelines
_STRIKES = 1000  # jobs
_AGAIN = 5.0  # seconds until a job is taken up again for which the store could do nothing


@dataclass(slots=True)
class Worker:
    """One that attends: how many more tasks it takes, and the orders on their way to it."""

    free: int
    orders: asyncio.Queue[work_pb2.Order] = field(default_factory=asyncio.Queue)
    tasks: dict[int, _Task] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Task:
    driven: _Driven
    serials: tuple[int, ...]


@dataclass(slots=True, eq=False)
class _Driven:
    """A job in this driver's hands."""

    job: Job
    work: Work | None = None
    busy: bool = False
    tasks: int = 0
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    timer: asyncio.TimerHandle | None = None


class Driver:
    """For one event loop. It does nothing before `run`."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, logs: Logs) -> None:
        self._store = store
        self._bridge = bridge
        self._changes = changes
        self._logs = logs
        self._jobs: dict[Job, _Driven] = {}
        self._workers: list[Worker] = []
        self._numbers = count(1)
        self._served: dict[Pipeline, int] = {}
        self._resting: set[Job] = set()
        self._held: set[Pipeline] = set()
        self._refused = False
        self._strikes: dict[Job, Strike] = {}  # of jobs of which lines may come, those that are over too
        self._running: set[asyncio.Task[Any]] = set()
        self.wanted = asyncio.Event()
        """Set while there are datums to run and no worker attends."""

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._changes.keep(self._look)

    async def _look(self) -> float | None:
        try:
            found, any_pipeline = await self._bridge.run(self._find)
        except HowdahError:
            _log.exception("the jobs of pipelines cannot be looked for; tried again soon")
            return _AGAIN
        there = {each.job for each in found}
        for job in [job for job in self._jobs if job not in there]:
            self._let_go(job)
        for each in found:
            self._consider(each)
        if not any_pipeline:
            await asyncio.sleep(_IDLE)  # a store without pipelines is not to pay for them
        return None

    def _find(self) -> tuple[list[OpenJob], bool]:
        with self._store.database.read() as tx:
            found = [*waiting.oldest(tx)]
            state = PipelineState.PIPELINE_STARTING, PipelineState.PIPELINE_CRASHING
            starting = [] if self._refused else waiting.pipelines(tx, *state)
            starting = [row for row in starting if row.pipeline not in self._held]
            any_pipeline = bool(found or starting) or tx.one("SELECT 1 FROM pipelines LIMIT 1") is not None
        for row in starting:
            self._advance(row.pipeline, lifecycle.Up())
        return found, any_pipeline

    def _advance(self, pipeline: Pipeline, event: lifecycle.Event) -> tuple[lifecycle.Action, ...]:
        return writing.step(self._store, lambda made: pipelines.advance(made, self._store, pipeline, event))

    def _consider(self, found: OpenJob) -> None:
        if found.job in self._resting:
            return
        driven = self._jobs.setdefault(found.job, _Driven(found.job))
        if driven.busy or driven.work is not None:
            return
        if found.is_ready:
            self._begin(driven, self._take_up(driven, found.broken))
        elif found.state is JobState.JOB_CREATED:
            self._begin(driven, self._await_inputs(driven))

    def _begin(self, driven: _Driven, doing: Awaitable[None]) -> None:
        """Do something for a job, beside all else."""

        async def do() -> None:
            driven.busy = True
            try:
                await doing
            except Unavailable as error:
                self._rest(driven.job, error)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the job ends by it
                await self._break(driven, error)
            finally:
                driven.busy = False

        self._spawn(do())

    def _spawn(self, doing: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(doing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _rest(self, job: Job, error: Exception) -> None:
        """Let go of a job for a while: the store cannot do anything for it just now."""
        _log.warning("job %s waits: %s", job, error)
        self._let_go(job)
        self._resting.add(job)

        def wake() -> None:
            self._resting.discard(job)
            self._spawn(self._look())

        asyncio.get_running_loop().call_later(_AGAIN, wake)

    async def _await_inputs(self, driven: _Driven) -> None:
        await self._bridge.run(writing.step, self._store, lambda made: jobs.begin(made, driven.job))

    async def _take_up(self, driven: _Driven, broken: Sequence[str]) -> None:
        if broken:
            await self._bridge.run(working.unrunnable, self._store, driven.job, broken)
            self._let_go(driven.job)
            return
        taken = await self._bridge.run(working.take_up, self._store, driven.job)
        driven.work = taken
        self._strikes[driven.job] = Strike(taken.secrets.values())
        if len(self._strikes) > _STRIKES:
            del self._strikes[next(iter(self._strikes))]
        self.tell(driven.job, f"job has {len(taken.plan)} datums, {len(taken.todo.skip)} of them done before")
        if taken.spec.job_timeout is not None:
            over = taken.spec.job_timeout.total_seconds() - (self._store.now() - taken.started) / 1_000_000
            stop = machine.Stopped("job timed out")
            driven.timer = asyncio.get_running_loop().call_later(
                max(0.0, over), lambda: self._begin(driven, self._happen(driven, stop))
            )
        async with driven.keeping:
            await self._carry_out(driven, taken.actions)
        self._assign()

    async def _happen(self, driven: _Driven, event: Event) -> None:
        """Let something happen to a job, after what is being kept."""
        async with driven.keeping:
            if driven.work is not None and self._jobs.get(driven.job) is driven:
                driven.work.run, actions = machine.step(driven.work.run, event)
                await self._carry_out(driven, actions)
        self._assign()

    async def _carry_out(self, driven: _Driven, actions: Iterable[Action], found: Sequence[Result] = ()) -> None:
        """What a job's machine wants, in order; whoever calls this has the job's turn to keep.

        With its end, what was `found` last is kept.
        """
        taken = driven.work
        assert taken is not None
        waiting = [*actions]
        while waiting:
            action = waiting.pop(0)
            if isinstance(action, machine.Kill):
                self._kill(driven, action.serials)
            elif isinstance(action, machine.Merge):
                taken.run, more = machine.step(taken.run, machine.Merged())
                waiting += more
            elif isinstance(action, machine.Egress):
                taken.run, more = machine.step(taken.run, machine.Egressed())
                waiting += more
            elif isinstance(action, machine.Finish):
                await self._end(driven, found)

    async def _end(self, driven: _Driven, found: Sequence[Result]) -> None:
        assert driven.work is not None
        run = await self._bridge.run(working.end, self._store, driven.work, found)
        self.tell(driven.job, f"job ended: {run.state.name}{': ' if run.reason else ''}{run.reason}")
        self._let_go(driven.job)

    async def _break(self, driven: _Driven, error: Exception) -> None:
        """End a job that cannot be driven, unless it is over."""
        over = isinstance(error, HowdahError) and error.kind == "job-finished"
        if not isinstance(error, HowdahError):
            _log.exception("job %s failed", driven.job, exc_info=error)
        try:
            reason = error.message if isinstance(error, HowdahError) else f"{type(error).__name__}: see the store's log"
            if not over:
                self.tell(driven.job, f"job cannot be run: {reason}")
                await self._bridge.run(working.broken, self._store, driven.job, reason)
        except HowdahError as also:
            if not isinstance(also, WrongState):
                _log.warning("job %s cannot be ended: %s", driven.job, also.message)
        self._let_go(driven.job)

    def _let_go(self, job: Job) -> None:
        """Forget a job; what runs of it ends."""
        driven = self._jobs.pop(job, None)
        if driven is not None:
            self._kill_all(driven)
            if driven.timer is not None:
                driven.timer.cancel()

    def _kill_all(self, driven: _Driven) -> None:
        if driven.work is not None:
            self._kill(driven, [*driven.work.run.running])

    def _kill(self, driven: _Driven, serials: Sequence[int], why: str = "job stopped") -> None:
        assert driven.work is not None
        for worker in self._workers:
            own = {serial for task in worker.tasks.values() if task.driven is driven for serial in task.serials}
            chosen = [serial for serial in serials if serial in own]
            if chosen:
                worker.orders.put_nowait(orders.kill(driven.work, chosen, why))

    def restart(self, job: Job, datums: frozenset[int]) -> bool:
        """Run these datums of a job anew; whether one of them is being run."""
        driven = self._jobs.get(job)
        if driven is None or driven.work is None:
            return False
        driven.work.run, actions = machine.step(driven.work.run, machine.Restarted(datums))
        for action in actions:
            if isinstance(action, machine.Kill):
                self._kill(driven, action.serials, "datum restarted")
        self._assign()
        return bool(actions)

    def running(self, job: Job) -> dict[int, int]:
        """The datums of a job that are being run, each with the number of its try."""
        driven = self._jobs.get(job)
        run = driven.work.run if driven is not None and driven.work is not None else machine.JobRun()
        return {attempt.datum: attempt.number for attempt in run.running.values()}

    def refuse(self, why: str) -> None:
        """No code can be run here: pipelines that have work tell why."""
        self._refused = True
        self.wanted.set()
        for pipeline in {driven.job.pipeline for driven in self._jobs.values() if driven.work is not None}:
            _log.error("pipeline %s cannot run: %s", pipeline, why)
            self._spawn(self._bridge.run(self._advance, pipeline, lifecycle.Crashed(why)))

    def attend(self, worker: Worker) -> None:
        """A worker takes tasks from now on."""
        self._workers.append(worker)
        if self._refused:
            self._refused = False
            self._spawn(self._look())
        self.wanted.clear()
        self._assign()

    def leave(self, worker: Worker) -> None:
        """A worker is gone: what it was working on is for others."""
        self._workers.remove(worker)
        for number in [*worker.tasks]:
            self._lose(worker, number)
        self._assign()

    def release(self, number: int) -> None:
        """A task is over, whatever came of it."""
        for worker in self._workers:
            if number in worker.tasks:
                self._lose(worker, number)
                worker.free += 1
        self._assign()

    def _lose(self, worker: Worker, number: int) -> None:
        """What was told nothing of has to be run again."""
        task = worker.tasks.pop(number)
        task.driven.tasks -= 1
        if task.driven.work is not None:
            for serial in task.serials:
                lost = machine.Ended(serial, DatumState.UNKNOWN)
                task.driven.work.run, _ = machine.step(task.driven.work.run, lost)

    async def report(self, written: Gathering, told: work_pb2.Results) -> None:
        """Keep what became of datums with what they have written; `WrongState` if one of them is no longer wanted."""
        job = wire.job_from_wire(told.job)
        driven = self._jobs.get(job) if job is not None else None
        taken = driven.work if driven is not None else None
        if driven is None or taken is None or any(each.serial not in taken.run.running for each in told.results):
            raise WrongState(f"job {job} no longer waits for these datums", kind="not-running")
        found, actions = self._take_in(taken, told.results)
        so_far = (taken.run, taken.stats)
        try:
            async with driven.keeping:
                if found and not so_far[0].is_over:
                    outputs = Outputs(self._store, written)
                    await self._bridge.run(working.keep, self._store, taken, so_far, outputs, found)
                await self._carry_out(driven, actions, found if so_far[0].is_over else ())
        except HowdahError as error:  # what is known of the job is ahead of what is kept
            self._rest(driven.job, error)
            raise
        self._assign()

    def _take_in(self, taken: Work, told: Iterable[work_pb2.Result]) -> tuple[list[Result], list[Action]]:
        """Step the job by what workers tell; what is to be kept, and what is to be done."""
        found: list[Result] = []
        actions: list[Action] = []
        for each in told:
            datum = taken.run.running[each.serial].datum if each.serial in taken.run.running else None
            if datum is None:
                continue  # the job ended by one before it
            state, id = DatumState(each.state), taken.id(datum)
            stats = Stats(
                each.download_time, each.process_time, each.upload_time, each.download_bytes, each.upload_bytes
            )
            taken.run, more = machine.step(taken.run, machine.Ended(each.serial, state, id.hex(), each.why))
            taken.stats = working.added(taken.stats, stats)
            if state is DatumState.SUCCESS:
                taken.succeeded.append(datum)
            if state is DatumState.UNKNOWN:
                self._hold(taken.job.pipeline, each.why)
            found += [
                Result(id, action.state, action.why, stats) for action in more if isinstance(action, machine.Record)
            ]
            actions += [action for action in more if not isinstance(action, machine.Record)]
        return found, actions

    def _hold(self, pipeline: Pipeline, why: str) -> None:
        """Give out no more of a pipeline's datums for a while, since its code cannot be started."""
        self._held.add(pipeline)
        asyncio.get_running_loop().call_later(_AGAIN, self._go_on, pipeline)
        self._spawn(self._bridge.run(self._advance, pipeline, lifecycle.Crashed(why)))

    def _go_on(self, pipeline: Pipeline) -> None:
        self._held.discard(pipeline)
        self._spawn(self._look())
        self._assign()

    def _assign(self) -> None:
        """Hand datums to the workers that are free: to each pipeline in turn."""
        while True:
            driven = self._next()
            self.wanted.set() if driven is not None and not self._workers else None
            worker = max(self._workers, key=lambda each: each.free, default=None)
            if driven is None or worker is None or worker.free <= 0:
                return
            self._give(worker, driven)

    def _next(self) -> _Driven | None:
        able = [
            driven
            for driven in self._jobs.values()
            if driven.work is not None
            and driven.work.run.waiting
            and driven.job.pipeline not in self._held
            and driven.tasks < (_most(driven.work) or driven.tasks + 1)
        ]
        return min(able, key=lambda driven: self._served.get(driven.job.pipeline, 0), default=None)

    def _give(self, worker: Worker, driven: _Driven) -> None:
        taken = driven.work
        assert taken is not None
        run, slots = taken.run, sum(each.free + len(each.tasks) for each in self._workers)
        if run.again:
            size = 1
        else:
            size = work.next_set(taken.plan, run.queue, run.taken, taken.spec.datum_set_spec or DatumSetSpec(), slots)
        taken.run, actions = machine.step(run, machine.Slots(size))
        runs = [action for action in actions if isinstance(action, Run)]
        number = next(self._numbers)
        self._served[driven.job.pipeline] = number
        worker.tasks[number] = _Task(driven, tuple(each.serial for each in runs))
        worker.free -= 1
        driven.tasks += 1
        words = {name: value.decode("utf-8", "surrogateescape") for name, value in taken.secrets.items()}
        worker.orders.put_nowait(orders.task(taken, number, runs, words))

    def tell(self, job: Job, text: str, *, datum: str = "") -> None:
        """A line of the driver in the log of a pipeline."""
        self._logs.write(job.pipeline, [LogLine(text, job=job.id, datum=datum, master=True)])

    async def hear(self, told: work_pb2.Lines) -> None:
        """Lines that a worker tells, some of them when the job is over."""
        job = wire.job_from_wire(told.job)
        strike = self._strikes.get(job) if job is not None else None
        if job is not None and strike is not None:
            lines = [LogLine(line, job=job.id, datum=told.datum, user=told.user) for line in told.lines]
            await self._bridge.run(self._logs.write, job.pipeline, lines, strike)


def _most(taken: Work) -> int:
    """How many tasks of a pipeline may be under way at once; 0 leaves it to the machine."""
    return taken.spec.parallelism_spec.constant if taken.spec.parallelism_spec is not None else 0
