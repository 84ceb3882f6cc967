"""New tasks, in bulk, row by row what the host's own storages write.

What tasks carry is checked as the host checks it; whatever is unusual goes the host's own way, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings
from django.db import transaction

from howdah.labelstudio import host, people, rows, sync
from howdah.labelstudio.annotating import Annotations
from howdah.labelstudio.checking import BAD, Checker, reason
from howdah.labelstudio.models import PachydermImportStorage, PachydermImportStorageLink
from howdah.labelstudio.progress import Problem


@dataclass
class PinnedObject(host.StorageObject):
    """One task to be: the host's account of it, and the content that it is made of."""

    digest: str = ""
    commit: str = ""


@dataclass
class _Task:
    """A task to be, with what it carries, checked."""

    item: PinnedObject
    predictions: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)


class Adder:
    """Adds tasks to a source's project and keeps count of them."""

    def __init__(self, storage: PachydermImportStorage, report: Callable[[Problem], None]) -> None:
        self._storage = storage
        self._project = storage.project
        self._report = report
        self._checker = Checker(self._project)
        self._annotations = Annotations(self._project)
        self._unannounced: list[int] = []
        self.count = 0
        self.fresh: list[str] = []

    def add(self, objects: Sequence[PinnedObject]) -> None:
        """Make these tasks, in one transaction, which may be part of the caller's."""
        made: list[_Task] = []
        own = []
        for item in objects:
            checked = self._checked(item)
            if checked is None:
                own.append(item)
            else:
                made.append(checked)
        # Others who write wait for the transaction: what can be done before it is done before it.
        data = rows.ready(host.Task, "data", (data_of(each.item) for each in made))
        links = _links([each.item for each in made])
        with transaction.atomic():
            if made:
                self._created(self._insert(made, data, links))
            for item in own:
                self._add_as_host(item)

    def predict(self, pairs: Iterable[tuple[int, Any]]) -> int:
        """Add predictions to tasks that are there, those that they have not; how many. Raises one of `BAD`."""
        return self._checker.add(self._checker.unlike(pairs))

    def _checked(self, item: PinnedObject) -> _Task | None:
        """The task with what it carries, None if it has to go the host's own way."""
        data = item.task_data
        predictions, annotations = data.get("predictions"), data.get("annotations")
        if not predictions and not annotations:
            return _Task(item)
        if "data" not in data or (annotations and not self._annotations.is_possible):
            return None
        try:
            return _Task(
                item,
                self._checker.check(predictions) if predictions else [],
                self._annotations.check(annotations) if annotations else [],
            )
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

    def _insert(self, made: Sequence[_Task], data: rows.Ready, links: dict[str, rows.Ready]) -> list[int]:
        """The rows of these tasks and of what they carry."""
        project = host.Project.objects.select_for_update().get(pk=self._storage.project_id)
        keys = rows.insert(_like(project), {"data": data, **self._columns(made, project)}, keyed=True)
        objects = [each.item for each in made]
        rows.insert(PachydermImportStorageLink(storage=self._storage), {"task_id": keys, **links})
        if self._storage.pairs:
            self.fresh += [item.key for item in objects]
        self._checker.insert((key, found) for key, each in zip(keys, made, strict=True) for found in each.predictions)
        annotations = []
        for key, each in zip(keys, made, strict=True):
            for annotation in each.annotations:
                annotation.task_id = key
                annotations.append(annotation)
        if annotations:
            self._annotations.insert(annotations)
        told = [data_of(item) for item in objects]
        for part in sync.alike([each.keys() for each in told]):
            project.summary.update_data_columns([{"data": each} for each in told[part]])
        return keys

    def _columns(self, made: Sequence[_Task], project: Any) -> dict[str, Sequence[Any]]:
        number, user = host.next_inner_id(project.id), host.current_user_id()
        columns: dict[str, Sequence[Any]] = {
            "inner_id": [None if number is None else number + place for place in range(len(made))],
            **host.task_fields(allow_skip=[each.item.task_data.get("allow_skip", True) for each in made]),
        }
        if any(each.predictions or each.annotations for each in made):
            counts = [self._annotations.counts(each.annotations, project.maximum_annotations) for each in made]
            columns |= {name: [each[name] for each in counts] for name in counts[0]}
            columns["total_predictions"] = [len(each.predictions) for each in made]
            columns["updated_by_id"] = [user if each.predictions or each.annotations else None for each in made]
        return columns

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


def _links(objects: Sequence[PinnedObject]) -> dict[str, rows.Ready]:
    names = [field.name for field in fields(PinnedObject) if field.name != "task_data"]
    return {
        name: rows.ready(PachydermImportStorageLink, name, (getattr(item, name) for item in objects)) for name in names
    }
