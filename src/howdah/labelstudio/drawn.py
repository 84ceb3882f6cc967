"""Which version of its file an annotation was drawn on.

A task shows one version; an annotation drawn on an earlier one has a row that says which. Somebody who began before
the version changed, and saves afterwards, has drawn on the earlier version.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from howdah.labelstudio.mixins import Loaded
from howdah.labelstudio.models import DrawnOn, PachydermImportStorageLink


def note(annotation: Any, before: Loaded | None, *, created: bool) -> None:
    """Keep the version that `annotation`, just written, was drawn on; part of the caller's transaction."""
    if before is not None and not created and before.result is annotation.result:
        return  # saved for another reason than drawing
    links = PachydermImportStorageLink.objects.filter(task_id=annotation.task_id)
    former = next(iter(links.values_list("former", flat=True)), _NO_LINK)
    if former is _NO_LINK:
        return
    if is_of_former(former, _began(annotation, before, created=created)):
        shown = {name: former.get(name) or "" for name in ("commit", "path", "digest")}
        DrawnOn.objects.update_or_create(annotation_id=annotation.pk, defaults=shown)
    elif not created:
        DrawnOn.objects.filter(annotation_id=annotation.pk).delete()


_NO_LINK: Any = object()


def is_of_former(former: Mapping[str, Any] | None, began: datetime) -> bool:
    """Whether somebody who began at this time saw the version that was shown before."""
    return bool(former) and began < datetime.fromisoformat(former["until"])  # type: ignore[index]


def _began(annotation: Any, before: Loaded | None, *, created: bool) -> datetime:
    """When this piece of work began. The host adds up the time of all work on an annotation."""
    seconds = annotation.lead_time or 0.0
    if before is not None and not created:
        seconds -= before.lead_time or 0.0
    began: datetime = annotation.updated_at - timedelta(seconds=min(max(0.0, seconds), _LONGEST))
    return began


_LONGEST = 7 * 24 * 3600.0  # seconds; a browser's clock may say anything
