"""A worker: takes tasks of the store that started it, and works on as many at once as it has slots."""

from __future__ import annotations

import fcntl
import logging
import os
import queue
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from howdah.client import channel, work
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Invalid, Unavailable, unusable
from howdah.settings import ENGINE
from howdah.wire.gen import pps_pb2, work_pb2
from howdah.worker import environment, installation, layout, users
from howdah.worker.cache import Cache
from howdah.worker.images import Contained, Images
from howdah.worker.inputs import Fetcher
from howdah.worker.lines import Lines, TaskLog
from howdah.worker.packages import Environments
from howdah.worker.slot import Place, Slot
from howdah.worker.standing import Standing
from howdah.worker.tasks import Means, Task, code_of, folder_of

_log = logging.getLogger(__name__)

_Serial = tuple[str, str, str, int]  # project, pipeline, id and number of a run: one set has jobs of many pipelines


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is told: the store, its token, the folder of its data, slots, whether code is fenced in."""

    address: str
    token: str
    data: Path
    slots: int
    unfenced: bool = False
    environ: dict[str, str] = field(default_factory=dict)
    running: threading.Semaphore = field(default_factory=threading.Semaphore)
    """Held by the code that runs."""
    engine: str = ENGINE.default

    @property
    def folder(self) -> Path:
        """What is the worker's own."""
        return self.data / "work"

    @property
    def tasks(self) -> int:
        """How many it takes at once: as code of some runs, files of others are fetched and sent."""
        return 1 if self.unfenced else self.slots * 2

    def slot(self, number: int) -> Slot:
        """One for tasks."""
        return Slot(self.place(number), self.running)

    def place(self, number: int) -> Place:
        """Where the slot of this number is."""
        packages = self.folder / "packages"
        place = Place(
            self.folder / f"slot-{number}",
            number,
            covered=(self.data,),
            shown=(packages,),
            plain=self.unfenced,
            user=None if self.unfenced else users.of_slot(number),
        )
        return installation.opened(place, [*installation.needed(), packages])


def attend(worker: Worker) -> None:
    """Work until the store is gone; where that cannot be, the store is told why."""
    with channel.connect(worker.address) as conn, ExitStack() as stack:
        try:
            with layout.told(worker.folder):
                stack.enter_context(_alone(worker.folder))
                attending = _Attending(worker, conn, [worker.slot(number) for number in range(worker.tasks)])
        except Unavailable as error:
            for _ in work.attend(conn, worker.token, refused=error.message):
                pass
            return
        attending.run()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Have the folder alone: a worker that a killed store has left ends soon."""
    (folder / "packages").mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Attending:
    def __init__(self, worker: Worker, conn: Connection, slots: list[Slot]) -> None:
        self._worker = worker
        self._conn = conn
        self._slots = slots
        self._tasks: queue.SimpleQueue[work_pb2.Task] = queue.SimpleQueue()
        self._lines = Lines(worker.token)
        self._lock = threading.Lock()
        self._killed: set[_Serial] = set()
        self._at: dict[int, tuple[work_pb2.Task, Slot]] = {}
        self._fetcher = Fetcher(conn, Cache(worker.folder / "cache"), linked=not worker.unfenced)
        self._images = Images(worker.folder, worker.environ, worker.engine)
        self._standing = Standing(worker.place, self._images, self._fetcher, first=len(slots))
        uv = shutil.which("uv") or "uv"
        self._packages = Environments(worker.folder / "packages", uv, sys.executable, worker.environ)

    def run(self) -> None:
        """Until the store is gone."""
        threading.Thread(target=self._tell, name="lines", daemon=True).start()
        for slot in self._slots:
            threading.Thread(target=self._serve, args=(slot,), name=f"slot-{slot.place.number}", daemon=True).start()
        try:
            for order in work.attend(self._conn, self._worker.token, slots=len(self._slots)):
                if order.HasField("dismiss"):
                    self._standing.dismiss(order.dismiss.task, order.dismiss.why)
                elif order.HasField("kill"):
                    self._kill(order.kill)
                elif order.HasField("keep"):
                    threading.Thread(target=self._keep, args=(order.keep,), name="packages", daemon=True).start()
                elif order.task.stands:
                    threading.Thread(target=self._stand, args=(order.task,), name="standing", daemon=True).start()
                else:
                    self._tasks.put(order.task)
        except Unavailable:
            return  # and with this process, everything that it has started

    def _keep(self, order: work_pb2.Keep) -> None:
        try:
            self._packages.keep(order.requirements)
        except HowdahError as error:
            _log.warning("packages that no pipeline wants cannot be removed: %s", error.message)

    def _tell(self) -> None:
        try:
            work.tell(self._conn, self._lines.told())
        except HowdahError as error:  # code would wait for ever as soon as many lines wait
            if not isinstance(error, Unavailable):  # else the store is gone
                _log.error("lines cannot be told, the worker ends: %s", error.message)
            os._exit(1)

    def _serve(self, slot: Slot) -> None:
        while True:
            task = self._tasks.get()
            try:
                slot = self._work(slot, task)
            except BaseException as error:  # noqa: BLE001 -- with one thread fewer, tasks would wait for ever
                told = error if not isinstance(error, Unavailable) else None
                _log.error("a slot cannot go on, the worker ends: %s", error, exc_info=told)
                os._exit(1)

    def _stand(self, task: work_pb2.Task) -> None:
        with suppress(Unavailable):
            log = self._means(task).log
            try:
                with self._installed(task.code) as packages:
                    self._standing.run(task, packages, log)
            except HowdahError as error:
                log.say("", f"code cannot run: {error.message}")
            work.free(self._conn, self._worker.token, task.number)

    @contextmanager
    def _installed(self, code: work_pb2.Code) -> Iterator[dict[str, str]]:
        """The variables that lead to the store, and to the packages that code needs."""
        with ExitStack() as stack:
            packages = stack.enter_context(self._packages.used(code.requirements)) if code.requirements else {}
            yield {**environment.cluster(self._worker.address), **packages}

    def _work(self, slot: Slot, message: work_pb2.Task) -> Slot:
        """Work on a task; returns the slot for the next one, another where this one has ended."""
        means = self._means(message)
        task = Task(means, slot, message)
        try:
            with ExitStack() as stack:
                image = self._images.of(message, means.log.say)
                if image is not None:
                    used = stack.enter_context(Contained(slot.place, image, self._worker.running))
                    task = Task(means, used, message)
                with self._lock:
                    self._at[message.number] = (message, task.slot)
                packages = stack.enter_context(self._installed(message.code))
                task.run(code_of(message.code, packages, slot.place.number))
        except (HowdahError, OSError) as error:
            told = error if isinstance(error, HowdahError) else unusable(str(slot.place.folder), error)
            _log.warning("a task of pipeline %s is lost: %s", message.job.pipeline.name, told.message)
            for each in message.datums if isinstance(told, Invalid) else ():
                means.log.say(each.id, f"code cannot run: {told.message}")
            slot.close()
            with suppress(HowdahError):  # then it is lost by the end of the task
                task.lose(told)
            slot = self._worker.slot(slot.place.number)
        finally:
            with self._lock:
                self._at.pop(message.number, None)
                self._killed -= {_serial(message.job, each.serial) for each in message.datums}
        if not task.is_over:
            work.free(self._conn, self._worker.token, message.number)
        return slot

    def _means(self, task: work_pb2.Task) -> Means:
        def is_killed(serial: int) -> bool:
            with self._lock:
                return _serial(task.job, serial) in self._killed

        log = TaskLog(self._lines, task.job)
        return Means(self._conn, self._worker.token, self._fetcher, log, is_killed)

    def _kill(self, order: work_pb2.Kill) -> None:
        with self._lock:
            self._killed |= {_serial(order.job, serial) for serial in order.serials}
            running = [
                (slot, folder_of(task.number, serial))
                for task, slot in self._at.values()
                if task.job == order.job
                for serial in order.serials
            ]
        for slot, folder in running:
            with suppress(Unavailable):
                slot.kill(folder, order.why)


def _serial(job: pps_pb2.Job, number: int) -> _Serial:
    return job.pipeline.project.name, job.pipeline.name, job.id, number
