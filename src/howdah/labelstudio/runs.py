"""A Sync as a run in the background: begun once, carried out here or behind the site, cancelled, taken over.

Promises: one run a storage at a time, decided by one conditional update in the database, so also between processes;
a run pings while it lives, whatever it waits for; one whose process is gone is taken over by the next Sync; a run
that was cancelled, or lost its storage to another one, ends at its next step without touching it; each end leaves a
report and is told to webhooks. The caller waits a moment, so that a small Sync is done when the request is answered.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from howdah.errors import HowdahError, WrongState
from howdah.labelstudio import behind, reports
from howdah.labelstudio.behind import Handed
from howdah.labelstudio.host import CurrentContext, User
from howdah.labelstudio.progress import ACTIVE, Lost, Outcome, Progress, is_dead, owner

WAIT = 3.0
"""Seconds that the caller waits for the end."""

RESUMES = 3
"""How often in a row a run is begun again whose process is gone."""

resumes = False
"""Whether this process begins such runs again; see `howdah.labelstudio.watching`."""

_AT_ONCE = 4
_END = 10.0  # seconds that a new run waits for the end of one that was cancelled

_slots = threading.BoundedSemaphore(_AT_ONCE)
_threads: dict[tuple[Any, int], threading.Thread] = {}
logger = logging.getLogger(__name__)


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
        handed = behind.hand_over(progress.handed(work, getattr(request, "user", None)))
        if handed is None:
            _begin(progress, work, request).join(max(ends - time.monotonic(), 0.0))
        else:
            with closing(handed):
                handed.wait(ends - time.monotonic())

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


def carry_on(handed: Handed) -> None:
    """Do a run that another process has claimed, in the background; see `Progress.handed`."""
    told = handed.run
    model = apps.get_model(told["model"])
    row = model.objects.filter(pk=told["pk"], last_sync_job=told["job"]).first()
    if row is None:  # cancelled, or the storage is gone
        handed.end.close()
        return
    request = HttpRequest()
    request.user = User.objects.filter(pk=told["user"]).first()
    progress = Progress(model, row.pk, row.meta or {}, told["job"])
    _begin(progress, import_string(told["work"]), request if request.user else None, handed.end.close)


def _begin(
    progress: Progress,
    work: Callable[[Any, Progress], Outcome],
    request: Any,
    ended: Callable[[], None] = lambda: None,
) -> threading.Thread:
    # One that was cancelled stops at its next step; two of one storage never work side by side.
    words = (progress, work, request, _threads.get(progress.place), ended)
    thread = threading.Thread(target=_carry_out, args=words, name=f"sync-{progress.place[1]}", daemon=True)
    _threads[progress.place] = thread
    thread.start()
    return thread


def _carry_out(
    progress: Progress,
    work: Callable[[Any, Progress], Outcome],
    request: Any,
    before: threading.Thread | None,
    ended: Callable[[], None],
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
        ended()
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
