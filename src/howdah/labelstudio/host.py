"""The one door to Label Studio's own names: all that we use of it, and all that we change in it.

Nothing here is a copy of the host. What we need from it is imported here and nowhere else; what we change is in
`connect`, small, and each change has a system check (see `howdah.labelstudio.checks`) that tells in plain words when
a version of the host has moved what the change holds on to.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db.models import Prefetch, QuerySet
from django.db.models.fields.related_descriptors import ReverseOneToOneDescriptor

OLDEST, FITS = "1.20.0", "1.23.2"
"""The oldest and the newest version that the tests run on; see tests/compat/test_hosts.py."""

try:
    from annoying.fields import AutoSingleRelatedObjectDescriptor
    from core import current_request
    from core.current_request import get_current_request
    from core.feature_flags import flag_set
    from core.permissions import ViewClassPermission, all_permissions
    from core.utils.common import load_func
    from data_export.serializers import ExportDataSerializer
    from data_manager import functions as data_manager
    from data_manager.actions import remove_duplicates
    from data_manager.api import TaskListAPI
    from data_manager.managers import update_annotation_map
    from data_manager.serializers import DataManagerTaskSerializer
    from io_storages.api import (
        ExportStorageDetailAPI,
        ExportStorageFormLayoutAPI,
        ExportStorageListAPI,
        ExportStorageSyncAPI,
        ImportStorageDetailAPI,
        ImportStorageFormLayoutAPI,
        ImportStorageListAPI,
        ImportStorageSyncAPI,
    )
    from io_storages.base_models import ExportStorage, ImportStorage, ImportStorageLink, ProjectStorageMixin
    from io_storages.functions import get_storage_list as host_storage_list
    from io_storages.proxy_api import ProjectResolveStorageUri, TaskResolveStorageUri
    from io_storages.serializers import ExportStorageSerializer, ImportStorageSerializer
    from io_storages.utils import StorageObject, load_tasks_json
    from label_studio_sdk.label_interface import LabelInterface
    from organizations.models import Organization
    from projects.models import Project, ProjectSummary
    from tasks import models as task_models
    from tasks.api import TaskAPI
    from tasks.models import Annotation, AnnotationDraft, Prediction, Task, post_bulk_create
    from tasks.serializers import AnnotationSerializer, PredictionSerializer
    from users.functions import save_user
    from users.models import User
    from users.views import user_signup
    from webhooks import utils as webhook_utils
    from webhooks.models import WebhookAction
    from webhooks.utils import emit_webhooks
except ImportError as error:
    raise ImproperlyConfigured(
        f"howdah.E001: this Label Studio is not one that Howdah fits: {error}. Howdah is made for Label Studio "
        f"{OLDEST} to {FITS}; install one with: pip install label-studio=={FITS}"
    ) from error

__all__ = [
    "Annotation",
    "AnnotationDraft",
    "AnnotationQuerySet",
    "AutoSingleRelatedObjectDescriptor",
    "AnnotationSerializer",
    "CurrentContext",
    "DataManagerTaskSerializer",
    "ExportDataSerializer",
    "ExportStorage",
    "ExportStorageDetailAPI",
    "ExportStorageFormLayoutAPI",
    "ExportStorageListAPI",
    "ExportStorageSerializer",
    "ExportStorageSyncAPI",
    "ImportStorage",
    "ImportStorageDetailAPI",
    "ImportStorageFormLayoutAPI",
    "ImportStorageLink",
    "ImportStorageListAPI",
    "ImportStorageSerializer",
    "ImportStorageSyncAPI",
    "LabelInterface",
    "Organization",
    "Prediction",
    "PredictionSerializer",
    "Project",
    "ProjectResolveStorageUri",
    "ProjectStorageMixin",
    "ProjectSummary",
    "STORAGES_CHANGE",
    "STORAGES_VIEW",
    "StorageObject",
    "Task",
    "TaskAPI",
    "TaskListAPI",
    "TaskQuerySet",
    "TaskResolveStorageUri",
    "User",
    "ViewClassPermission",
    "WebhookAction",
    "all_permissions",
    "backfill_fsm_states_for_tasks",
    "connect",
    "data_manager",
    "emit_webhooks",
    "emit_webhooks_for_instance",
    "flag_set",
    "get_current_request",
    "hidden",
    "host_storage_list",
    "load_func",
    "load_tasks_json",
    "next_task_places",
    "post_bulk_create",
    "remove_duplicates",
    "save_user",
    "task_fields",
    "update_annotation_map",
    "user_signup",
    "wrap",
]

LINK_NAME = "io_storages_pachyderm_pachydermimportstoragelink"
"""How a task calls its link to a Pachyderm source; also named in the settings."""


class _Request:
    """The request that a thread answers, as hosts before 1.22 keep it; they have nothing else to keep."""

    get_request = staticmethod(get_current_request)

    @staticmethod
    def set_request(request: Any) -> None:
        """Have this thread answer `request`."""
        current_request._thread_locals.request = request

    @staticmethod
    def clear() -> None:
        """Have this thread answer none."""
        current_request.clean_request(None)


def _annotation_queries() -> Any:
    """The class of the host's queries for annotations; hosts before 1.22 have none that is only for them."""
    known = getattr(task_models, "AnnotationQuerySet", None)
    if known is not None:
        return known
    manager = task_models.AnnotationManager
    manager._queryset_class = type("AnnotationQuerySet", (QuerySet,), {})
    return manager._queryset_class


CurrentContext = getattr(current_request, "CurrentContext", _Request)


def _task_queries() -> Any:
    """The class of the host's queries for tasks; as above."""
    known = type(Task.objects.all())
    if known is not QuerySet:
        return known
    manager = type(Task.objects)
    manager._queryset_class = type("TaskQuerySet", (QuerySet,), {})
    return manager._queryset_class


AnnotationQuerySet = _annotation_queries()
TaskQuerySet = _task_queries()
STORAGES_VIEW = getattr(all_permissions, "storages_view", all_permissions.projects_change)
STORAGES_CHANGE = getattr(all_permissions, "storages_change", all_permissions.projects_change)
"""Who may see and change storages; before 1.22, who may change their project."""
_TASK_FIELDS = frozenset(field.name for field in Task._meta.concrete_fields)


def task_fields(**fields: Any) -> dict[str, Any]:
    """Those of `fields` that tasks of this host have: `allow_skip` came with 1.22."""
    return {name: value for name, value in fields.items() if name in _TASK_FIELDS}


def backfill_fsm_states_for_tasks(*words: Any) -> None:
    """Give new tasks the host's first state; hosts before 1.22 know no states."""
    if importlib.util.find_spec("fsm") is not None:
        importlib.import_module("fsm.functions").backfill_fsm_states_for_tasks(*words)


def emit_webhooks_for_instance(organization: Any, project: Any, action: str, instance: Any) -> None:
    """Tell webhooks of these tasks, named by their keys; hosts before 1.21 want the tasks themselves."""
    is_keys = isinstance(instance, list) and all(isinstance(key, int) for key in instance)
    if is_keys and not hasattr(webhook_utils, "_process_webhook_batch"):
        instance = list(Task.objects.filter(id__in=instance))
    webhook_utils.emit_webhooks_for_instance(organization, project, action, instance)


def hidden(view: Any) -> Any:
    """Leave a view out of the host's description of its interface, which 1.20 makes by another package."""
    if importlib.util.find_spec("drf_spectacular") is None:
        view.swagger_schema = None
        return view
    return importlib.import_module("drf_spectacular.utils").extend_schema(exclude=True)(view)


def connect() -> None:
    """Change the host where it knows its own storage types only. Doing it twice changes nothing more."""
    wrap(TaskListAPI, "prefetch", _prefetch_links)
    wrap(TaskAPI, "prefetch", _prefetch_links)
    wrap(remove_duplicates, "restore_storage_links_for_duplicated_tasks", _keep_links)
    wrap(AutoSingleRelatedObjectDescriptor, "__get__", _look_before_making)


def _look_before_making(original: Callable[..., Any], descriptor: Any, instance: Any, owner: Any = None) -> Any:
    """A row that goes with another and is made when it is first asked for, as sessions' policies: mostly it is there.

    The original opens a transaction to look, and so each request would wait for whoever writes to SQLite.
    """
    try:
        return ReverseOneToOneDescriptor.__get__(descriptor, instance, owner)
    except ObjectDoesNotExist:
        return original(descriptor, instance, owner)


def is_wrapped(owner: Any, name: str) -> bool:
    """Whether `connect` has changed this."""
    return hasattr(getattr(owner, name, None), "howdah_wraps")


def wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Have calls of the host's `name` go to `around`, which gets the original first; once only."""
    original = getattr(owner, name, None)
    if original is None or is_wrapped(owner, name):
        return

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    wrapper.howdah_wraps = original  # type: ignore[attr-defined]
    is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    setattr(owner, name, staticmethod(wrapper) if is_static else wrapper)


def _prefetch_links(original: Callable[..., Any], *words: Any) -> Any:
    """The host prefetches the links of its own types; without this each task of a page costs a query for ours."""
    return original(*words).prefetch_related(LINK_NAME)


def _keep_links(original: Callable[[Any], None], duplicates: dict[str, list[dict[str, Any]]]) -> None:
    """Move our link to the task that "Remove duplicated tasks" will keep, so that the next Sync does not add it again.

    The host copies the links of its own types to every duplicate. Ours are unique, so the kept task gets it.
    """
    original(duplicates)
    for group in duplicates.values():
        kept = _kept(group)
        if kept.get(LINK_NAME) is not None:
            continue
        spare = next((task[LINK_NAME] for task in group if task.get(LINK_NAME) is not None), None)
        if spare is not None:
            _link_model().objects.filter(pk=spare).update(task_id=kept["id"])


def _kept(group: list[dict[str, Any]]) -> dict[str, Any]:
    """The host keeps the first task with annotations, else the first one."""
    annotated = (task for task in group if task["total_annotations"] + task["cancelled_annotations"] > 0)
    return next(annotated, group[0])


def _link_model() -> Any:
    return Task._meta.get_field(LINK_NAME).related_model


def current_email() -> str:
    """Who makes the request that is being answered in this thread; empty outside of requests."""
    user = getattr(get_current_request(), "user", None)
    return getattr(user, "email", "") or ""


def next_task_places() -> list[Any]:
    """The modules that ask for the next task to label; they can be loaded once all models are."""
    return [importlib.import_module(name) for name in ("projects.api", "data_manager.actions.next_task")]


def current_user_id() -> int | None:
    """The key of the person who makes the request that is being answered in this thread, if there is one."""
    return getattr(getattr(get_current_request(), "user", None), "id", None)


def next_inner_id(project_id: int) -> int | None:
    """The number that the project's next task gets; None in old projects, whose tasks have none."""
    last = Task.objects.filter(project_id=project_id).order_by("-inner_id").values_list("inner_id", flat=True)[:1]
    found = list(last)
    if not found:
        return 1
    return None if found[0] is None else found[0] + 1


def export_tasks(project: Any, task_ids: list[int]) -> Iterator[dict[str, Any]]:
    """These tasks with their annotations, as the host exports them to a target storage; gone ones are left out."""
    # The same task must give the same bytes, and databases promise no order.
    parts = [
        Prefetch("annotations", Annotation.objects.order_by("id").select_related("completed_by")),
        Prefetch("predictions", Prediction.objects.order_by("id")),
        Prefetch("drafts", AnnotationDraft.objects.order_by("id")),
        Prefetch("comment_authors", User.objects.order_by("id")),
    ]
    queryset = Task.objects.filter(id__in=task_ids, project=project).select_related("file_upload").order_by("id")
    tasks = list(queryset.prefetch_related(*parts))
    for task in tasks:
        task.project = project
    # One serializer for all: making its fields costs more than using them.
    for task in export_serializer(project, tasks, many=True).data:
        for prediction in task["predictions"]:
            prediction.pop("created_ago", None)  # another text each day
        yield dict(task)


def export_serializer(project: Any, *tasks: Any, **options: Any) -> Any:
    """The host's serializer of what goes to a target storage, with the predictions, which it imports no other way."""
    expand = ["annotations.reviews", "annotations.completed_by", "predictions"]
    return ExportDataSerializer(*tasks, context={"project": project}, expand=expand, **options)
