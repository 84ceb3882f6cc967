"""The reports of Syncs: a row at each end of a run, and what webhooks are told.

A person opens a report to see what a Sync did, and with which files something was wrong. Scripts that listen to
webhooks get the same counts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from howdah.labelstudio import host

if TYPE_CHECKING:
    from howdah.labelstudio.models import SyncReport
    from howdah.labelstudio.progress import Outcome

KEPT = 50
"""Reports of one storage that are kept; older ones go when a new one is written."""

PROBLEMS_KEPT = 10_000
"""Problems that one report keeps; its count tells of all."""

COMPLETED, FAILED = "STORAGE_SYNC_COMPLETED", "STORAGE_SYNC_FAILED"

logger = logging.getLogger(__name__)


def completed(outcome: Outcome) -> dict[str, Any]:
    """The fields of the report on a run that came to its end."""
    counts = {name: number for name, number in outcome.counts.items() if number}
    if outcome.problems:
        counts["problems"] = len(outcome.problems)
    return {
        "counts": counts,
        "before": outcome.before,
        "commit": outcome.commit,
        "problems": [problem._asdict() for problem in outcome.problems[:PROBLEMS_KEPT]],
    }


def write(storage: Any, *, began: str | None, status: str, **fields: Any) -> SyncReport:
    """Keep a report, and let go of the storage's oldest; part of the caller's transaction."""
    start = datetime.fromisoformat(began) if began else timezone.now()
    made = storage.reports.create(began=start, status=status, by=host.current_email(), **fields)
    old = storage.reports.order_by("-pk").values_list("pk", flat=True)[KEPT:]
    storage.reports.filter(pk__in=list(old)).delete()
    return made


def tell(storage: Any, report: SyncReport) -> None:
    """Call the webhooks of the storage's project; never raises."""
    action = COMPLETED if report.status.startswith("completed") else FAILED
    payload = {
        "storage": {"id": storage.pk, "title": storage.title, "type": "pachyderm", "kind": _kind(report)},
        "status": report.status,
        "commit": report.commit,
        "counts": report.counts,
        "message": report.message,
    }
    try:
        host.emit_webhooks(storage.project.organization, storage.project, action, payload)
    except Exception:  # the Sync is over and well: a webhook must not make it look otherwise
        logger.exception("webhooks of storage %s were not called", storage.pk)


def actions() -> Iterable[tuple[str, dict[str, Any]]]:
    """The two events as the host's table of webhook events has them."""
    for action, name in ((COMPLETED, "Storage sync completed"), (FAILED, "Storage sync failed")):
        yield (
            action,
            {
                "name": name,
                "description": "A Sync of a Pachyderm source or target has ended: storage, commit and counts",
                "key": "storage",
                "many": False,
                "model": host.Project,
                "project-field": "__self__",
            },
        )


def _kind(report: SyncReport) -> str:
    return "source" if report.source_id is not None else "target"
