"""What happened to known files, carried out on their tasks: edited, moved, removed, back again.

Each call is one short transaction for one batch. Annotations and predictions stay whatever happens to a file. An
annotation drawn on a version that its task shows no more gets a note of that version, and loses it when the task
shows that content again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from howdah import uris
from howdah.infos import FileInfo
from howdah.labelstudio import host, links, rows, staging
from howdah.labelstudio.adding import Adder, PinnedObject, data_of
from howdah.labelstudio.models import (
    DrawnOn,
    OnEdit,
    OnRemove,
    PachydermImportStorage,
    PachydermImportStorageLink,
)
from howdah.names import Commit, File

_Link = PachydermImportStorageLink


@dataclass
class _Change:
    """A link with its task's data, and the task that it shall be: of another version, or of the same elsewhere."""

    link: Any
    data: dict[str, Any]
    info: FileInfo
    item: PinnedObject
    edited: bool = True


class Mirror:
    """Carries out what was decided about known files of one source, for the commit that is synced."""

    def __init__(self, storage: PachydermImportStorage, commit: Commit, adder: Adder) -> None:
        self._storage = storage
        self._commit = commit
        self._adder = adder
        self._deleted: list[int] = []
        self.counts: Counter[str] = Counter()

    def edit(self, infos: Sequence[FileInfo], objects: Mapping[str, list[PinnedObject]] | None = None) -> None:
        """These files have another content, or are there again; `objects` are the tasks of files of tasks.

        Without `objects` each file is a task.
        """
        with transaction.atomic():
            held: dict[str, list[tuple[Any, dict[str, Any]]]] = {}
            for link, data in self._held(links.of_paths(self._storage, [info.file.path for info in infos])):
                held.setdefault(link.key, []).append((link, data))
            changes: list[_Change] = []
            for info in infos:
                own = held.get(info.file.path, [])
                if objects is None:
                    changes += self._file_changes(info, own)
                else:
                    changes += self._row_changes(info, own, objects[info.file.path])
            self._carry_out(changes)

    def complete(self, path: str, digest: str) -> None:
        """All tasks of this file are there, and show this content."""
        links.current(self._storage).filter(row_index__isnull=False, key=path).update(digest=digest)

    def move(self, moves: Sequence[tuple[str, FileInfo]]) -> None:
        """These files were at another path before."""
        infos = dict(moves)
        with transaction.atomic():
            held = self._held(links.of_paths(self._storage, list(infos)))
            changes = []
            for link, data in held:
                item = self._repinned(link, data, infos[link.key])
                changes.append(_Change(link, data, infos[link.key], item, edited=False))
            self._show(changes)
            if self._past(list(infos)).exists():
                for before, info in moves:
                    staging.note_tasks(self._past([before]).values_list("task_id", flat=True))
                    self._past([before]).update(key=info.file.path)
            self.counts["moved"] += len(held)

    def remove(self, paths: Sequence[str]) -> None:
        """These files are gone."""
        with transaction.atomic():
            found = [link for link in links.of_paths(self._storage, paths) if not link.removed]
            self._remove([*found, *self._past(paths).filter(removed="")])

    def announce(self) -> None:
        """Tell the webhooks of deleted tasks. To be called outside of transactions."""
        gone, self._deleted = self._deleted, []
        if gone:
            project = self._storage.project
            action = host.WebhookAction.TASKS_DELETED
            host.emit_webhooks_for_instance(project.organization, project, action, [{"id": key} for key in gone])

    def _held(self, found: Iterable[Any]) -> list[tuple[Any, dict[str, Any]]]:
        known = list(found)
        tasks = host.Task.objects.select_for_update().filter(pk__in=[link.task_id for link in known])
        data = dict(tasks.values_list("pk", "data"))
        return [(link, data[link.task_id]) for link in known if link.task_id in data]

    def _past(self, paths: Sequence[str]) -> Any:
        return _Link.objects.filter(storage=self._storage, past=True, key__in=paths)

    def _file_changes(self, info: FileInfo, held: Sequence[tuple[Any, dict[str, Any]]]) -> list[_Change]:
        self._bring_back([link for link, _ in held])
        self._catch_up(link.pk for link, _ in held if link.newer and link.digest == info.digest.hex())
        return [
            _Change(link, data, info, self._repinned(link, data, info))
            for link, data in held
            if link.digest not in ("", info.digest.hex())
        ]

    def _row_changes(
        self, info: FileInfo, held: Sequence[tuple[Any, dict[str, Any]]], objects: Sequence[PinnedObject]
    ) -> list[_Change]:
        now = {item.row_index: item for item in objects}
        if [link.row_index for link, _ in held] == [None] and now.keys() == {0}:
            now = {None: now[0]}  # the one task, in a list by now
        there = [(link, data, now.pop(link.row_index)) for link, data in held if link.row_index in now]
        kept = {link.pk for link, _, _ in there}
        self._bring_back([link for link, _, _ in there])
        self._remove([link for link, _ in held if link.pk not in kept and not link.removed])
        self._adder.add(list(now.values()))
        told = [(link.task_id, item.task_data.get("predictions")) for link, _, item in there]
        self.counts["predictions"] += self._adder.predict(told)
        changed = [
            _Change(link, data, info, item) for link, data, item in there if _unpinned(data_of(item)) != _unpinned(data)
        ]
        # A row that was left alone is the reason to look at the file again.
        pin = {} if self._storage.on_edit == OnEdit.LEAVE else self._pin(info)
        self._catch_up(kept - {change.link.pk for change in changed}, **pin)
        return changed

    def _catch_up(self, keys: Iterable[int], **pin: str) -> None:
        _Link.objects.filter(pk__in=list(keys)).update(newer="", **pin)

    def _carry_out(self, changes: Sequence[_Change]) -> None:
        if not changes:
            return
        if self._storage.on_edit == OnEdit.MOVE:
            self._show(changes)
        elif self._storage.on_edit == OnEdit.NEW:
            self._supersede(changes)
        else:
            _Link.objects.filter(pk__in=[each.link.pk for each in changes]).update(newer=self._commit.id)
        self.counts["left" if self._storage.on_edit == OnEdit.LEAVE else "edited"] += len(changes)

    def _show(self, changes: Sequence[_Change]) -> None:
        """Have the tasks show this from now on."""
        now = timezone.now()
        edited = [each for each in changes if each.edited]
        self._note_drawn(edited)
        data = [data_of(each.item) for each in changes]
        tasks = [each.link.task_id for each in changes]
        rows.update(host.Task, tasks, {"data": data, "updated_at": [now] * len(tasks)})
        rows.update(
            _Link,
            [each.link.pk for each in changes],
            {
                "key": [each.info.file.path for each in changes],
                "digest": [each.info.digest.hex() for each in changes],
                "commit": [self._commit.id] * len(changes),
                "newer": [""] * len(changes),
                "former": [_former(each.link, now) if each.edited else each.link.former for each in changes],
            },
        )
        shown_again = DrawnOn.objects.filter(annotation__task_id__in=[each.link.task_id for each in edited])
        shown_again.filter(digest=F(f"annotation__task__{host.LINK_NAME}__digest")).delete()
        staging.note_tasks(tasks)
        staging.note_tasks(tasks)
        self._sum_up([(each.data, new) for each, new in zip(changes, data, strict=True)])

    def _note_drawn(self, changes: Sequence[_Change]) -> None:
        by_task = {each.link.task_id: each.link for each in changes}
        unnoted = host.Annotation.objects.filter(task_id__in=by_task, howdah_drawn_on__isnull=True)
        notes = [
            DrawnOn(annotation_id=key, commit=by_task[task].commit, path=by_task[task].key, digest=by_task[task].digest)
            for key, task in unnoted.values_list("pk", "task_id")
        ]
        DrawnOn.objects.bulk_create(notes, ignore_conflicts=True)

    def _sum_up(self, pairs: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """Keep the project's summary right where data got other names."""
        unlike = [(old, new) for old, new in pairs if old.keys() != new.keys()]
        if unlike:
            summary = host.ProjectSummary.objects.select_for_update().get(project=self._storage.project_id)
            summary.remove_data_columns([{"data": old} for old, _ in unlike])
            summary.update_data_columns([{"data": new} for _, new in unlike])

    def _supersede(self, changes: Sequence[_Change]) -> None:
        """Have other tasks show the new versions: those that showed them before, or else new ones."""
        former = {
            (link.key, link.row_index, link.digest): link.pk
            for link in self._past([each.info.file.path for each in changes])
        }
        _Link.objects.filter(pk__in=[each.link.pk for each in changes]).update(past=True, newer=self._commit.id)
        again, new = [], []
        for each in changes:
            key = former.get((each.info.file.path, each.link.row_index, each.info.digest.hex()))
            if key is None:
                new.append(each.item)
            else:
                again.append(key)
        _Link.objects.filter(pk__in=again).update(past=False, newer="", removed="", archived=False)
        staging.note_tasks([each.link.task_id for each in changes])
        staging.note_tasks(_Link.objects.filter(pk__in=again).values_list("task_id", flat=True))
        self._adder.add(new)

    def _bring_back(self, found: Sequence[Any]) -> None:
        back = [link for link in found if link.removed]
        if back:
            _Link.objects.filter(pk__in=[link.pk for link in back]).update(removed="", archived=False)
            self._past([link.key for link in back]).update(removed="", archived=False)
            self.counts["restored"] += len(back)

    def _remove(self, found: Sequence[Any]) -> None:
        if not found:
            return
        tasks = [link.task_id for link in found]
        free = self._free(tasks) if self._storage.on_remove == OnRemove.DELETE else []
        kept = set(tasks) - set(free)
        archived = self._storage.on_remove != OnRemove.LEAVE
        _Link.objects.filter(task_id__in=kept).update(removed=self._commit.id, archived=archived)
        self.counts["removed"] += len(kept)
        if free:
            self._delete(free)

    def _free(self, tasks: Sequence[int]) -> list[int]:
        """Those tasks on which nobody has drawn anything."""
        found = host.Task.objects.select_for_update().filter(pk__in=tasks)
        drawn = {
            key
            for model in (host.Annotation, host.AnnotationDraft)
            for key in model.objects.filter(task_id__in=tasks).values_list("task_id", flat=True)
        }
        return [key for key in found.values_list("pk", flat=True) if key not in drawn]

    def _delete(self, tasks: Sequence[int]) -> None:
        found = host.Task.objects.filter(pk__in=tasks)
        summary = host.ProjectSummary.objects.select_for_update().get(project=self._storage.project_id)
        summary.remove_data_columns([{"data": data} for data in found.values_list("data", flat=True)])
        host.Task.delete_tasks_without_signals(found)
        self._deleted += tasks
        self.counts["deleted"] += len(tasks)

    def _repinned(self, link: Any, data: dict[str, Any], info: FileInfo) -> PinnedObject:
        """The task with the address of its file as it is now."""
        address = uris.format_uri(File(self._commit, info.file.path))

        def now(text: str, file: File) -> str:
            return address if (file.path, file.commit.id) == (link.key, link.commit or file.commit.id) else text

        pinned = uris.replace_uris(data, now)
        return PinnedObject(task_data={"data": pinned}, key=info.file.path, row_index=link.row_index, **self._pin(info))

    def _pin(self, info: FileInfo) -> dict[str, str]:
        return {"digest": info.digest.hex(), "commit": self._commit.id}


def _former(link: Any, until: Any) -> dict[str, str]:
    return {"commit": link.commit, "path": link.key, "digest": link.digest, "until": until.isoformat()}


def _unpinned(data: Any) -> Any:
    """Data whose addresses name no commit: what a row says, whichever commit it was pinned to."""
    return uris.replace_uris(data, lambda _, file: f"{file.commit.repo}:{file.path}")
