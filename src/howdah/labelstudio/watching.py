"""What happens without a click: sources that follow their branch, targets that commit by themselves, Syncs resumed.

One thread of the process that serves the site looks at the storages every few seconds, and at once when an annotation
was staged. It decides nothing that a person could not have clicked, and each Sync is a run like any other (see
`howdah.labelstudio.runs`), so several such processes do not get in each other's way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, connections
from django.db.models import Count, Min
from django.utils import timezone

from howdah.errors import HowdahError, WrongState
from howdah.labelstudio import behind, probing
from howdah.labelstudio.models import CommitWhen, PachydermExportStorage, PachydermImportStorage, SourceState
from howdah.labelstudio.progress import ACTIVE
from howdah.names import Commit, is_commit_id

EVERY = 3.0
"""Seconds between two looks."""

_PATIENCE = 60.0  # seconds until what did not work is tried again, though nothing has changed
_woken = threading.Event()
logger = logging.getLogger(__name__)


def wake() -> None:
    """Have the process that watches look now; nothing where none does."""
    handed = behind.hand_over({})
    if handed is None:
        look()
    else:
        handed.close()


def look() -> None:
    """Look now, if this is the process that watches."""
    _woken.set()


def start() -> None:
    """Watch from a thread of this process until it ends."""
    threading.Thread(target=_watch, args=(Watcher(),), name="storage-watcher", daemon=True).start()


def _watch(watcher: Watcher) -> None:
    while True:
        _woken.clear()
        try:
            watcher.look()
        except Exception:  # whatever it was, the next look may succeed, and nobody else would look
            logger.exception("looking after the storages failed")
        _woken.wait(EVERY)


class Watcher:
    """Remembers what it has tried, so that what fails is not tried again at each look."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: dict[tuple[type, int], tuple[Hashable, float]] = {}

    def look(self) -> None:
        """Begin each Sync that is due; returns without waiting for their ends."""
        close_old_connections()
        try:
            for model in (PachydermImportStorage, PachydermExportStorage):
                for storage in model.objects.filter(status__in=ACTIVE):
                    if storage.is_abandoned():
                        self._begin(storage, "abandoned")
            for source, head in _moved_sources():
                self._begin(source, head)
            for target, waiting in _due_targets(timezone.now()):
                self._begin(target, waiting)
        finally:
            connections.close_all()

    def _begin(self, storage: Any, reason: Hashable) -> None:
        key, now = (type(storage), storage.pk), self._clock()
        before, at = self._tried.get(key, (None, 0.0))
        if before == reason and now - at < _PATIENCE:
            return
        self._tried[key] = (reason, now)
        try:
            storage.sync(wait=0.0)
        except WrongState:
            del self._tried[key]  # one is under way: what is left after it is seen at the next look


def _moved_sources() -> Iterator[tuple[PachydermImportStorage, tuple[str, str]]]:
    """The sources that follow a branch and do not show its head by now, and the commits that they should show."""
    heads: dict[tuple[str, str, Commit], str] = {}

    def head(source: PachydermImportStorage, wanted: Commit) -> str:
        place = (source.address, source.pach_authn_token, wanted)
        if place not in heads:
            heads[place] = probing.pinned(source.connect(), wanted).commit.id
        return heads[place]

    for source in PachydermImportStorage.objects.filter(auto_sync=True).exclude(status__in=ACTIVE):
        state = getattr(source, "state", None)
        shown = (state.commit, state.predictions.removeprefix(SourceState.DOUBT)) if state is not None else ("", "")
        try:
            if is_commit_id(source.wanted.id):
                continue
            predicted = source.predictions
            newest = (head(source, source.wanted), head(source, predicted) if predicted is not None else shown[1])
        except HowdahError as error:
            logger.info("source %s cannot be watched: %s", source.pk, error)
            continue
        if newest != shown:
            yield source, newest


def _due_targets(now: datetime) -> Iterator[tuple[PachydermExportStorage, int]]:
    """The targets that commit by themselves and have enough waiting, and how much."""
    targets = PachydermExportStorage.objects.exclude(commit_when=CommitWhen.SYNC).exclude(status__in=ACTIVE)
    for target in targets.annotate(
        waiting=Count("staged__annotation_id", distinct=True), events=Count("staged"), first=Min("staged__at")
    ):
        if target.events and is_due(target, target.waiting, now - target.first):
            yield target, target.events


def is_due(target: PachydermExportStorage, waiting: int, age: timedelta) -> bool:
    """Whether a target commits now, with so many annotations waiting, the first for as long as `age`."""
    if target.commit_when == CommitWhen.EACH:
        return True
    minutes, annotations = target.every_minutes, target.every_annotations
    return bool((annotations and waiting >= annotations) or (minutes and age >= timedelta(minutes=minutes)))
