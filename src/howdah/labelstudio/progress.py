"""How far a run is and how it ended, on the row of its storage: who holds it, and what those who look are shown.

A run pings while it lives, whatever it waits for, so that others can tell whether its process is gone. Every write says
which run it is for: one that was cancelled, or lost its storage to another one, changes nothing any more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from howdah.errors import WrongState
from howdah.labelstudio import reports

ACTIVE = ("queued", "in_progress")
"""The statuses of a storage that has a run."""

_LOOK = 1.0  # seconds between looks whether the run was cancelled elsewhere
_PROBLEMS_SHOWN = 100
_BORN = uuid.uuid4().hex

logger = logging.getLogger(__name__)


class Problem(NamedTuple):
    """One thing that went wrong, while the rest went on: with which file, and why."""

    file: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: how many things, what else to tell, and which single things went wrong.

    `counts` says by name how many of what, for the report; `before` and `commit` are the commits synced before and now.
    """

    count: int
    notes: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    before: str = ""
    commit: str = ""


class Lost(WrongState):
    """The run was cancelled, another one holds the storage now, or it is gone: stop at once, leave it alone."""


def owner() -> dict[str, Any]:
    """The present process, so that others can tell whether it still lives."""
    # The row is shown by the REST interface: the machine's name is nobody's business there.
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]
    return {"host": host, "pid": os.getpid(), "born": _BORN}


def is_dead(meta: Mapping[str, Any], now: datetime) -> bool:
    """Whether the run that wrote `meta` cannot be alive any more."""
    mine, other = owner(), meta.get("owner") or {}
    if other.get("host") == mine["host"]:
        if other.get("pid") == mine["pid"]:
            return bool(other.get("born") != mine["born"])
        if not _process_lives(other.get("pid")):
            return True
    last = meta.get("time_last_ping")
    patience = timedelta(seconds=settings.STORAGE_IN_PROGRESS_TIMER * 5)
    return last is None or now - datetime.fromisoformat(last) > patience


def _process_lives(pid: Any) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Progress:
    """One run's hold on its storage row; every write says which run it is for."""

    def __init__(self, model: Any, pk: int, meta: dict[str, Any], job: str = "") -> None:
        self.job = job or uuid.uuid4().hex
        self._rows = model.objects.filter(pk=pk, last_sync_job=self.job)
        self.place = (model, pk)
        self._meta = meta
        self._count = 0
        self._began = time.monotonic()
        self._looked = self._began
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._lost = False
        self._pinger = threading.Thread(target=self._ping_until_ended, name=f"sync-ping-{pk}", daemon=True)

    def found(self, total: int) -> None:
        """Tell how many things there are to do in all; the card shows it beside those that are done."""
        with self._lock:
            self._meta["found"] = total

    def step(self, count: int, **notes: Any) -> None:
        """Tell how far the run is; shown within a second or so. Raises `Lost`."""
        now = time.monotonic()
        with self._lock:
            self._count = count
            self._meta.update(notes, done=count, rate=round(count / max(now - self._began, 0.001), 1))
        if now - self._looked > _LOOK:
            self._looked = now
            self._ping()
        if self._lost:
            raise Lost("the Sync was cancelled, or another one has taken over")

    def handed(self, work: Callable[..., Any], user: Any) -> dict[str, Any]:
        """The run as another process needs it to do it; `work` is a function of a module."""
        name = f"{work.__module__}.{work.__qualname__}"
        model, pk = self.place
        return {"model": model._meta.label, "pk": pk, "job": self.job, "work": name, "user": getattr(user, "pk", None)}

    def begin(self) -> None:
        """Show the run as in progress, by this process, and start to ping."""
        now = str(timezone.now())
        self._meta.update(time_in_progress=now, time_last_ping=now, owner=owner())
        self._write(status="in_progress")
        self._pinger.start()

    def complete(self, outcome: Outcome) -> None:
        """Show the run as completed, with errors where there were problems."""
        now = timezone.now()
        shown = [str(problem) for problem in outcome.problems[:_PROBLEMS_SHOWN]]
        if len(outcome.problems) > len(shown):
            shown.append(f"… and {len(outcome.problems) - len(shown)} more")
        self._meta.update(outcome.notes, time_completed=str(now), duration=self._seconds(now))
        if shown:
            self._meta["tasks_failed_validation"] = len(outcome.problems)
        self._end(
            status="completed_with_errors" if shown else "completed",
            report=reports.completed(outcome),
            last_sync=now,
            last_sync_count=outcome.count,
            traceback="\n".join(shown) or None,
        )

    def fail(self, reason: str) -> None:
        """Show the run as failed, with the reason."""
        now = timezone.now()
        self._meta.update(time_failure=str(now), duration=self._seconds(now))
        self._end(status="failed", report={"message": reason, "counts": {"done": self._count}}, traceback=reason)

    def _seconds(self, now: datetime) -> float:
        return (now - datetime.fromisoformat(self._meta["time_in_progress"])).total_seconds()

    def stop(self) -> None:
        """Ping no more; harmless when repeated."""
        self._ended.set()
        if self._pinger.is_alive():
            self._pinger.join()

    def _end(self, status: str, report: dict[str, Any], **fields: Any) -> None:
        self.stop()
        with transaction.atomic():
            self._write(status=status, **fields)
            if self._lost:
                return
            model, pk = self.place
            storage = model.objects.get(pk=pk)
            made = reports.write(storage, began=self._meta["time_in_progress"], status=status, **report)
        reports.tell(storage, made)

    def _write(self, **fields: Any) -> None:
        with self._lock:
            self._lost = self._rows.update(meta=dict(self._meta), **fields) == 0

    def _ping(self) -> None:
        with self._lock:
            self._meta["time_last_ping"] = str(timezone.now())
        try:
            self._write(last_sync_count=self._count)
        except OperationalError as error:
            # A database that is busy for long: the next ping will get through, or the run counts as dead.
            logger.warning("ping of a sync did not get through: %s", error)

    def _ping_until_ended(self) -> None:
        try:
            while not self._ended.wait(settings.STORAGE_IN_PROGRESS_TIMER):
                self._ping()
        finally:
            connections.close_all()
