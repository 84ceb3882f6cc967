"""System checks: does this Label Studio still have what Howdah holds on to. A misfit is a plain sentence at start.

The ids are listed in docs/reference/storage.md. E001 is raised by `howdah.labelstudio.host` when it is imported.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks as django
from django.db.models import Model
from django.template.loader import get_template
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse

from howdah.labelstudio import host, media, mixins, models

TAG = "howdah"
OVER = Path(__file__).with_name("templates") / "over"
_HINT = f"Howdah is made for Label Studio {host.OLDEST} to {host.FITS}: pip install label-studio=={host.FITS}"


def register() -> None:
    """Have `check`, `migrate` and the server run these."""
    for check in (check_version, check_settings, check_hooks, check_fields, check_media, check_form, check_pages):
        django.register(check, TAG)


def _error(number: int, message: str) -> django.Error:
    return django.Error(message, hint=_HINT, id=f"howdah.E{number:03}")


def check_version(**_: Any) -> list[django.CheckMessage]:
    """A version of the host that the tests do not run on is a warning: it may well fit."""
    from label_studio import __version__  # noqa: PLC0415  (the host takes its time)

    return told_of(__version__)


def told_of(version: str) -> list[django.CheckMessage]:
    """The warning that is due for a version of the host, if one is."""
    numbers = [_numbers(text) for text in (host.OLDEST, version, host.FITS)]
    if numbers == sorted(numbers) and all(part.isdigit() for part in version.split(".")):
        return []
    message = f"Howdah was tested with Label Studio {host.OLDEST} to {host.FITS}; this is {version}."
    return [django.Warning(message, hint=_HINT, id="howdah.W001")]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def check_settings(**_: Any) -> list[django.CheckMessage]:
    """The host's swap points name our parts."""
    problems: list[django.CheckMessage] = []
    wanted = {
        "GET_STORAGE_LIST": "howdah.labelstudio.storages.get_storage_list",
        "SAVE_USER": "howdah.labelstudio.accounts.save_user",
        "ANNOTATION_MIXIN": f"{mixins.__name__}.{mixins.StagedAnnotation.__name__}",
        "TASK_MIXIN": f"{mixins.__name__}.{mixins.StagedTask.__name__}",
    }
    for name, value in wanted.items():
        if getattr(settings, name, None) != value:
            problems.append(_error(2, f"The setting {name} is not {value!r}: use howdah.labelstudio.settings."))
    if host.LINK_NAME not in getattr(settings, "IO_STORAGES_IMPORT_LINK_NAMES", ()):
        problems.append(_error(3, f"The setting IO_STORAGES_IMPORT_LINK_NAMES lacks {host.LINK_NAME!r}."))
    mixed = issubclass(host.Annotation, mixins.StagedAnnotation) and issubclass(host.Task, mixins.StagedTask)
    if not mixed or not hasattr(Model, "_save_table"):
        text = "Annotations and tasks are not saved together with the note of what changed"
        problems.append(_error(4, f"{text} (ANNOTATION_MIXIN, TASK_MIXIN)."))
    return problems


def check_hooks(**_: Any) -> list[django.CheckMessage]:
    """Each part of the host that we change is there and changed."""
    hooks = [
        (5, host.TaskListAPI, "prefetch", "each task of a Data Manager page costs a query more"),
        (5, host.TaskAPI, "prefetch", "each opened task costs a query more"),
        (6, host.remove_duplicates, "restore_storage_links_for_duplicated_tasks", "removed duplicates come back"),
        (7, host.AnnotationQuerySet, "update", "bulk changes of annotations are missed by the next Sync"),
        (7, host.AnnotationQuerySet, "delete", "bulk deletes of annotations are missed by the next Sync"),
        *((12, place, "get_next_task", "people are asked to label removed files") for place in host.next_task_places()),
        (15, host.AutoSingleRelatedObjectDescriptor, "__get__", "each request waits for whoever writes to SQLite"),
        (16, host.Task, "set_lock", "a task that one person asked for twice at once fails for good"),
        (13, host.Task, "get_predictions_for_prelabeling", "predictions of earlier commits are not shown"),
        (14, host.data_manager, "get_all_columns", "the Data Manager has no column Source"),
        (14, host.DataManagerTaskSerializer, "to_representation", "the Data Manager's column Source is empty"),
    ]
    return [
        _error(number, f"Label Studio has no {getattr(owner, '__name__', owner)}.{name} to hook into: {consequence}.")
        for number, owner, name, consequence in hooks
        if not host.is_wrapped(owner, name)
    ]


def check_fields(**_: Any) -> list[django.CheckMessage]:
    """The host's tables have the columns that we write, and finds our links."""
    needed = {
        host.Task: ("data", "project", "overlap", "is_labeled", "inner_id"),
        host.Annotation: ("task", "project", "completed_by", "updated_by"),
        models.PachydermImportStorage: ("status", "last_sync", "last_sync_count", "last_sync_job", "traceback", "meta"),
    }
    missing = [
        f"{model.__name__}.{name}"
        for model, names in needed.items()
        for name in names
        if name not in {field.name for field in model._meta.get_fields()}
    ]
    problems: list[django.CheckMessage] = []
    if missing:
        problems.append(_error(8, f"Label Studio's tables lack {', '.join(missing)}."))
    if "io_storages_" not in apps.get_app_config("io_storages_pachyderm").label:
        problems.append(_error(9, "The app's label must contain 'io_storages_' for tasks to find their storage."))
    return problems


def check_media(**_: Any) -> list[django.CheckMessage]:
    """The addresses under which the host asks for a task's files lead to us."""
    try:
        # Written with the path of the public URL, read without it.
        path = reverse("storages:task-storage-data-resolve", kwargs={"task_id": 1}).removeprefix(get_script_prefix())
        view = resolve(f"/{path}").func
    except (NoReverseMatch, Resolver404):
        return [_error(10, "Label Studio has no address for the files of a task: media would not be shown.")]
    if getattr(view, "cls", None) is not media.TaskMedia:
        return [_error(10, "Files of tasks are not served by Howdah: ROOT_URLCONF must be howdah.labelstudio.urls.")]
    return []


def check_form(**_: Any) -> list[django.CheckMessage]:
    """The dialog that can show a foreign storage type is the one that is shown."""
    problems: list[django.CheckMessage] = []
    layout = Path(inspect.getfile(models)).with_name("form_layout.yml")
    if not layout.exists():
        problems.append(_error(11, f"The file {layout} is missing: the storage dialog would be empty."))
    if getattr(settings, "FRONTEND_SENTRY_ENVIRONMENT", "") == "opensource":
        message = "The storage dialog does not list Pachyderm while FRONTEND_SENTRY_ENVIRONMENT is 'opensource'."
        problems.append(django.Warning(message, hint="Use howdah.labelstudio.settings.", id="howdah.W002"))
    return problems


_SOUGHT = (b"storage-settings", b"menu-header", b"Create new project")


def check_pages(**_: Any) -> list[django.CheckMessage]:
    """What our script adds to the host's pages finds its place there; without, the pages are as the host made them."""
    origin = str(get_template("base.html").origin.name)
    bundle = Path(getattr(settings, "REACT_APP_ROOT", "")) / "main.js"
    content = bundle.read_bytes() if bundle.is_file() else b""
    missing = [name.decode() for name in _SOUGHT if name not in content]
    if origin == str(OVER / "base.html") and not missing:
        return []
    why = f"its pages know no {', '.join(missing)}" if missing else f"base.html is {origin}"
    message = f"Progress and links are not shown on Label Studio's own pages: {why}."
    return [django.Warning(message, hint=f"Open /howdah/projects/ID/ instead. {_HINT}", id="howdah.W003")]
