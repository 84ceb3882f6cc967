"""What is on record of a target's runs, so that each change is in history once, whatever dies when.

A run's key is recorded, together with the staged rows that it takes, before anything is sent. The commit carries the
key from its first moment, and its last words with the call that finishes it. Rows go when that call was answered.
Where a run was cut off, the next one finds by the key how far it came: the commit finished (then only rows are left
to delete), open (then it is dropped), or not there; and begins a commit of its own, under a key of its own.

Whoever holds the key is the one run that counts: each step in the database is refused to a run that holds it no more.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db import transaction

from howdah.client import cluster, commits
from howdah.client.channel import Connection
from howdah.errors import HowdahError, NotFound, WrongState
from howdah.infos import CommitInfo, CommitState
from howdah.labelstudio import commit_text, probing, sync
from howdah.labelstudio.export import Event
from howdah.labelstudio.models import ExportRun, LabelFile, PachydermExportStorage, StagedChange
from howdah.labelstudio.progress import Lost
from howdah.names import Branch, Commit, parse_branch

_KEYS = 500
_AT_ONCE = 2000  # rows in one transaction
_TAKEN_OVER = "another Sync of this storage has taken over"


class Ledger:
    """The record of one target, for one run."""

    def __init__(self, storage: PachydermExportStorage, conn: Connection) -> None:
        self._storage = storage
        self._conn = conn
        self._branch = storage.branch
        self._state, _ = ExportRun.objects.get_or_create(storage=storage)
        # The store is told by its id, not by its address, which may be another one after a restart.
        self._place = f"{cluster.inspect(conn).id} {self._branch}"
        self._target = target_of(self._place, storage)
        self._may_have_planned = True
        self.is_fresh = False
        """Whether the place is not the one that holds everything but the outbox."""

    @property
    def commit(self) -> str:
        """The last commit made."""
        return self._state.commit

    @property
    def config(self) -> str:
        """The digest of the configuration that was written last."""
        return self._state.config

    @property
    def is_whole(self) -> bool:
        """Whether every annotated task is to be looked at."""
        return self._state.whole

    @property
    def key(self) -> str:
        """The run's key."""
        return self._state.key

    def recover(self) -> None:
        """Settle what a run that was cut off has left behind."""
        state = self._state
        if not state.key:
            return
        place, _, _ = state.target.rpartition(":")
        store, _, branch = place.partition(" ")
        if store != self._place.partition(" ")[0]:
            return
        found = self._find(parse_branch(branch), state.key)
        if found is None:
            return
        if commit_text.is_closed(found.description, state.key):
            self.completed(found.commit.id, state.config)
        elif found.state < CommitState.FINISHING:
            self.drop(found.commit)

    def _find(self, branch: Branch, key: str) -> CommitInfo | None:
        head = Commit(branch.repo, branch.name)
        try:
            for info in commits.list(self._conn, branch.repo, to=head):
                if commit_text.is_open(info.description, key) or commit_text.is_closed(info.description, key):
                    return info
                if info.commit.id == self._state.commit:
                    break
        except NotFound:
            pass
        return None

    def take(self, config: str) -> bool:
        """Record this run and take what is staged for it; False where there is nothing to do. Raises `Lost`."""
        state, waiting = self._state, StagedChange.objects.filter(storage=self._storage)
        self.is_fresh = not state.reached.startswith(f"{self._place}:") or self._is_gone()
        whole = state.whole or self.is_fresh or state.reached != self._target
        if not whole and state.config in ("", config) and not waiting.exists():
            return False
        before, state.key = state.key, state.mark + uuid.uuid4().hex[:16]
        self._may_have_planned = False
        state.target, state.whole = self._target, whole
        # Whoever slept since he read the record has an old one: then the key may be free, but this is not as it was.
        record = {"key": before, "commit": state.commit, "reached": state.reached}
        with transaction.atomic():
            self._write(record, key=state.key, target=state.target, whole=state.whole)
            waiting.update(run=state.key)
            if before:
                LabelFile.objects.filter(storage=self._storage).exclude(run="").delete()
        return True

    def _write(self, held: Mapping[str, str], **fields: Any) -> None:
        if not ExportRun.objects.filter(pk=self._state.pk, **held).update(**fields):
            raise Lost(_TAKEN_OVER)

    def check(self) -> None:
        """Raises `Lost` where another run counts by now."""
        if not ExportRun.objects.filter(pk=self._state.pk, key=self.key).exists():
            raise Lost(_TAKEN_OVER)

    def _is_gone(self) -> bool:
        """Whether the last commit was deleted since, with its repo perhaps: then everything is written again."""
        if not self._state.commit:
            return False
        try:
            commits.inspect(self._conn, Commit(self._branch.repo, self._state.commit))
        except NotFound:
            return True
        return False

    def taken(self) -> Any:
        """The staged rows that this run has taken."""
        return StagedChange.objects.filter(storage=self._storage, run=self._state.key)

    def events(self) -> list[Event]:
        """What happened since the last commit, in order."""
        rows = self.taken().order_by("id").values_list("task_id", "annotation_id", "event", "author")
        return [Event(*row) for row in rows]

    def later(self, tasks: Sequence[int]) -> set[int]:
        """Those annotations of the tasks that were made after this run took its rows: the next run's.

        To be asked after the tasks were read: then each annotation among them that is new has its row.
        """
        rows = StagedChange.objects.filter(storage=self._storage, run="", event=StagedChange.Event.CREATED)
        return set(rows.filter(task_id__in=tasks).values_list("annotation_id", flat=True))

    def _files(self) -> Any:
        return LabelFile.objects.filter(storage=self._storage, branch=_short(self._place), run="")

    def files(self, tasks: Iterable[int] | None = None) -> dict[int, str]:
        """The file that each of the tasks (each task, without an argument) has in the branch."""
        if tasks is None:
            return dict(self._files().values_list("task_id", "path"))
        found: dict[int, str] = {}
        for batch in sync.batches(tasks, _KEYS):
            found.update(self._files().filter(task_id__in=batch).values_list("task_id", "path"))
        return found

    def owners(self, paths: Iterable[str]) -> dict[str, int]:
        """Which task each of these files is of."""
        found: dict[str, int] = {}
        for batch in sync.batches(paths, _KEYS):
            found.update(self._files().filter(path__in=batch).values_list("path", "task_id"))
        return found

    def plan(self, paths: Mapping[int, str]) -> None:
        """Record where the commit will have the files of these tasks, empty where it will have none."""
        branch = _short(self._place)
        self._may_have_planned |= bool(paths)
        for batch in sync.batches(paths.items(), _AT_ONCE):
            LabelFile.objects.bulk_create(
                LabelFile(storage=self._storage, branch=branch, task_id=task, path=path, run=self.key)
                for task, path in batch
            )

    def start(self) -> Commit:
        """The run's open commit. Raises `WrongState` where somebody else has one open."""
        description = commit_text.opening(self.key)
        try:
            return commits.start(self._conn, self._branch, description)
        except NotFound:
            probing.ensure_repo(self._conn, self._branch.repo)
        except WrongState:
            self._drop_stray()
        try:
            return commits.start(self._conn, self._branch, description)
        except WrongState as error:
            text = f"{self._branch} has an open commit that this storage did not begin; finish it, then Sync again"
            raise WrongState(f"{text} ({error})") from error

    def _drop_stray(self) -> None:
        """Drop the branch's open commit if it is of a run that had lost this storage, and did not know it yet."""
        head = commits.inspect(self._conn, Commit(self._branch.repo, self._branch.name))
        if head.state < CommitState.FINISHING and commit_text.is_open(head.description, self._state.mark):
            self.drop(head.commit)

    def drop(self, commit: Commit) -> None:
        """Take an open commit out of history. Where the store does not do that, it is finished as failed."""
        try:
            commits.drop_set(self._conn, commit.id)
        except NotFound:
            return
        except WrongState:
            with suppress(NotFound, WrongState):
                commits.finish(self._conn, commit, error="given up: a Sync was cut off")

    def give_up(self, commit: Commit) -> None:
        """As `drop`, as far as the store answers: the next run would do it as well."""
        with suppress(HowdahError):
            self.drop(commit)

    def completed(self, commit: str, config: str) -> None:
        """The store has everything that the run took. Raises `Lost`."""
        state, key = self._state, self._state.key
        with transaction.atomic():
            self._write({"key": key}, key="", whole=False, reached=state.target, commit=commit, config=config)
            self.taken().delete()
            if self._may_have_planned:
                self._settle_files(key)
        state.key, state.whole, state.reached, state.commit, state.config = "", False, state.target, commit, config

    def _settle_files(self, key: str) -> None:
        planned = LabelFile.objects.filter(storage=self._storage, run=key)
        branch = _short(self._state.target.rpartition(":")[0])
        known = LabelFile.objects.filter(storage=self._storage, branch=branch, run="")
        known.filter(task_id__in=planned.values("task_id")).delete()
        planned.filter(path="").delete()
        planned.update(run="")


def target_of(place: str, storage: PachydermExportStorage) -> str:
    """The place with all that decides where in it a task's file is."""
    return f"{place}:{storage.folder} {storage.layout}"


def _short(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:32]
