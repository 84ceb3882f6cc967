"""Source Sync: the files of one commit become tasks.

`howdah.labelstudio.sync` decides, this carries out: it pins the head, lists it as a stream, and writes tasks, links
and the project's summary in batches of one short transaction each, row by row what the host's own storages write.
A file that cannot be taken is a problem to report, never the end of the Sync.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import DataError, transaction
from rest_framework.exceptions import ValidationError

from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import Corrupt, Invalid, NotFound
from howdah.infos import FileInfo
from howdah.labelstudio import host, probing, sync, uris
from howdah.labelstudio.models import PachydermImportStorage, PachydermImportStorageLink
from howdah.labelstudio.runs import Outcome, Problem, Progress
from howdah.names import Commit, File

BATCH = 1000
_JSON_ENDINGS = {"", ".json", ".jsonl", ".parquet"}
_JSON_LIMIT = 512 * 1024 * 1024
_CARRIED = ("annotations", "predictions")


@dataclass
class PinnedObject(host.StorageObject):
    """One task to be: the host's account of it, and the content that it is made of."""

    digest: str = ""
    commit: str = ""


def run(storage: PachydermImportStorage, progress: Progress) -> Outcome:
    """Add a task for each file that has none yet; raises a `HowdahError` when the store cannot be read."""
    conn = storage.connect()
    return probing.with_reasons(lambda conn: _Sync(storage, progress, conn).run(), conn, storage.address)


class _Sync:
    """One source Sync under way."""

    def __init__(self, storage: PachydermImportStorage, progress: Progress, conn: Connection) -> None:
        self._storage = storage
        self._project = storage.project
        self._progress = progress
        self._conn = conn
        self._created: list[int] = []
        self._announced = 0
        self._existed = 0
        self._changed = 0
        self._problems: list[Problem] = []

    def run(self) -> Outcome:
        storage = self._storage
        selection = sync.select(storage.folder, storage.regex_filter, recursive=storage.recursive_scan)
        commit = probing.pinned(self._conn, storage.wanted).commit
        try:
            chosen = (info for info in _listing(self._conn, commit, selection) if info in selection)
            for batch in sync.batches(chosen, BATCH):
                self._take(batch, commit)
        finally:
            # What was added before a failure is there to stay, so the project has to know of it.
            self._settle()
        notes = {"tasks_existed": self._existed, "files_changed": self._changed, "commit": commit.id}
        return Outcome(len(self._created), notes, tuple(self._problems))

    def _take(self, batch: list[FileInfo], commit: Commit) -> None:
        links = PachydermImportStorageLink.objects.filter(storage=self._storage)
        paths = [info.file.path for info in batch]
        plan = sync.plan(batch, dict(links.filter(key__in=paths).values_list("key", "digest")))
        self._existed += len(plan.same) + len(plan.changed)
        self._changed += len(plan.changed)
        if self._storage.use_blob_urls:
            self._add([_file_task(info, commit) for info in plan.add])
        else:
            for info in plan.add:
                self._add_json(info, commit)
        self._progress.step(len(self._created), tasks_existed=self._existed)

    def _add_json(self, info: FileInfo, commit: Commit) -> None:
        """The tasks of one file, all in one transaction, so that no file is half taken."""
        path = info.file.path
        try:
            tasks = _json_tasks(self._conn, info, commit)
            with transaction.atomic():
                self._add(tasks)
        except (ValueError, ValidationError, NotFound, Corrupt) as error:
            self._problems.append(Problem(path, str(error)))
        except DataError as error:  # PostgreSQL keeps no NUL in a text
            why = f"holds what the database cannot keep: {str(error).splitlines()[0]}"
            self._problems.append(Problem(path, why))
        self._progress.step(len(self._created), tasks_existed=self._existed)

    def _add(self, objects: list[PinnedObject]) -> None:
        plain = [item for item in objects if not any(item.task_data.get(name) for name in _CARRIED)]
        if len(plain) == len(objects):
            self._created += _insert(self._storage, objects)
        else:
            self._add_carrying(objects)
        if len(self._created) - self._announced >= settings.WEBHOOK_BATCH_SIZE:
            self._announce()

    def _add_carrying(self, objects: list[PinnedObject]) -> None:
        """Tasks with annotations or predictions go the host's own way, which checks each of them."""
        for item in objects:
            number = host.next_inner_id(self._project.id)
            try:
                task = type(self._storage).add_task(
                    self._project, self._project.maximum_annotations, number, self._storage, item,
                    PachydermImportStorageLink,
                )  # fmt: skip
            except (ValidationError, ValueError) as error:
                row = "" if item.row_index is None else f" item {item.row_index}"
                self._problems.append(Problem(f"{item.key}{row}", str(error)))
            else:
                self._created.append(task.id)

    def _announce(self) -> None:
        fresh, self._announced = self._created[self._announced :], len(self._created)
        if fresh:
            action = host.WebhookAction.TASKS_CREATED
            host.emit_webhooks_for_instance(self._project.organization, self._project, action, fresh)

    def _settle(self) -> None:
        self._announce()
        host.backfill_fsm_states_for_tasks(self._storage.id, len(self._created), PachydermImportStorageLink)
        if self._created:
            self._project.update_tasks_states(
                maximum_annotations_changed=False, overlap_cohort_percentage_changed=False, tasks_number_changed=True
            )


def _listing(conn: Connection, commit: Commit, selection: sync.Selection) -> Iterator[FileInfo]:
    folder = File(commit, selection.folder)
    try:
        yield from files.walk(conn, folder) if selection.recursive else files.list(conn, folder)
    except NotFound as error:
        if selection.folder != "/":
            raise NotFound(f"folder {selection.folder} not found in {commit}") from error
        # An empty commit has no root to walk.


def _file_task(info: FileInfo, commit: Commit) -> PinnedObject:
    path = info.file.path
    data = {settings.DATA_UNDEFINED_NAME: uris.format_uri(File(commit, path))}
    return PinnedObject(task_data=data, key=path, digest=info.digest.hex(), commit=commit.id)


def _json_tasks(conn: Connection, info: FileInfo, commit: Commit) -> list[PinnedObject]:
    """The tasks that a file holds; raises `ValueError` with words for the user."""
    path = info.file.path
    if os.path.splitext(path.lower())[1] not in _JSON_ENDINGS:
        raise Invalid("is not a JSON file; to make each file a task, choose the import method Files")
    if info.size > _JSON_LIMIT:
        raise Invalid(f"is larger than {_JSON_LIMIT >> 20} MiB; split it")
    content = b"".join(files.get(conn, File(commit, path)))
    pinned = {"digest": info.digest.hex(), "commit": commit.id}
    tasks = [PinnedObject(**asdict(item), **pinned) for item in host.load_tasks_json(content, path)]
    if not all(isinstance(task.task_data, dict) for task in tasks):
        raise Invalid("holds something that is no task: each task is a JSON object")
    return tasks


def _insert(storage: PachydermImportStorage, objects: Iterable[PinnedObject]) -> list[int]:
    """The rows of these tasks, none of which carries annotations, in one transaction."""
    with transaction.atomic():
        project = host.Project.objects.select_for_update().get(pk=storage.project_id)
        number = host.next_inner_id(project.id)
        pairs = []
        for place, item in enumerate(objects):
            inner_id = None if number is None else number + place
            pairs.append((_task(project, item.task_data, inner_id), item))
        tasks = host.Task.objects.bulk_create([task for task, _ in pairs], batch_size=settings.BATCH_SIZE)
        PachydermImportStorageLink.objects.bulk_create(
            [_link(task, storage, item) for task, (_, item) in zip(tasks, pairs, strict=True)],
            batch_size=settings.BATCH_SIZE,
        )
        for part in sync.alike([task.data.keys() for task in tasks]):
            project.summary.update_data_columns(tasks[part])
    return [task.id for task in tasks]


def _task(project: Any, given: dict[str, Any], inner_id: int | None) -> Any:
    inner = given.get("data")
    return host.Task(
        data=inner if isinstance(inner, dict) else given,
        project=project,
        overlap=project.maximum_annotations,
        is_labeled=project.maximum_annotations <= 0,
        inner_id=inner_id,
        allow_skip=given.get("allow_skip", True),
    )


def _link(task: Any, storage: PachydermImportStorage, item: PinnedObject) -> PachydermImportStorageLink:
    fields = asdict(item)
    del fields["task_data"]
    return PachydermImportStorageLink(task=task, storage=storage, **fields)
