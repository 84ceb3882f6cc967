"""Drives the jobs of pipelines: takes them up as they become ready, hands datums to workers, keeps what comes of them.

All of it happens on the event loop; only looks and transactions are in threads. What a job's run says is ahead of what
is kept of it by what is being kept, in order. If that fails, the run is forgotten and the job taken up again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from howdah.errors import HowdahError, NotFound, Unavailable, WrongState
from howdah.infos import DatumState, JobState, PipelineState
from howdah.names import File, Job, Pipeline
from howdah.pfs import files, reading, writing
from howdah.pfs.gathering import Gathering
from howdah.pps import jobs, lifecycle, machine, pipelines, waiting, work, working
from howdah.pps.machine import Action, Event, Run
from howdah.pps.outputs import Outputs
from howdah.pps.results import Result
from howdah.pps.spec import DatumSetSpec
from howdah.pps.waiting import OpenJob
from howdah.pps.working import Work
from howdah.server.bridge import Bridge, Changes
from howdah.server.crew import Crew, Task, Worker
from howdah.server.holding import Holding
from howdah.server.joblogs import JobLogs
from howdah.server.urls import Urls
from howdah.store.store import Store

_log = logging.getLogger(__name__)

_IDLE = 0.2  # seconds between two looks where there are no pipelines
_AGAIN = 5.0  # seconds until a job is taken up again for which the store could do nothing
_OVER = {"job-finished", "job-not-found", "pipeline-not-found", "not-running"}  # the job is, or is gone
_NOTICED = PipelineState.PIPELINE_STARTING, PipelineState.PIPELINE_CRASHING, PipelineState.PIPELINE_STANDBY


@dataclass(slots=True, eq=False)
class _Driven:
    """A job in this driver's hands."""

    job: Job
    work: Work | None = None
    busy: bool = False
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    timer: asyncio.TimerHandle | None = None


class Driver:
    """For one event loop. It does nothing before `run`."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, logs: JobLogs, urls: Urls) -> None:
        self._store = store
        self._bridge = bridge
        self._changes = changes
        self._logs = logs
        self._urls = urls
        self.crew = Crew()
        self._jobs: dict[Job, _Driven] = {}
        self._served: dict[Pipeline, int] = {}  # by the number of the last task
        self._resting: set[Job] = set()
        self._holding = Holding(lambda *told: bridge.run(self._advance, *told), self._spawn, self._go_on)
        self._refused = False
        self._doing: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._changes.keep(self._look)

    async def _look(self) -> float | None:
        try:
            found, any_pipeline, down = await self._bridge.run(self._find)
        except HowdahError:
            _log.exception("the jobs of pipelines cannot be looked for; tried again soon")
            return _AGAIN
        self._holding.see(*down)
        there = {each.job for each in found}
        for driven in [driven for job, driven in self._jobs.items() if job not in there]:
            self._let_go(driven)
        for each in found:
            self._consider(each)
        if not any_pipeline:
            await asyncio.sleep(_IDLE)  # a store without pipelines is not to pay for them
        return None

    def _find(self) -> tuple[list[OpenJob], bool, tuple[set[Pipeline], set[Pipeline]]]:
        """The jobs to work on, whether there is any pipeline, and those that are starting or crashing."""
        with self._store.database.read() as tx:
            found = [*waiting.oldest(tx)]
            rows = waiting.pipelines(tx, *_NOTICED)
            any_pipeline = bool(found or rows) or tx.one("SELECT 1 FROM pipelines LIMIT 1") is not None
        starting, crashing, idle = ({row.pipeline for row in rows if row.state == state} for state in _NOTICED)
        busy = {each.job.pipeline for each in found}
        for pipeline in starting | (crashing - busy) if not self._refused else ():
            self._advance(pipeline, lifecycle.Up())
        for pipeline in idle & busy:
            self._advance(pipeline, lifecycle.Work(has_work=True))
        return found, any_pipeline, (starting, crashing)

    def _advance(self, pipeline: Pipeline, event: lifecycle.Event) -> tuple[lifecycle.Action, ...]:
        try:
            return writing.step(self._store, lambda made: pipelines.advance(made, self._store, pipeline, event))
        except NotFound:
            return ()  # it is gone

    def _go_on(self) -> None:
        self._spawn(self._look())
        self._assign()

    def _consider(self, found: OpenJob) -> None:
        if found.job in self._resting:
            return
        driven = self._jobs.setdefault(found.job, _Driven(found.job))
        if driven.busy or driven.work is not None:
            return
        if found.is_ready:
            self._begin(driven, self._take_up(driven, found.broken))
        elif found.state is JobState.JOB_CREATED:
            self._begin(driven, self._bridge.run(writing.step, self._store, lambda made: jobs.begin(made, found.job)))

    def _begin(self, driven: _Driven, doing: Awaitable[object]) -> None:
        """Do something for a job, beside all else."""

        async def do() -> None:
            try:
                await doing
            except Unavailable as error:
                self._rest(driven, error)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the job ends by it
                await self._break(driven, error)
            finally:
                driven.busy = False

        driven.busy = True
        self._spawn(do())

    def _spawn(self, doing: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(doing)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return task

    def _rest(self, driven: _Driven, error: Exception) -> None:
        """Let go of a job for a while: the store cannot do anything for it just now."""
        _log.warning("job %s waits: %s", driven.job, str(error) or type(error).__name__)
        self._let_go(driven)
        self._resting.add(driven.job)

        def wake() -> None:
            self._resting.discard(driven.job)
            self._spawn(self._look())

        asyncio.get_running_loop().call_later(_AGAIN, wake)

    async def _take_up(self, driven: _Driven, broken: Sequence[str]) -> None:
        if broken:
            await self._bridge.run(working.unrunnable, self._store, driven.job, broken)
            self._let_go(driven)
            return
        taken = await self._bridge.run(working.take_up, self._store, driven.job)
        driven.work = taken
        self._logs.begin(driven.job, taken.secrets.values(), taken.plan)
        self._logs.tell(driven.job, f"job has {len(taken.plan)} datums, {len(taken.todo.skip)} of them done before")
        if taken.spec.job_timeout is not None:
            left = taken.spec.job_timeout.total_seconds() - (self._store.now() - taken.started) / 1_000_000
            over = machine.Stopped("job timed out")
            driven.timer = asyncio.get_running_loop().call_later(
                max(0.0, left), lambda: self._begin(driven, self._happen(driven, over))
            )
        so_far = (taken.run, taken.stats)
        async with driven.keeping:
            self._assign()  # code starts while it is being noted that it may
            await self._bridge.run(working.begin, self._store, taken, so_far)
            await self._carry_out(driven, taken, taken.actions)
        self._assign()

    async def _happen(self, driven: _Driven, event: Event) -> None:
        """Let something happen to a job, after what is being kept."""
        async with driven.keeping:
            taken = driven.work
            if taken is not None and self._jobs.get(driven.job) is driven:
                taken.run, actions = machine.step(taken.run, event)
                await self._carry_out(driven, taken, actions)
        self._assign()

    async def _carry_out(
        self, driven: _Driven, taken: Work, actions: Iterable[Action], found: Sequence[Result] = ()
    ) -> None:
        """What a job's machine wants, in order; whoever calls this has the job's turn to keep.

        With its end, what was `found` last is kept.
        """
        rest = [*actions]
        while rest:
            action = rest.pop(0)
            if isinstance(action, machine.Kill):
                self.crew.kill(driven.job, action.serials, taken.run.reason or "job stopped")
            elif isinstance(action, machine.Merge):  # the outputs are in the commit already
                taken.run, more = machine.step(taken.run, machine.Merged())
                rest += more
            elif isinstance(action, machine.Egress):
                taken.run, more = machine.step(taken.run, machine.Egressed(await self._sent(taken)))
                rest += more
            elif isinstance(action, machine.Finish):
                run = await self._bridge.run(working.end, self._store, taken, found)
                self._logs.tell(driven.job, f"job ended: {run.state.name}{': ' if run.reason else ''}{run.reason}")
                self._let_go(driven)
                if taken.spec.autoscaling:  # the next look says if there is more to do
                    idle = lifecycle.Work(has_work=False)
                    await self._bridge.run(self._advance, driven.job.pipeline, idle)

    async def _sent(self, taken: Work) -> str:
        """Copy a job's output to where it is to go; what is wrong with that."""
        await self._bridge.run(working.note, self._store, taken)
        try:
            with self._urls.awaited() as urls:
                await self._bridge.run_patiently(_copy_out, self._store, taken, urls)
        except HowdahError as error:
            return f"egress failed: {error.message}"
        return ""

    async def _break(self, driven: _Driven, error: Exception) -> None:
        """End a job that cannot be driven, unless it is over."""
        if isinstance(error, HowdahError):
            reason = error.message
        else:
            _log.exception("job %s failed", driven.job, exc_info=error)
            reason = f"{type(error).__name__}: see the store's log"
        try:
            await self._bridge.run(working.broken, self._store, driven.job, reason)
            self._logs.tell(driven.job, f"job cannot be run: {reason}")
        except (WrongState, NotFound):
            pass  # it is over, or gone
        except HowdahError as also:
            _log.warning("job %s cannot be ended: %s", driven.job, also.message)
        self._let_go(driven)

    def _let_go(self, driven: _Driven) -> None:
        """Forget a job; what runs of it ends."""
        if self._jobs.get(driven.job) is not driven:
            return  # it was taken up again since
        del self._jobs[driven.job]
        self._logs.end(driven.job)
        if driven.work is not None:
            self.crew.kill(driven.job, [*driven.work.run.running], "job stopped")
        if driven.timer is not None:
            driven.timer.cancel()

    def _work(self, job: Job) -> Work | None:
        driven = self._jobs.get(job)
        return driven.work if driven is not None else None

    def restart(self, job: Job, datums: frozenset[int]) -> bool:
        """Run these datums of a job anew; whether one of them is being run."""
        taken = self._work(job)
        if taken is None:
            return False
        taken.run, actions = machine.step(taken.run, machine.Restarted(datums))
        for action in actions:
            if isinstance(action, machine.Kill):
                self.crew.kill(job, action.serials, "datum restarted")
        self._assign()
        return bool(actions)

    def running(self, job: Job) -> frozenset[int]:
        """The datums of a job that are being run."""
        taken = self._work(job)
        return frozenset(attempt.datum for attempt in taken.run.running.values()) if taken is not None else frozenset()

    def refuse(self, why: str) -> None:
        """No code can be run here: pipelines that have work tell why."""
        self._refused = True
        for pipeline in {driven.job.pipeline for driven in self._jobs.values() if driven.work is not None}:
            _log.error("pipeline %s cannot run: %s", pipeline, why)
            self._spawn(self._bridge.run(self._advance, pipeline, lifecycle.Crashed(why)))

    def attend(self, worker: Worker) -> None:
        """A worker takes tasks from now on."""
        self.crew.attend(worker)
        if self._refused:
            self._refused = False
            self._spawn(self._look())
        self._assign()

    def leave(self, worker: Worker) -> None:
        """A worker is gone: what it was working on is for others."""
        for task in self.crew.leave(worker):
            self._lose(task)
        self._assign()

    def release(self, number: int) -> None:
        """A task is over, whatever came of it."""
        self._lose(self.crew.release(number))
        self._assign()

    def _lose(self, task: Task | None) -> None:
        """What was told nothing of has to be run again."""
        taken = self._work(task.job) if task is not None else None
        for serial in task.serials if task is not None and taken is not None else ():
            assert taken is not None
            taken.run, _ = machine.step(taken.run, machine.Ended(serial, DatumState.UNKNOWN))

    async def report(self, job: Job, written: Gathering, told: Sequence[tuple[int, Result]]) -> None:
        """Keep what became of datums, by serial, with what they have written.

        `WrongState` if one of them is no longer wanted; then nothing is kept. It goes on when its caller is gone.
        """
        await asyncio.shield(self._spawn(self._report(job, written, told)))

    async def _report(self, job: Job, written: Gathering, told: Sequence[tuple[int, Result]]) -> None:
        driven, taken = self._jobs.get(job), self._work(job)
        if driven is None or taken is None or any(serial not in taken.run.running for serial, _ in told):
            raise _unwanted(job)
        found, actions = self._take_in(taken, told)
        so_far = (taken.run, taken.stats)
        try:
            async with driven.keeping:
                if self._jobs.get(job) is not driven:  # what was before could not be kept
                    raise _unwanted(job)
                if found and not so_far[0].is_over:
                    outputs = Outputs(self._store, written)
                    await self._bridge.run(working.keep, self._store, taken, so_far, outputs, found)
                await self._carry_out(driven, taken, actions, found if so_far[0].is_over else ())
        except Exception as error:  # what is known of the job is ahead of what is kept
            if isinstance(error, HowdahError) and error.kind in _OVER:
                self._let_go(driven)
                raise _unwanted(job) from error
            self._rest(driven, error)
            raise
        self._assign()

    def _take_in(self, taken: Work, told: Iterable[tuple[int, Result]]) -> tuple[list[Result], list[Action]]:
        """Step the job by what workers tell; what is to be kept, and what is to be done."""
        found: list[Result] = []
        actions: list[Action] = []
        for serial, result in told:
            if serial not in taken.run.running:
                continue  # the job ended by one before it
            datum = taken.run.running[serial].datum
            id = taken.plan.id(datum)
            taken.run, more = machine.step(taken.run, machine.Ended(serial, result.state, id.hex(), result.why))
            taken.stats = working.added(taken.stats, result.stats)
            if result.state is DatumState.SUCCESS:
                taken.succeeded.append(datum)
            if result.state is DatumState.UNKNOWN:
                self._holding.hold(taken.job.pipeline, result.why)
            else:
                self._holding.ran(taken.job.pipeline)
            for action in more:
                if isinstance(action, machine.Record):
                    found.append(result._replace(id=id))
                else:
                    actions.append(action)
        return found, actions

    def _assign(self) -> None:
        """Hand datums to the workers that are free: to each pipeline in turn."""
        while (taken := self._next()) is not None and (worker := self.crew.free()) is not None:
            try:
                size = 1 if taken.run.again else _set_of(taken, self.crew.slots)
                taken.run, actions = machine.step(taken.run, machine.Slots(size))
                runs = [action for action in actions if isinstance(action, Run)]
                self._served[taken.job.pipeline] = self.crew.give(worker, taken, runs)
            except Exception as error:  # noqa: BLE001 -- what cannot be told a worker ends its job, and no other
                driven = self._jobs[taken.job]
                self._let_go(driven)
                self._spawn(self._break(driven, error))

    def _next(self) -> Work | None:
        able = [
            driven.work
            for driven in self._jobs.values()
            if driven.work is not None and driven.work.run.waiting and self._may_run(driven.work)
        ]
        return min(able, key=lambda taken: self._served.get(taken.job.pipeline, 0), default=None)

    def _may_run(self, taken: Work) -> bool:
        most = taken.spec.parallelism_spec.constant if taken.spec.parallelism_spec is not None else 0
        return taken.job.pipeline not in self._holding and (not most or self.crew.under_way(taken.job) < most)


def _unwanted(job: Job) -> WrongState:
    return WrongState(f"job {job} no longer waits for these datums", kind="not-running")


def _copy_out(store: Store, taken: Work, urls: Urls) -> None:
    if files.view(store, taken.output).has_directory("/"):  # no output is none to copy
        urls.write(taken.egress, reading.contents_of_files(store, File(taken.output, "/"), files.EVERYWHERE))


def _set_of(taken: Work, slots: int) -> int:
    spec = taken.spec.datum_set_spec or DatumSetSpec()
    return work.next_set(taken.plan, taken.run.queue, taken.run.taken, spec, slots)
