"""New tasks, in bulk, row by row what the host's own storages write.

Tasks that carry predictions are checked as the host checks them; whatever is unusual, and each task that carries
annotations, goes the host's own way, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.db import transaction

from howdah.labelstudio import host, people, rows, sync
from howdah.labelstudio.checking import BAD, Checker, reason
from howdah.labelstudio.models import PachydermImportStorage, PachydermImportStorageLink
from howdah.labelstudio.runs import Problem


@dataclass
class PinnedObject(host.StorageObject):
    """One task to be: the host's account of it, and the content that it is made of."""

    digest: str = ""
    commit: str = ""


class Adder:
    """Adds tasks to a source's project and keeps count of them."""

    def __init__(self, storage: PachydermImportStorage, report: Callable[[Problem], None]) -> None:
        self._storage = storage
        self._project = storage.project
        self._report = report
        self._checker = Checker(self._project)
        self._unannounced: list[int] = []
        self.count = 0
        self.fresh: list[str] = []

    def add(self, objects: Sequence[PinnedObject]) -> None:
        """Make these tasks, in one transaction, which may be part of the caller's."""
        plain: list[tuple[PinnedObject, list[dict[str, Any]]]] = []
        own = []
        for item in objects:
            predictions = self._checked(item.task_data)
            if predictions is None:
                own.append(item)
            else:
                plain.append((item, predictions))
        with transaction.atomic():
            if plain:
                self._created(self._insert(plain))
            for item in own:
                self._add_as_host(item)

    def _checked(self, data: dict[str, Any]) -> list[dict[str, Any]] | None:
        """The predictions that come with a task, None if the task has to go the host's own way."""
        given = data.get("predictions")
        if not given and not data.get("annotations"):
            return []
        if data.get("annotations") or "data" not in data:
            return None
        try:
            return self._checker.check(given)
        except BAD:
            return None

    def _add_as_host(self, item: PinnedObject) -> None:
        number = host.next_inner_id(self._project.id)
        if "annotations" in item.task_data:
            item.task_data["annotations"] = people.as_ours(item.task_data["annotations"], self._project)
        try:
            task = type(self._storage).add_task(
                self._project, self._project.maximum_annotations, number, self._storage, item,
                PachydermImportStorageLink,
            )  # fmt: skip
        except BAD as error:
            row = "" if item.row_index is None else f" item {item.row_index}"
            self._report(Problem(f"{item.key}{row}", reason(error)))
        else:
            self._created([task.id])

    def _insert(self, given: Sequence[tuple[PinnedObject, list[dict[str, Any]]]]) -> list[int]:
        """The rows of these tasks and their predictions."""
        objects, predictions = zip(*given, strict=True)
        data = [data_of(item) for item in objects]
        project = host.Project.objects.select_for_update().get(pk=self._storage.project_id)
        number = host.next_inner_id(project.id)
        columns = {
            "data": data,
            "inner_id": [None if number is None else number + place for place in range(len(objects))],
            "total_predictions": list(map(len, predictions)),
            "updated_by_id": [host.current_user_id() if own else None for own in predictions],
            **host.task_fields(allow_skip=[item.task_data.get("allow_skip", True) for item in objects]),
        }
        if self._storage.pairs:
            self.fresh += [item.key for item in objects]
        keys = rows.insert(_like(project), columns, keyed=True)
        _link(self._storage, objects, keys)
        self._checker.insert((key, each) for key, own in zip(keys, predictions, strict=True) for each in own)
        for part in sync.alike([each.keys() for each in data]):
            project.summary.update_data_columns([{"data": each} for each in data[part]])
        return keys

    def _created(self, keys: list[int]) -> None:
        def count() -> None:
            self.count += len(keys)
            self._unannounced.extend(keys)

        transaction.on_commit(count)

    def announce(self, *, all: bool = False) -> None:
        """Tell the webhooks of new tasks once there are many, or of all. To be called outside of transactions."""
        if self._unannounced and (all or len(self._unannounced) >= settings.WEBHOOK_BATCH_SIZE):
            fresh, self._unannounced = self._unannounced, []
            action = host.WebhookAction.TASKS_CREATED
            host.emit_webhooks_for_instance(self._project.organization, self._project, action, fresh)

    def settle(self) -> None:
        """Tell the project and the webhooks of what was added; harmless when repeated."""
        self.announce(all=True)
        host.backfill_fsm_states_for_tasks(self._storage.id, self.count, PachydermImportStorageLink)


def data_of(item: PinnedObject) -> dict[str, Any]:
    """The data of a task to be: what its file says, or that part of it."""
    given = item.task_data
    inner = given.get("data")
    return inner if isinstance(inner, dict) else given


def _like(project: Any) -> Any:
    return host.Task(project=project, overlap=project.maximum_annotations, is_labeled=project.maximum_annotations <= 0)


def _link(storage: PachydermImportStorage, objects: Sequence[PinnedObject], tasks: Sequence[int]) -> None:
    names = [field.name for field in fields(PinnedObject) if field.name != "task_data"]
    columns: dict[str, Sequence[Any]] = {name: [getattr(item, name) for item in objects] for name in names}
    rows.insert(PachydermImportStorageLink(storage=storage), {"task_id": tasks, **columns})
