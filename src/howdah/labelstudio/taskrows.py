"""Tasks with their annotations as the host exports them, read in bulk.

The host's serializer says which fields there are; each is read as a column, for many tasks in one query, and shown as
the serializer's field would show it. Where a serializer has a field of a kind that is not known here, or shows the
first task of a run otherwise than this does, the host's own serializer is used for all.

Other than the host's export to storages, tasks carry their predictions, not only these' ids: the host imports no
others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from django.conf import settings
from django.db.models import F
from rest_framework import serializers

from howdah.labelstudio import host

Show = Callable[[Any], Any]

# Fields that show a column's value as it is.
_PLAIN = (
    serializers.IntegerField,
    serializers.BooleanField,
    serializers.FloatField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.JSONField,
)
# Told as of now, or only with a switch of the host's that is off.
_LEFT_OUT = frozenset({"created_ago", "state"})


_OTHERS = {
    "annotations": "ListSerializer",
    "predictions": "ListSerializer",
    "drafts": "ManyRelatedField",
    "comment_authors": "ManyRelatedField",
    "file_upload": "ReadOnlyField",
}
"""What a task shows that is no column of its own, and how the host calls the kind of each."""


class Unknown(Exception):  # noqa: N818  (no error: a reason to ask the host)
    """A field of the host's that is not known here."""


class Columns:
    """The fields of a serializer as columns of the table. Raises `Unknown` where one is none."""

    def __init__(self, fields: Mapping[str, Any], model: Any) -> None:
        self._shows: list[tuple[str, Show | None]] = []
        self.paths: list[str] = []
        for name, field in fields.items():
            if name not in _LEFT_OUT:
                path, show = _column(name, field, model)
                self._shows.append((name, show))
                self.paths.append(path)

    def shown(self, values: Sequence[Any]) -> dict[str, Any]:
        """The fields of one row."""
        return {
            name: value if show is None or value is None else show(value)
            for (name, show), value in zip(self._shows, values, strict=True)
        }


def _column(name: str, field: Any, model: Any) -> tuple[str, Show | None]:
    source = field.source
    known = {each.name: each for each in model._meta.concrete_fields}
    if source in known and isinstance(field, serializers.PrimaryKeyRelatedField):
        return known[source].attname, None
    if source not in known:
        # The host works on results where it is asked to, which exports to storages do not.
        if isinstance(field, serializers.SerializerMethodField) and name == "result":
            return name, None
        raise Unknown(name)
    if isinstance(field, serializers.DateTimeField):
        return source, functools.partial(_time, field)
    if isinstance(field, serializers.UUIDField):
        return source, field.to_representation
    if isinstance(field, _PLAIN):
        return source, None
    raise Unknown(name)


def _time(field: Any, value: datetime) -> Any:
    """As the field shows it, which takes ten times as long where the host's zone is UTC."""
    if value.tzinfo is timezone.utc and settings.TIME_ZONE == "UTC":
        return value.isoformat()[: -len("+00:00")] + "Z"
    return field.to_representation(value)


class TaskRows:
    """Reads tasks of one project. For one Sync."""

    _is_sure = False  # of all: the first task of a process has told

    def __init__(self, project: Any) -> None:
        self._project = project
        try:
            self._tables: _Tables | None = tables()
        except Unknown:
            self._tables = None

    def read(self, task_ids: Sequence[int]) -> list[dict[str, Any]]:
        """These tasks by id, with their annotations; gone ones are left out."""
        if self._tables is not None and not TaskRows._is_sure and task_ids:
            first = list(task_ids)[:1]
            TaskRows._is_sure = list(self._tables.read(self._project, first)) == self._of_host(first)
            if not TaskRows._is_sure:
                self._tables = None
        if self._tables is None:
            return self._of_host(task_ids)
        return list(self._tables.read(self._project, task_ids))

    def _of_host(self, task_ids: Sequence[int]) -> list[dict[str, Any]]:
        return list(host.export_tasks(self._project, list(task_ids)))


class _Tables:
    """The queries and what is made of their rows."""

    def __init__(self, fields: Any, model: Any) -> None:
        for name, kind in _OTHERS.items():
            if name not in fields or type(fields[name]).__name__ != kind:
                raise Unknown(name)
        self._task = Columns({name: field for name, field in fields.items() if name not in _OTHERS}, model)
        annotation = dict(fields["annotations"].child.fields)
        person = annotation.pop("completed_by")
        self._annotation = Columns(annotation, host.Annotation)
        self._prediction = Columns(fields["predictions"].child.fields, host.Prediction)
        self._person = Columns(person.fields, host.User)

    def read(self, project: Any, task_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The tasks, by id."""
        annotations = _below(host.Annotation, "completed_by_id", self._annotation, task_ids)
        people = self._people(annotations)
        predictions = _below(host.Prediction, "project_id", self._prediction, task_ids)
        drafts = _ids(host.AnnotationDraft, "id", task_ids)
        authors = _ids(host.Task.comment_authors.through, "user_id", task_ids)
        tasks = host.Task.objects.filter(id__in=task_ids, project=project).order_by("id")
        undefined = next(iter(project.data_types or ()), None)
        for key, upload, *values in tasks.values_list("id", "file_upload__file", *self._task.paths):
            task = self._task.shown(values)
            if upload is not None:
                task["file_upload"] = upload.rpartition("/")[2]
            _define(task["data"], undefined)
            task["annotations"] = [
                {**self._annotation.shown(row), "completed_by": people.get(by)} for by, row in annotations.get(key, ())
            ]
            task["predictions"] = [self._prediction.shown(row) for _, row in predictions.get(key, ())]
            task["drafts"] = drafts.get(key, [])
            task["comment_authors"] = authors.get(key, [])
            yield task

    def _people(self, annotations: Mapping[int, list[tuple[Any, Any]]]) -> dict[int, dict[str, Any]]:
        ids = {who for rows in annotations.values() for who, _ in rows if who is not None}
        rows = host.User.objects.filter(id__in=ids).values_list("id", *self._person.paths)
        return {key: self._person.shown(row) for key, *row in rows}


def tables() -> _Tables:
    """What the host's serializer shows; raises `Unknown`."""
    return _tables_of(host.ExportDataSerializer)


@functools.cache
def _tables_of(kind: Any) -> _Tables:
    return _Tables(host.export_serializer(None).fields, kind.Meta.model)


def _below(model: Any, other: str, columns: Columns, task_ids: Sequence[int]) -> dict[int, list[tuple[Any, Any]]]:
    """The rows of each task, by id, each with what its column `other` holds."""
    found: dict[int, list[tuple[Any, Any]]] = {}
    rows = model.objects.filter(task_id__in=task_ids).order_by("id")
    for task, held, *row in rows.values_list(F("task_id"), F(other), *columns.paths):
        found.setdefault(task, []).append((held, row))
    return found


def _define(data: Any, name: str | None) -> None:
    """As the host does: data without a name gets the name of the configuration's first."""
    if name and settings.DATA_UNDEFINED_NAME in data:
        data[name] = data.pop(settings.DATA_UNDEFINED_NAME)


def _ids(model: Any, name: str, task_ids: Sequence[int]) -> dict[int, list[int]]:
    """The keys that belong to each task, in order."""
    found: dict[int, list[int]] = {}
    for task, key in sorted(model.objects.filter(task_id__in=task_ids).values_list("task_id", name)):
        found.setdefault(task, []).append(key)
    return found
