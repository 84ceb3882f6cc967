"""The Data Manager's column "Source": whether a task shows its file as the source has it now.

It is part of the query that the host makes for a page or a filter, so it costs no query of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Case, CharField, Exists, OuterRef, Q, Value, When

from howdah.labelstudio import host
from howdah.labelstudio.models import DrawnOn, PachydermImportStorage

NAME = "source_state"
CURRENT, EDITED, REMOVED = "current", "edited since", "removed"


def connect() -> None:
    """Have the host know the column, fill it in and tell it."""
    host.wrap(host.data_manager, "get_all_columns", _with_column)
    host.wrap(host.DataManagerTaskSerializer, "to_representation", _with_value)
    host.update_annotation_map({NAME: annotate})


def annotate(queryset: Any) -> Any:
    """`queryset` of tasks with what the column shows; empty for tasks that are of no source of ours."""
    link = host.LINK_NAME
    drawn = Exists(DrawnOn.objects.filter(annotation__task=OuterRef("pk")))
    return queryset.annotate(**{
        NAME: Case(
            When(**{f"{link}__isnull": True}, then=Value("")),
            When(~Q(**{f"{link}__removed": ""}), then=Value(REMOVED)),
            When(~Q(**{f"{link}__newer": ""}) | drawn, then=Value(EDITED)),
            default=Value(CURRENT),
            output_field=CharField(),
        )
    })  # fmt: skip


def _with_column(original: Callable[..., Any], project: Any, *words: Any) -> Any:
    found = original(project, *words)
    if PachydermImportStorage.objects.filter(project=project).exists():
        column = {
            "id": NAME,
            "title": "Source",
            "type": "List",
            "target": "tasks",
            "help": f"{EDITED}: drawn on an older version, or showing one; {REMOVED}: the file is gone",
            "schema": {"items": [CURRENT, EDITED, REMOVED]},
            "visibility_defaults": {"explore": True, "labeling": False},
            "project_defined": False,
        }
        found["columns"].insert(len(found["columns"]) - 1, column)
    return found


def _with_value(original: Callable[..., Any], serializer: Any, task: Any) -> Any:
    found = original(serializer, task)
    if hasattr(task, NAME):
        found[NAME] = getattr(task, NAME)
    return found
