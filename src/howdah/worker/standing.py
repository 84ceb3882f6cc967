"""Code that stands: it runs until it is dismissed, in a slot of its own, and nothing that it writes is collected."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from howdah.errors import HowdahError, Unavailable, unusable
from howdah.wire.gen import work_pb2
from howdah.worker import work
from howdah.worker.images import Contained, Image, Images
from howdah.worker.inputs import Fetcher
from howdah.worker.slot import Place, Slot
from howdah.worker.tasks import Log, code_of, datum_of, folder_of

_log = logging.getLogger(__name__)


class Standing:
    """All that stands of a worker. For any thread."""

    def __init__(self, place: Callable[[int], Place], images: Images, fetcher: Fetcher, first: int) -> None:
        self._place = place
        self._images = images
        self._fetcher = fetcher
        self._first = first
        self._lock = threading.Lock()
        self._slots: dict[int, Slot] = {}  # by the slot's number
        self._tasks: dict[int, Slot] = {}

    def run(self, message: work_pb2.Task, packages: Mapping[str, str], log: Log) -> None:
        """Run the code of a task to its end."""
        try:
            with self._slot(message.number, self._images.of(message, log.say)) as slot:
                code = code_of(message.code, packages, slot.place.number)
                datum = datum_of(message, message.datums[0], code)
                name = folder_of(message.number, 0)
                with work.tried(slot, self._fetcher, datum, name, partial(log.print, "")) as done:
                    log.say("", f"code that was to go on has ended: {done.why or 'it exited with 0'}")
        except (HowdahError, OSError) as error:
            told = error if isinstance(error, HowdahError) else unusable(str(self._place(self._first).folder), error)
            _log.warning("code of pipeline %s cannot run: %s", message.job.pipeline.name, told.message)
            log.say("", f"code cannot run: {told.message}")
        finally:
            with self._lock:
                self._tasks.pop(message.number, None)
                for number in [number for number, slot in self._slots.items() if slot not in self._tasks.values()]:
                    del self._slots[number]

    def _slot(self, task: int, image: Image | None) -> Slot:
        with self._lock:
            number = next(number for number in range(self._first, 1 << 20) if number not in self._slots)
            place = self._place(number)
            slot = Slot(place) if image is None else Contained(place, image)
            self._slots[number] = self._tasks[task] = slot
        return slot

    def dismiss(self, task: int, why: str) -> None:
        """Have the code of a task end."""
        with self._lock:
            slot = self._tasks.get(task)
        if slot is not None:
            with suppress(Unavailable):
                slot.kill(folder_of(task, 0), why)
