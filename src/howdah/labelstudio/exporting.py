"""Target Sync: everything staged since the last one becomes one commit, exactly once.

`ledger` keeps the record that makes it once; here is what the commit holds. A run writes the files of the tasks that
something happened to. A whole run (the first to a place, or after the layout changed) looks at every annotated task
and writes what differs from what the branch holds. Where nothing is to be written, there is no commit.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from howdah.client import commits, files, metadata
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Unavailable
from howdah.labelstudio import commit_text, export, host, layout, listing, probing, sync
from howdah.labelstudio.commit_text import Story
from howdah.labelstudio.export import Tally
from howdah.labelstudio.layout import Shown
from howdah.labelstudio.ledger import Ledger
from howdah.labelstudio.models import Layout, PachydermExportStorage
from howdah.labelstudio.pins import Pins
from howdah.labelstudio.progress import Lost, Outcome, Progress
from howdah.labelstudio.taskrows import TaskRows
from howdah.names import Commit

BATCH = 500
_CONFIG = 0  # stands for the labeling configuration where tasks are told by id


def run(storage: PachydermExportStorage, progress: Progress) -> Outcome:
    """Commit what is staged; no commit where nothing is. Raises a `HowdahError`; then everything stays staged."""
    conn = storage.connect()
    return probing.with_reasons(lambda conn: _Sync(storage, progress, conn).run(), conn, storage.address)


@dataclass
class _Plan:
    """Where the files of tasks come to be, and which files go."""

    paths: dict[int, str]
    gone: set[str]
    known: dict[int, str]
    held: dict[str, bytes] | None
    """What the branch holds, where that decides what is written."""
    tally: Tally = field(default_factory=Tally)


class _Sync:
    """One target Sync under way."""

    def __init__(self, storage: PachydermExportStorage, progress: Progress, conn: Connection) -> None:
        self._storage = storage
        self._project = storage.project
        self._progress = progress
        self._conn = conn
        self._ledger = Ledger(storage, conn)
        self._pins = Pins()
        self._config = self._project.label_config.encode()
        self._written = self._removed = 0

    def run(self) -> Outcome:
        ledger = self._ledger
        ledger.recover()
        before, digest = ledger.commit, listing.digest_of(self._config).hex()
        if not ledger.take(digest):
            return self._outcome(Tally(), before)
        plan = self._plan()
        self._progress.found(len(plan.paths))
        commit = self._write(plan)
        if commit is None:
            ledger.completed(before, self._config_there(plan, digest))
            return self._outcome(Tally(), before)
        self._finish(commit, plan.tally)
        ledger.completed(commit.id, digest)
        return self._outcome(plan.tally, before)

    def _outcome(self, tally: Tally, before: str) -> Outcome:
        commit = self._ledger.commit
        counts = {**tally.kinds, "files_written": self._written, "files_removed": self._removed}
        total = host.Annotation.objects.filter(project=self._project).count()
        notes = {"total_annotations": total, "commit": commit}
        return Outcome(tally.total, notes, counts=counts, before=before, commit=commit)

    def _plan(self) -> _Plan:
        ledger = self._ledger
        if ledger.is_whole:
            known = ledger.files()
            annotated = set(self._annotations().values_list("task_id", flat=True))
        else:
            summary = export.summarise(ledger.events(), self._skipped())
            known = ledger.files([*summary.tasks, _CONFIG])
            annotated = set()
            for batch in sync.batches(summary.tasks, BATCH):
                annotated |= set(self._annotations().filter(task_id__in=batch).values_list("task_id", flat=True))
        paths = self._paths(annotated, known)
        config_path = layout.config_path(self._storage.folder)
        staying = {*paths.values(), config_path}
        gone = {path for path in known.values() if path not in staying}
        held = self._held(known) if ledger.is_whole else None
        plan = _Plan(paths, gone if held is None else gone & held.keys(), known, held)
        if not ledger.is_whole:
            plan.tally = summary.tally
        elif not ledger.is_fresh:
            plan.tally = export.summarise(ledger.events(), self._skipped()).tally
        moved = {task: path for task, path in paths.items() if known.get(task) != path}
        ledger.plan({**moved, **{task: "" for task in known.keys() - paths.keys() - {_CONFIG}}})
        return plan

    def _annotations(self) -> Any:
        return host.Annotation.objects.filter(task__project=self._project)

    def _skipped(self) -> set[int]:
        rows = host.Annotation.objects.filter(was_cancelled=True, pk__in=self._ledger.taken().values("annotation_id"))
        return set(rows.values_list("pk", flat=True))

    def _paths(self, tasks: set[int], known: dict[int, str]) -> dict[int, str]:
        """The path of each task's file."""
        folder = self._storage.folder
        if self._storage.layout == Layout.TASK:
            return {task: layout.by_task(folder, task) for task in tasks}
        shown: dict[int, Shown] = {}
        for batch in sync.batches(tasks, BATCH):
            shown.update({task: pin.shown for task, pin in self._pins.of(batch).items()})
        wanted = {task: layout.by_source(folder, task, shown.get(task)) for task in tasks}
        asked = [path for task, plain in wanted.items() for path in (plain, layout.beside(plain, task))]
        owners = self._ledger.owners(asked)
        taken = {path for path, task in owners.items() if task not in tasks and task not in known}
        return layout.settle(wanted, known, taken)

    def _held(self, known: dict[int, str]) -> dict[str, bytes]:
        folder = self._storage.folder
        within = folder.rstrip("/") + "/"
        top = folder if all(path.startswith(within) for path in known.values()) else "/"
        return listing.of_branch(self._conn, self._storage.branch, top)

    def _write(self, plan: _Plan) -> Commit | None:
        """All changes in one open commit; None, and no commit, where there are none."""
        changes = self._changes(plan)
        first = next(changes, None)
        if first is None:
            return None
        commit = self._ledger.start()
        try:
            with files.modify(self._conn, commit) as block:
                for path, content in chain([first], changes):
                    if content is None:
                        block.delete(path)
                        self._removed += 1
                    else:
                        block.put(path, content)
                        self._written += 1
            self._progress.step(len(plan.paths))
            self._ledger.check()
        except Lost:
            self._ledger.give_up(commit)
            raise
        return commit

    def _changes(self, plan: _Plan) -> Iterator[tuple[str, bytes | None]]:
        """Each file that changes, those that go first: a path that one task leaves may be another one's."""
        yield from ((path, None) for path in sorted(plan.gone))
        rows, done = TaskRows(self._project), 0
        for batch in sync.batches(sorted(plan.paths), BATCH):
            tasks = rows.read(batch)
            self._pins.tell(tasks)
            later = self._ledger.later(batch)
            for task in tasks:
                # The next commit counts them; and one that goes before that was in no commit.
                task["annotations"] = [each for each in task["annotations"] if each["id"] not in later]
                yield from self._file(plan, task)
            done += len(batch)
            self._progress.step(done)
        yield from self._configuration(plan)

    def _file(self, plan: _Plan, task: dict[str, Any]) -> Iterator[tuple[str, bytes | None]]:
        path = plan.paths[task["id"]]
        if not task["annotations"]:  # those that were taken went meanwhile; that is staged for the next Sync
            return
        export.count(task)
        content = export.content_of(task)
        if plan.held is not None:
            before = plan.held.get(path)
            if before == listing.digest_of(content):
                return
            if self._ledger.is_fresh:
                _count(plan.tally, task, "new" if before is None else "changed")
        yield path, content

    def _configuration(self, plan: _Plan) -> Iterator[tuple[str, bytes | None]]:
        path, digest = layout.config_path(self._storage.folder), listing.digest_of(self._config)
        before = plan.known.get(_CONFIG)
        if plan.held is not None:
            differs = plan.held.get(path) != digest and bool(plan.paths or before)
        elif self._ledger.config == digest.hex() or not (self._ledger.config or self._written):
            differs = False
        else:
            differs = self._config != listing.read(self._conn, self._storage.branch, path)
        if before != path and (differs or plan.paths):
            self._ledger.plan({_CONFIG: path})
        if differs:
            yield path, self._config

    def _config_there(self, plan: _Plan, digest: str) -> str:
        """The digest of the configuration that the branch holds where nothing was written."""
        if plan.held is None:
            return digest if self._ledger.config else ""
        held = plan.held.get(layout.config_path(self._storage.folder))
        return digest if held is not None and held.hex() == digest else ""

    def _finish(self, commit: Commit, tally: Tally) -> None:
        people = host.User.objects.filter(email__in=list(tally.people)).values_list("email", "id")
        project = self._project
        sources = sorted(self._pins.sources)
        story = Story(
            project.id, project.title, tally, sources, dict(people), self._written, self._removed, _tools()
        )  # fmt: skip
        try:
            metadata.edit(self._conn, metadata.replace(commit, commit_text.metadata(story)))
        except Unavailable:
            raise
        except HowdahError:
            pass  # a store without metadata: the description tells it as well
        commits.finish(self._conn, commit, commit_text.closing(story, self._ledger.key))


def _count(tally: Tally, task: dict[str, Any], kind: str) -> None:
    for annotation in task["annotations"]:
        by = annotation["completed_by"] or {}
        tally.add("skipped" if annotation["was_cancelled"] else kind, by.get("email", ""))


@functools.cache
def _tools() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("howdah", "label-studio")}
