"""Target Sync: everything staged since the last one becomes one commit, exactly once.

The order makes it so. The run's key is recorded, together with the staged rows that it takes, before anything is
sent; the commit carries the key from its first moment; its description is completed by the call that finishes it;
rows are deleted after the answer to that call. Wherever a run is cut off, the next one sees by the key how far it
came: the commit finished (then only rows are left to delete), open (then it is filled again and finished), or not
there (then it is begun).
"""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from django.db import transaction
from django.db.models import Count

from howdah.client import cluster, commits, files
from howdah.client.channel import Connection
from howdah.errors import NotFound, WrongState
from howdah.infos import CommitInfo, CommitState
from howdah.labelstudio import export, host, probing, sync
from howdah.labelstudio.models import (
    ExportRun,
    PachydermExportStorage,
    PachydermImportStorage,
    PachydermImportStorageLink,
    StagedChange,
)
from howdah.labelstudio.runs import Outcome, Progress
from howdah.names import Branch, Commit, parse_branch

BATCH = 200
_KEYS = 500


def run(storage: PachydermExportStorage, progress: Progress) -> Outcome:
    """Commit what is staged; no commit where nothing is. Raises a `HowdahError`; then everything stays staged."""
    conn = storage.connect()
    return probing.with_reasons(lambda conn: _Sync(storage, progress, conn).run(), conn, storage.address)


class _Sync:
    """One target Sync under way."""

    def __init__(self, storage: PachydermExportStorage, progress: Progress, conn: Connection) -> None:
        self._storage = storage
        self._branch = storage.branch
        self._progress = progress
        self._conn = conn
        self._state, _ = ExportRun.objects.get_or_create(storage=storage)
        # The store is told by its id, not by its address, which may be another one after a restart.
        self._target = f"{cluster.inspect(conn).id} {self._branch}:{storage.folder}"

    def run(self) -> Outcome:
        left = self._left_over()
        if not self._take():
            return self._outcome(0)
        events = self._events()
        tasks = sorted(self._annotated() if self._state.whole else {event.task for event in events})
        summary = self._all_new() if self._state.whole else export.summarise(events)
        if left is None and not summary.total:
            self._completed(self._state.commit)
            return self._outcome(0)
        commit = left or self._start()
        self._write(commit, tasks)
        self._progress.step(summary.total)
        project = self._storage.project
        title = f"{project.id} {' '.join(project.title.split())}"
        description = export.closing(summary, self._sources(tasks), title, self._state.key)
        commits.finish(self._conn, commit, description)
        self._completed(commit.id)
        return self._outcome(summary.total)

    def _outcome(self, count: int) -> Outcome:
        total = self._annotations().count()
        return Outcome(count, {"total_annotations": total, "commit": self._state.commit})

    def _annotations(self) -> Any:
        return host.Annotation.objects.filter(task__project=self._storage.project_id)

    def _left_over(self) -> Commit | None:
        """The open commit of a run that was cut off; one that it had finished is put on record here."""
        state = self._state
        if not state.key:
            return None
        if state.target != self._target:
            self._give_up()
            return None
        found = self._find(self._branch, state.key)
        if found is None:
            return None
        if export.is_closed(found.description, state.key):
            self._completed(found.commit.id)
            return None
        return found.commit if found.state < CommitState.FINISHING else None

    def _give_up(self) -> None:
        """Forget a run to a place that the storage no longer writes to; its branch must not stay blocked."""
        state = self._state
        store, _, place = state.target.partition(" ")
        if store == self._target.partition(" ")[0]:
            found = self._find(parse_branch(place.partition(":")[0]), state.key)
            if found is not None and found.state < CommitState.FINISHING:
                commits.finish(self._conn, found.commit, error="given up: the storage writes to another place now")
        with transaction.atomic():
            self._taken().update(run="")
            state.key = ""
            state.save()

    def _find(self, branch: Branch, key: str) -> CommitInfo | None:
        head = Commit(branch.repo, branch.name)
        try:
            for info in commits.list(self._conn, branch.repo, to=head):
                if export.is_open(info.description, key) or export.is_closed(info.description, key):
                    return info
                if info.commit.id == self._state.commit:
                    break
        except NotFound:
            pass
        return None

    def _take(self) -> bool:
        """Record the run and take the staged rows for it; False where there is nothing to do."""
        state = self._state
        waiting = StagedChange.objects.filter(storage=self._storage, run="")
        whole = state.whole or state.reached != self._target or self._is_gone()
        if not whole and not state.key and not waiting.exists():
            return False
        with transaction.atomic():
            state.key = state.key or uuid.uuid4().hex
            state.target = self._target
            state.whole = whole
            state.save()
            waiting.update(run=state.key)
        return True

    def _is_gone(self) -> bool:
        """Whether the last commit was deleted since, with its repo perhaps: then everything is written again."""
        if not self._state.commit:
            return False
        try:
            commits.inspect(self._conn, Commit(self._branch.repo, self._state.commit))
        except NotFound:
            return True
        return False

    def _taken(self) -> Any:
        return StagedChange.objects.filter(storage=self._storage, run=self._state.key)

    def _events(self) -> list[export.Event]:
        rows = self._taken().order_by("id").values_list("task_id", "annotation_id", "event", "author")
        return [export.Event(*row) for row in rows]

    def _annotated(self) -> set[int]:
        """Every task that a whole run has to look at: the annotated ones, and those that no longer are."""
        return {
            *self._annotations().values_list("task_id", flat=True),
            *self._taken().values_list("task_id", flat=True),
        }

    def _all_new(self) -> export.Summary:
        annotations = self._annotations()
        counts = Counter(
            {
                email or "unknown": count
                for email, count in annotations.values_list("completed_by__email").annotate(count=Count("id"))
            }
        )
        return export.Summary(new=counts.total(), authors=dict(counts))

    def _start(self) -> Commit:
        probing.ensure_repo(self._conn, self._branch.repo)
        try:
            return commits.start(self._conn, self._branch, export.opening(self._state.key))
        except WrongState as error:
            text = f"{self._branch} has an open commit that this storage did not begin; finish it, then Sync again"
            raise WrongState(f"{text} ({error})") from error

    def _write(self, commit: Commit, tasks: list[int]) -> None:
        """Each task's file as it is now; a task without annotations has none."""
        written = 0
        with files.modify(self._conn, commit) as changes:
            for batch in sync.batches(tasks, BATCH):
                gone = set(batch)
                for task in host.export_tasks(self._storage.project, batch):
                    if task["annotations"]:
                        gone.discard(task["id"])
                        changes.put(export.path_of(self._storage.folder, task["id"]), export.content_of(task))
                for key in sorted(gone):
                    changes.delete(export.path_of(self._storage.folder, key))
                written += len(batch)
                self._progress.step(written)

    def _sources(self, tasks: list[int]) -> list[str]:
        """Which versions of which repos the tasks show."""
        links = PachydermImportStorageLink.objects.exclude(commit="")
        pairs: set[tuple[int, str]] = set()
        for batch in sync.batches(tasks, _KEYS):
            pairs.update(links.filter(task_id__in=batch).values_list("storage_id", "commit").distinct())
        storages = PachydermImportStorage.objects.in_bulk({key for key, _ in pairs})
        return sorted({str(Commit(storages[key].repo, commit)) for key, commit in pairs})

    def _completed(self, commit: str) -> None:
        """The store has everything that the run took."""
        with transaction.atomic():
            self._taken().delete()
            state = self._state
            state.reached, state.commit, state.key, state.whole = state.target, commit, "", False
            state.save()
