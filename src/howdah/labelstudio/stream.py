"""What people get to label next, and what they start from: no archived tasks, and the newest predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import MultipleObjectsReturned

from howdah.labelstudio import host
from howdah.labelstudio.models import PachydermImportStorageLink
from howdah.names import is_commit_id


def connect() -> None:
    """Change both places where the host looks for a next task, and where it looks for a task's predictions."""
    for place in host.next_task_places():
        host.wrap(place, "get_next_task", _next_live)
    host.wrap(host.Task, "get_predictions_for_prelabeling", _newest)
    host.wrap(host.Task, "set_lock", _one_lock)


def _next_live(original: Callable[..., Any], user: Any, tasks: Any, project: Any, *words: Any, **named: Any) -> Any:
    archived = PachydermImportStorageLink.objects.filter(archived=True, storage__project=project)
    if archived.exists():
        tasks = tasks.exclude(pk__in=archived.values("task_id"))
    return original(user, tasks, project, *words, **named)


def _one_lock(original: Callable[..., Any], task: Any, user: Any) -> Any:
    """Two requests of one person at once may each lock the task, and the host fails on two locks ever after."""
    try:
        return original(task, user)
    except MultipleObjectsReturned:
        locks = task.locks.filter(user=user)
        locks.exclude(pk=locks.latest("pk").pk).delete()
        return original(task, user)


def _newest(original: Callable[..., Any], task: Any) -> Any:
    """Of a task whose prediction is of an earlier commit than the one that the project shows, that prediction.

    Each commit of a branch of predictions adds those that changed; the others are still the branch's predictions.
    """
    found = original(task)
    project = task.project
    if not project.show_collab_predictions or not is_commit_id(project.model_version or "") or len(found):
        return found
    for prediction in task.predictions.order_by("-pk"):
        if is_commit_id(prediction.model_version or ""):
            return task.predictions.filter(model_version=prediction.model_version)
    return found
