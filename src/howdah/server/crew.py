"""The workers that attend, and the tasks that they have. For one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from howdah.names import Job
from howdah.pps import machine
from howdah.pps.standing import Run
from howdah.pps.working import Work
from howdah.server import orders
from howdah.wire.gen import work_pb2


class Task(NamedTuple):
    """Runs of datums of one job, in one slot."""

    job: Job
    serials: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Worker:
    """One that attends: how many more tasks it takes, and the orders on their way to it."""

    free: int
    orders: asyncio.Queue[work_pb2.Order] = field(default_factory=asyncio.Queue)
    tasks: dict[int, Task] = field(default_factory=dict)
    standing: set[int] = field(default_factory=set)
    """The numbers of what runs until it is dismissed."""


class Crew:
    """All of them."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []
        self._numbers = count(1)
        self.wanted = asyncio.Event()
        """Set while there are datums to run and nobody attends."""
        self.arrivals = 0
        """How many have ever come."""

    @property
    def slots(self) -> int:
        """How many tasks they take, all together."""
        return sum(worker.free + len(worker.tasks) for worker in self._workers)

    def under_way(self, job: Job) -> int:
        """How many tasks there are of a job."""
        return sum(task.job == job for worker in self._workers for task in worker.tasks.values())

    def attend(self, worker: Worker) -> None:
        """A worker takes tasks from now on."""
        self._workers.append(worker)
        self.arrivals += 1
        self.wanted.clear()

    def leave(self, worker: Worker) -> Iterator[Task]:
        """A worker is gone; the tasks that it had."""
        self._workers.remove(worker)
        yield from worker.tasks.values()

    def free(self) -> Worker | None:
        """The worker with most free slots; None, if none has any. It is wanted then, if there is none at all."""
        if not self._workers:
            self.wanted.set()
        found = max(self._workers, key=lambda worker: worker.free, default=None)
        return found if found is not None and found.free > 0 else None

    def give(self, worker: Worker, work: Work, runs: Sequence[machine.Run]) -> int:
        """Hand datums to a worker that is free; returns the task's number, which grows."""
        number = next(self._numbers)
        worker.orders.put_nowait(orders.task(work, number, runs))
        worker.tasks[number] = Task(work.job, tuple(run.serial for run in runs))
        worker.free -= 1
        return number

    def stand(self, run: Run) -> int | None:
        """Have code run until it is dismissed, beside all tasks; its number, None while nobody attends."""
        if not self._workers:
            self.wanted.set()
            return None
        number = next(self._numbers)
        self._workers[0].orders.put_nowait(orders.stand(run, number))
        self._workers[0].standing.add(number)
        return number

    def has(self, number: int) -> bool:
        """Whether the code with this number runs."""
        return any(number in worker.standing for worker in self._workers)

    def dismiss(self, number: int, why: str) -> None:
        """Have it end."""
        for worker in self._workers:
            if number in worker.standing:
                worker.orders.put_nowait(orders.dismiss(number, why))

    def tell(self, order: work_pb2.Order) -> None:
        """Give all of them an order."""
        for worker in self._workers:
            worker.orders.put_nowait(order)

    def release(self, number: int) -> Task | None:
        """A task is over, whatever came of it; None if it is not known."""
        for worker in self._workers:
            worker.standing.discard(number)
            if number in worker.tasks:
                worker.free += 1
                return worker.tasks.pop(number)
        return None

    def kill(self, job: Job, serials: Sequence[int], why: str) -> None:
        """Have these runs of a job ended."""
        for worker in self._workers:
            own = {serial for task in worker.tasks.values() if task.job == job for serial in task.serials}
            chosen = [serial for serial in serials if serial in own]
            if chosen:
                worker.orders.put_nowait(orders.kill(job, chosen, why))
