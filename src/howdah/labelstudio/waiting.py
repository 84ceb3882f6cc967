"""What a target has not got yet, and what it got last: for its card. A few queries, however many targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from howdah.errors import Invalid
from howdah.labelstudio import host
from howdah.labelstudio.models import ExportRun, PachydermExportStorage, StagedChange


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many annotations are not yet committed, and the id of the last commit, empty before the first."""

    pending: int
    commit: str


def of(targets: Iterable[PachydermExportStorage]) -> dict[int, Waiting]:
    """What each target waits with, by its id. One that never committed to its branch waits with all there is."""
    known = {target.pk: target for target in targets}
    runs = {run.storage_id: run for run in ExportRun.objects.filter(storage_id__in=known)}
    rows = StagedChange.objects.filter(storage_id__in=known).values("storage_id")
    staged = dict(rows.annotate(count=Count("annotation_id", distinct=True)).values_list("storage_id", "count"))
    unreached = {key: known[key] for key in known if key not in runs or not _reached(known[key], runs[key])}
    projects = {target.project_id for target in unreached.values()}
    annotations: dict[int, int] = {}
    if projects:
        all_there = host.Annotation.objects.filter(project_id__in=projects).order_by().values("project_id")
        annotations = dict(all_there.annotate(count=Count("id")).values_list("project_id", "count"))
    return {
        key: Waiting(
            annotations.get(target.project_id, 0) if key in unreached else staged.get(key, 0),
            runs[key].commit if key in runs else "",
        )
        for key, target in known.items()
    }


def _reached(target: PachydermExportStorage, run: ExportRun) -> bool:
    try:
        return run.reached.partition(" ")[2].startswith(f"{target.branch}:")
    except Invalid:
        return bool(run.reached)
