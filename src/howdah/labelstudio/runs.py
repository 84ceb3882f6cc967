"""A Sync as a run in the background: who holds the storage, how far it is, how it ended.

Promises: one run a storage at a time, decided by one conditional update in the database, so also between processes;
a run pings while it lives, whatever it waits for; one whose process is gone is taken over by the next Sync; a run
that was cancelled, or lost its storage to another one, ends at its next step without touching it; each end leaves a
report and is told to webhooks. The caller waits a moment, so that a small Sync is done when the request is answered.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connections, models, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from howdah.errors import HowdahError, WrongState
from howdah.labelstudio import behind, reports
from howdah.labelstudio.host import CurrentContext, User

WAIT = 3.0
"""Seconds that the caller waits for the end."""

RESUMES = 3
"""How often in a row a run is begun again whose process is gone."""

resumes = False
"""Whether this process begins such runs again; see `howdah.labelstudio.watching`."""

_AT_ONCE = 4
_LOOK = 1.0  # seconds between looks whether the run was cancelled elsewhere
_END = 10.0  # seconds that a new run waits for the end of one that was cancelled
_POLL = 0.01  # seconds between looks whether a run of another process has ended
ACTIVE = ("queued", "in_progress")
_PROBLEMS_SHOWN = 100
_BORN = uuid.uuid4().hex

_slots = threading.BoundedSemaphore(_AT_ONCE)
_threads: dict[tuple[Any, int], threading.Thread] = {}
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


class Runs(models.Model):
    """What a storage does with runs. Mixed into storages of the host, whose status fields it writes."""

    class Meta:
        abstract = True

    def run(self, work: Callable[[Any, Progress], Outcome], wait: float | None = None) -> None:
        """Do `work` in the background and wait a moment for it; raises `WrongState` while another run is alive.

        `wait` is in seconds, `WAIT` by default.
        """
        progress = self._claim()
        request = CurrentContext.get_request()
        ends = time.monotonic() + (WAIT if wait is None else wait)
        if behind.hand_over(progress.handed(work, getattr(request, "user", None))):
            self._await_end(progress.job, ends)
        else:
            _begin(progress, work, request).join(max(ends - time.monotonic(), 0.0))

    def _await_end(self, job: str, ends: float) -> None:
        rows = type(self).objects.filter(pk=self.pk, last_sync_job=job, status__in=ACTIVE)
        while time.monotonic() < ends and rows.exists():
            time.sleep(_POLL)

    def cancel(self, by: str) -> None:
        """End the run under way; what it has done stays, and the next Sync goes on from there.

        `by` is who wishes it. Raises `WrongState` where no run is under way.
        """
        rows = type(self).objects.filter(pk=self.pk, status__in=ACTIVE)
        reason = f"Cancelled by {by}. What was done until then stays; Sync again to go on."
        with transaction.atomic():
            held = rows.values("meta", "last_sync_job").first()
            meta = (held and held["meta"]) or {}
            if held is None or not rows.filter(last_sync_job=held["last_sync_job"]).update(
                status="failed", last_sync_job=None, traceback=reason
            ):
                raise WrongState("no Sync of this storage is under way", kind="no-sync-running")
            self.refresh_from_db()
            counts = {"done": meta.get("done", 0)}
            made = reports.write(
                self, began=meta.get("time_in_progress"), status="failed", message=reason, counts=counts
            )
        reports.tell(self, made)

    def _claim(self) -> Progress:
        rows = type(self).objects.filter(pk=self.pk)
        held = rows.values("status", "last_sync_job", "meta").get()
        before = held["meta"] or {}
        now = timezone.now()
        if held["status"] in ACTIVE and not is_dead(before, now):
            raise WrongState(
                "a Sync of this storage is already under way; wait until it has ended", kind="sync-running"
            )
        meta = {
            "attempts": before.get("attempts", 0) + 1,
            "time_queued": str(now),
            "time_in_progress": str(now),
            "time_last_ping": str(now),
            "owner": owner(),
            # In a row: a run that takes its process with it each time must come to an end.
            "resumed": before.get("resumed", 0) + 1 if held["status"] in ACTIVE else 0,
        }
        progress = Progress(type(self), self.pk, meta)
        taken = rows.filter(status=held["status"], last_sync_job=held["last_sync_job"]).update(
            status="queued", last_sync_job=progress.job, last_sync=None, last_sync_count=None, traceback=None, meta=meta
        )
        if not taken:
            raise WrongState(
                "another Sync of this storage has just begun; wait until it has ended", kind="sync-running"
            )
        return progress

    def is_abandoned(self) -> bool:
        """Whether the storage has a run whose process is gone, and which may be begun again."""
        meta = self.meta or {}
        return self.status in ACTIVE and meta.get("resumed", 0) < RESUMES and is_dead(meta, timezone.now())

    def health_check(self) -> None:
        """Show a run whose process is gone as failed. The host calls this before it lists storages."""
        if self.status not in ACTIVE or not is_dead(self.meta or {}, timezone.now()):
            return
        if resumes and self.is_abandoned():
            return
        reason = "The process that ran this Sync ended before the Sync did. Nothing is lost: Sync again."
        type(self).objects.filter(pk=self.pk, last_sync_job=self.last_sync_job, status__in=ACTIVE).update(
            status="failed", traceback=reason
        )


def carry_on(handed: Mapping[str, Any]) -> None:
    """Do a run that another process has claimed, in the background; see `Progress.handed`."""
    model = apps.get_model(handed["model"])
    row = model.objects.filter(pk=handed["pk"], last_sync_job=handed["job"]).first()
    if row is None:
        return  # cancelled, or the storage is gone
    request = HttpRequest()
    request.user = User.objects.filter(pk=handed["user"]).first()
    progress = Progress(model, row.pk, row.meta or {}, handed["job"])
    _begin(progress, import_string(handed["work"]), request if request.user else None)


def _begin(progress: Progress, work: Callable[[Any, Progress], Outcome], request: Any) -> threading.Thread:
    # One that was cancelled stops at its next step; two of one storage never work side by side.
    words = (progress, work, request, _threads.get(progress.place))
    thread = threading.Thread(target=_carry_out, args=words, name=f"sync-{progress.place[1]}", daemon=True)
    _threads[progress.place] = thread
    thread.start()
    return thread


def _carry_out(
    progress: Progress, work: Callable[[Any, Progress], Outcome], request: Any, before: threading.Thread | None
) -> None:
    """The background thread: nothing that `work` raises goes unseen or leaves the storage in progress."""
    model, pk = progress.place
    try:
        if request is not None:
            # The host notes the requesting user on what is created.
            CurrentContext.set_request(request)
        with _slots:
            progress.begin()
            try:
                _await_other(before)
                progress.complete(work(model.objects.get(pk=pk), progress))
            except Lost:
                logger.warning("sync of storage %s was cancelled, or taken over by another one", pk)
            except HowdahError as error:
                logger.info("sync of storage %s failed: %s", pk, error)
                progress.fail(_capital(str(error)))
            except Exception as error:
                logger.exception("sync of storage %s failed", pk)
                progress.fail(f"{_capital(str(error)) or type(error).__name__}\n\n{traceback.format_exc()}")
    finally:
        progress.stop()
        CurrentContext.clear()
        connections.close_all()


def _await_other(thread: threading.Thread | None) -> None:
    if thread is None:
        return
    thread.join(_END)
    if thread.is_alive():
        raise WrongState("the cancelled Sync is still ending; Sync again in a moment", kind="sync-running")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
