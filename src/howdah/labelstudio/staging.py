"""The outbox: what happens to annotations is noted for each target, in the transaction in which it happens.

Never touches the network. A target that is away, slow or wrong is no business of the person who labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from howdah.labelstudio import host, mixins, watching
from howdah.labelstudio.models import PachydermExportStorage, StagedChange

_BATCH = 500
# Changed by the host together with a save, which is noted anyway.
_UNNOTED = frozenset({"updated_by", "updated_by_id", "updated_at"})


def connect() -> None:
    """Listen to the host's annotations: saves, deletes, bulk inserts and bulk updates."""
    mixins.row_saved.connect(_saved, sender=host.Annotation, dispatch_uid="howdah-staging")
    post_delete.connect(_deleted, sender=host.Annotation, dispatch_uid="howdah-staging")
    host.post_bulk_create.connect(_bulk_created, sender=host.Annotation, dispatch_uid="howdah-staging")
    host.wrap(host.AnnotationQuerySet, "update", _updating)


def _saved(sender: Any, instance: Any, created: bool, **_: Any) -> None:  # noqa: FBT001  (Django calls it so)
    if created:
        _stage([instance], StagedChange.Event.CREATED, _annotator)
    else:
        _stage([instance], StagedChange.Event.CHANGED, _editor)


def _deleted(sender: Any, instance: Any, origin: Any = None, **_: Any) -> None:
    if not _goes_with_project(origin):
        _stage([instance], StagedChange.Event.DELETED, _requester)


def _bulk_created(sender: Any, objs: Iterable[Any], **_: Any) -> None:
    _stage(objs, StagedChange.Event.CREATED, _annotator)


def _updating(original: Callable[..., int], queryset: Any, **fields: Any) -> int:
    """An update of many annotations at once, of which Django tells nobody."""
    if not (fields.keys() - _UNNOTED) or not PachydermExportStorage.objects.exists():
        return original(queryset, **fields)
    with transaction.atomic():
        keys = list(queryset.values_list("pk", flat=True))
        # Twice, because an annotation that moves to another task changes both.
        _stage_keys(keys)
        count = original(queryset, **fields)
        if fields.keys() & {"task", "task_id"}:
            _stage_keys(keys)
    return count


def _stage_keys(keys: list[int]) -> None:
    for start in range(0, len(keys), _BATCH):
        found = host.Annotation.objects.filter(pk__in=keys[start : start + _BATCH])
        _stage(found.only("id", "task_id", "project_id"), StagedChange.Event.CHANGED, _requester)


def _stage(annotations: Iterable[Any], event: str, author: Callable[[Any], str]) -> None:
    targets: dict[int | None, list[int]] = {}
    rows = []
    for annotation in annotations:
        if annotation.task_id is None:
            continue
        project = annotation.project_id or annotation.task.project_id
        if project not in targets:
            targets[project] = list(
                PachydermExportStorage.objects.filter(project_id=project).values_list("pk", flat=True)
            )
        rows += [
            StagedChange(
                storage_id=target,
                task_id=annotation.task_id,
                annotation_id=annotation.pk,
                event=event,
                author=author(annotation),
            )
            for target in targets[project]
        ]
    if rows:
        StagedChange.objects.bulk_create(rows, batch_size=_BATCH)
        transaction.on_commit(watching.wake)


def _annotator(annotation: Any) -> str:
    return getattr(annotation.completed_by or annotation.updated_by, "email", "") or host.current_email()


def _editor(annotation: Any) -> str:
    return getattr(annotation.updated_by, "email", "") or host.current_email()


def _requester(_: Any) -> str:
    return host.current_email()


def _goes_with_project(origin: Any) -> bool:
    """Whether annotations are deleted because their project is: then their targets go as well."""
    model = getattr(origin, "model", type(origin))
    return origin is not None and model not in (host.Annotation, host.Task)
