"""The outbox: what happens to annotations and their tasks is noted for each target, in the same transaction.

Never touches the network. A target that is away, slow or wrong is no business of the person who labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from howdah.labelstudio import drawn, host, mixins, sync, watching
from howdah.labelstudio.mixins import TASK_CONTENT, Loaded
from howdah.labelstudio.models import PachydermExportStorage, StagedChange

Event = StagedChange.Event

_BATCH = 500
# Changed by the host together with a save, which is noted anyway.
_UNNOTED = frozenset({"updated_by", "updated_by_id", "updated_at"})
_TASK_FIELDS = frozenset({*TASK_CONTENT, *(name.removesuffix("_id") for name in TASK_CONTENT)})


def connect() -> None:
    """Listen to the host's annotations and tasks: saves, deletes, bulk inserts and bulk updates."""
    mixins.row_saved.connect(_saved, sender=host.Annotation, dispatch_uid="howdah-staging")
    mixins.task_changing.connect(_task_changing, sender=host.Task, dispatch_uid="howdah-staging")
    mixins.row_deleting.connect(_deleting_one, sender=host.Annotation, dispatch_uid="howdah-staging")
    mixins.row_deleting.connect(_deleting_task, sender=host.Task, dispatch_uid="howdah-staging")
    host.post_bulk_create.connect(_bulk_created, sender=host.Annotation, dispatch_uid="howdah-staging")
    host.wrap(host.AnnotationQuerySet, "update", _updating)
    host.wrap(host.AnnotationQuerySet, "delete", _deleting)
    host.wrap(host.TaskQuerySet, "update", _updating_tasks)
    host.wrap(host.TaskQuerySet, "delete", _deleting_tasks)


def note_tasks(task_ids: Iterable[int]) -> None:
    """Have the targets write the files of these tasks anew: what they show has changed, or is about to.

    Part of the caller's transaction. For changes that no listener can see, such as those to a task's link.
    """
    if not PachydermExportStorage.objects.exists():
        return
    targets = _Targets()
    for batch in sync.batches(task_ids, _BATCH):
        annotated = host.Annotation.objects.filter(task_id__in=batch).order_by()
        pairs = annotated.values_list("task_id", "task__project_id").distinct()
        _keep(
            StagedChange(storage_id=target, task_id=task, event=Event.TASK, author=host.current_email())
            for task, project in pairs
            for target in targets[project]
        )


def _saved(sender: Any, instance: Any, *, created: bool, before: Loaded | None, fields: Any, **_: Any) -> None:
    if created:
        _stage([instance], Event.CREATED, _annotator)
    else:
        _stage([instance], Event.CHANGED, _editor)
        if before is not None and before.task_id not in (None, instance.task_id):
            _stage([instance], Event.CHANGED, _editor, task=before.task_id)
    if fields is None or "result" in fields:
        drawn.note(instance, before, created=created)


def _deleting_one(sender: Any, instance: Any, **_: Any) -> None:
    _stage([instance], Event.DELETED, _requester)


def _deleting_task(sender: Any, instance: Any, **_: Any) -> None:
    _stage_deleted(host.Annotation.objects.filter(task_id=instance.pk))


def _deleting(original: Callable[..., Any], queryset: Any) -> Any:
    """Many annotations at once."""
    with transaction.atomic():
        _stage_deleted(queryset)
        return original(queryset)


def _deleting_tasks(original: Callable[..., Any], queryset: Any) -> Any:
    """Many tasks at once, and what was drawn on them."""
    with transaction.atomic():
        if PachydermExportStorage.objects.exists():
            for batch in sync.batches(queryset.values_list("pk", flat=True), _BATCH):
                _stage_deleted(host.Annotation.objects.filter(task_id__in=batch))
        return original(queryset)


def _stage_deleted(annotations: Any) -> None:
    if PachydermExportStorage.objects.exists():
        _stage_keys(list(annotations.values_list("pk", flat=True)), Event.DELETED)


def _bulk_created(sender: Any, objs: Iterable[Any], **_: Any) -> None:
    _stage(objs, Event.CREATED, _annotator)


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


def _updating_tasks(original: Callable[..., int], queryset: Any, **fields: Any) -> int:
    """An update of many tasks at once; nearly all are about counts, which no target is told of."""
    if not fields.keys() & _TASK_FIELDS:
        return original(queryset, **fields)
    with transaction.atomic():
        note_tasks(queryset.values_list("pk", flat=True))
        return original(queryset, **fields)


def _task_changing(sender: Any, instance: Any, **_: Any) -> None:
    if not PachydermExportStorage.objects.filter(project_id=instance.project_id).exists():
        return
    for known in host.Task.objects.filter(pk=instance.pk).values(*TASK_CONTENT):
        if any(known[name] != getattr(instance, name) for name in TASK_CONTENT):
            note_tasks([instance.pk])


def _stage_keys(keys: list[int], event: str = Event.CHANGED) -> None:
    for batch in sync.batches(keys, _BATCH):
        found = host.Annotation.objects.filter(pk__in=batch)
        _stage(found.only("id", "task_id", "project_id"), event, _requester)


def _stage(annotations: Iterable[Any], event: str, author: Callable[[Any], str], *, task: int | None = None) -> None:
    """Note an event on annotations, for the task that they belong to now unless `task` names another one."""
    targets = _Targets()
    _keep(
        StagedChange(
            storage_id=target,
            task_id=task or annotation.task_id,
            annotation_id=annotation.pk,
            event=event,
            author=author(annotation),
        )
        for annotation in annotations
        if annotation.task_id is not None
        for target in targets[annotation.project_id or annotation.task.project_id]
    )


def _keep(changes: Iterable[StagedChange]) -> None:
    rows = list(changes)
    if rows:
        StagedChange.objects.bulk_create(rows, batch_size=_BATCH)
        transaction.on_commit(watching.wake)


class _Targets(dict[int | None, list[int]]):
    """The targets of each project, looked up once."""

    def __missing__(self, project: int | None) -> list[int]:
        found = PachydermExportStorage.objects.filter(project_id=project)
        self[project] = list(found.values_list("pk", flat=True))
        return self[project]


def _annotator(annotation: Any) -> str:
    return getattr(annotation.completed_by or annotation.updated_by, "email", "") or host.current_email()


def _editor(annotation: Any) -> str:
    return getattr(annotation.updated_by, "email", "") or host.current_email()


def _requester(_: Any) -> str:
    return host.current_email()
