"""Annotations that come from another Label Studio, or another project: ids in them name nobody and nothing here."""

from __future__ import annotations

from typing import Any

# Ids of rows where the annotation was made.
_FOREIGN = frozenset(
    {"id", "task", "project", "parent_prediction", "parent_annotation", "updated_by", "last_created_by", "unique_id"}
)


def as_ours(annotations: Any, project: Any) -> Any:
    """The annotations with annotators of this project's organization, told by their e-mail; nobody where unknown.

    Annotations whose annotator is told by id, or not at all, stay as they are: they were written for this place.
    """
    if not isinstance(annotations, list):
        return annotations
    emails = {
        str(each["completed_by"].get("email"))
        for each in annotations
        if isinstance(each, dict) and isinstance(each.get("completed_by"), dict)
    }
    if not emails:
        return annotations
    members = project.organization.members.filter(user__email__in=emails, deleted_at=None)
    known = dict(members.values_list("user__email", "user_id"))
    return [_ours(each, known) for each in annotations]


def _ours(annotation: Any, known: dict[str, int]) -> Any:
    by = annotation.get("completed_by") if isinstance(annotation, dict) else None
    if not isinstance(by, dict):
        return annotation
    rest = {name: value for name, value in annotation.items() if name not in _FOREIGN and name != "completed_by"}
    found = known.get(str(by.get("email")))
    return rest if found is None else {**rest, "completed_by": found}
