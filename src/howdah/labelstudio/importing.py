"""Source Sync: the project mirrors a commit.

`howdah.labelstudio.sync` decides, `adding` and `mirror` carry out, in batches of one short transaction each. What a
Sync left is noted only when it came to its end; while that note holds, the next one looks at nothing but what differs
between the two commits. Cut off anywhere, it looks at everything again, and what was done is not done twice. A file
that cannot be taken is a problem to report, never the end of the Sync.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from django.conf import settings

from howdah.client import cluster, commits, files
from howdah.client.channel import Connection
from howdah.convert.predictions import json_paths
from howdah.errors import NotFound, WrongState
from howdah.infos import FileInfo, FileType
from howdah.labelstudio import links, predictions, probing, sync
from howdah.labelstudio.adding import Adder
from howdah.labelstudio.contents import Contents
from howdah.labelstudio.datakeys import Chooser
from howdah.labelstudio.mirror import Mirror
from howdah.labelstudio.models import PachydermImportStorage, SourceState
from howdah.labelstudio.modes import EachFile, Mode, Rows
from howdah.labelstudio.predictions import Predictor
from howdah.labelstudio.progress import Outcome, Problem, Progress
from howdah.labelstudio.tasks_of import Reader
from howdah.labelstudio.ways import Since, Way, Whole, selected
from howdah.names import Commit, File, is_commit_id

BATCH = 500
"""Files of one transaction: others who write to SQLite wait for its end."""


def run(storage: PachydermImportStorage, progress: Progress) -> Outcome:
    """Mirror the commit that the storage names; raises a `HowdahError` when the store cannot be read."""
    conn = storage.connect()
    return probing.with_reasons(lambda conn: _Sync(storage, progress, conn).run(), conn, storage.address)


class _Sync:
    """One source Sync under way."""

    def __init__(self, storage: PachydermImportStorage, progress: Progress, conn: Connection) -> None:
        self._storage = storage
        self._progress = progress
        self._conn = conn
        self._commit = probing.pinned(conn, storage.wanted).commit
        self._selection = sync.select(storage.folder, storage.regex_filter, recursive=storage.recursive_scan)
        self._state, _ = SourceState.objects.get_or_create(storage=storage)
        self._started = links.count(storage)
        self._live = self._state.live
        self._problems: list[Problem] = []
        self._adder = Adder(storage, self._problems.append)
        self._mirror = Mirror(storage, self._commit, self._adder)
        self._types = dict(storage.project.data_types or {})
        self._keys = Chooser(self._types, settings.DATA_UNDEFINED_NAME)
        self._elsewhere = False
        self._predicted = 0
        self._done = 0

    def run(self) -> Outcome:
        place = self._place()
        self._elsewhere = _repo_of(self._state.place) not in (None, _repo_of(place))
        trusted = self._state.place == place and self._state.links == self._started
        try:
            self._files(place, trusted=trusted)
            self._predictions(trusted=trusted)
        finally:
            # What was added before a failure is there to stay, so the project has to know of it.
            self._settle()
        return self._outcome()

    def _place(self) -> str:
        """Everything that decides which files become which tasks, but for the commit."""
        storage = self._storage
        parts = {
            "store": cluster.inspect(self._conn).id,
            "repo": str(self._commit.repo),
            "folder": self._selection.folder,
            "pattern": storage.regex_filter or "",
            "recursive": self._selection.recursive,
            "files": storage.use_blob_urls,
            "pairs": storage.pairs,
            "policy": [storage.on_edit, storage.on_remove],
            "predictions": str(storage.predictions or ""),
        }
        return json.dumps(parts, sort_keys=True)

    def _files(self, place: str, *, trusted: bool) -> None:
        before = Commit(self._commit.repo, self._state.commit)
        if trusted and before == self._commit:
            return
        # Whatever cuts this off, the next Sync must not believe the note of the last one.
        self._note(place=_doubted(self._state.place))
        since = before if trusted and self._exists(before) else None
        self._take(self._way(since, self._main_selection()))
        if self._storage.pairs:
            self._pairs(self._way(since, sync.only_json(self._selection)))
        kept = self._started + self._adder.count - self._mirror.counts["deleted"]
        self._live = links.live(self._storage)
        noted = _doubted(place) if self._problems else place
        self._note(place=noted, commit=self._commit.id, links=kept, live=self._live)

    def _main_selection(self) -> sync.Selection:
        return sync.but_json(self._selection) if self._storage.pairs else self._selection

    def _way(self, since: Commit | None, selection: sync.Selection) -> Way:
        if since is not None:
            return Since(self._conn, self._storage, (since, self._commit), selection)
        return Whole(self._conn, self._storage, self._commit, selection)

    def _exists(self, commit: Commit) -> bool:
        try:
            commits.inspect(self._conn, commit)
        except NotFound:
            return False
        return True

    def _note(self, **fields: Any) -> None:
        SourceState.objects.filter(pk=self._state.pk).update(**fields)

    def _contents_for(self, way: Way) -> Contents:
        # A first Sync reads nearly every file, if files are read at all.
        is_first = isinstance(way, Whole) and not self._started and self._selection.is_all
        streams = is_first and not self._storage.use_blob_urls and not self._storage.pairs
        return Contents(self._conn, self._commit, self._selection.folder if streams else None)

    def _mode(self, contents: Contents) -> Mode:
        if self._storage.use_blob_urls or self._storage.pairs:
            return EachFile(self._conn, self._commit, self._adder, self._mirror, self._keys)
        reader = Reader(self._conn, self._commit, self._types, contents)
        return Rows(reader, self._adder, self._mirror, self._problems.append)

    def _take(self, way: Way) -> None:
        with closing(self._contents_for(way)) as contents:
            self._carry_out(way, self._mode(contents))

    def _carry_out(self, way: Way, mode: Mode) -> None:
        gone = sync.Gone(way.gone())
        if way.found:
            self._progress.found(way.found)
        for batch in sync.batches(way.files(), BATCH):
            known = links.known(self._storage, [info.file.path for info in batch]) if self._started else {}
            plan = sync.plan(batch, known, gone)
            self._mirror.move([*plan.move, *((info.file.path, info) for info in plan.same if self._elsewhere)])
            mode.edit([*plan.edit, *plan.back])
            mode.add(plan.add)
            self._step(len(batch))
        for paths in sync.batches(gone.left(), BATCH):
            self._mirror.remove(paths)
            self._step(0)

    def _step(self, count: int) -> None:
        self._adder.announce()
        self._mirror.announce()
        self._done += count
        self._progress.step(self._done)

    def _pairs(self, way: Way) -> None:
        """The predictions that lie beside the files: all of them, or those that changed or whose file is new."""
        first = sync.glob_of_json(self._selection) if isinstance(way, Whole) and not self._started else None
        with closing(Contents(self._conn, self._commit, first)) as contents:
            own = Predictor(self._storage, self._commit, contents, self._problems.append)
            # With a filter, a JSON file may well lie beside something that was left out.
            self._predict(own, way.files(), lonely=not self._storage.regex_filter)
            if isinstance(way, Since):
                self._predict(own, self._beside(self._adder.fresh), lonely=False)

    def _beside(self, paths: Iterable[str]) -> Iterable[FileInfo]:
        for path in {own for each in paths for own in json_paths(each)}:
            try:
                info = files.inspect(self._conn, File(self._commit, path))
            except NotFound:
                continue
            if info.type is FileType.FILE:
                yield info

    def _predictions(self, *, trusted: bool) -> None:
        """What is new on the branch of predictions."""
        wanted = self._storage.predictions
        if wanted is None:
            return
        try:
            commit = probing.pinned(self._conn, wanted).commit
        except (NotFound, WrongState) as error:
            self._problems.append(Problem(str(wanted), str(error)))
            return
        before = Commit(commit.repo, self._state.predictions)
        if trusted and before == commit:
            return
        self._note(predictions=_doubted(self._state.predictions))
        everything = sync.Selection()
        if trusted and is_commit_id(before.id) and self._exists(before):
            found = Since(self._conn, self._storage, (before, commit), everything).files()
            contents = Contents(self._conn, commit)
        else:
            found = selected(self._conn, commit, everything)
            contents = Contents(self._conn, commit, everything.folder)
        known = len(self._problems)
        with closing(contents):
            self._predict(Predictor(self._storage, commit, contents, self._problems.append), found, lonely=True)
        self._note(predictions=commit.id if len(self._problems) == known else _doubted(commit.id))

    def _predict(self, own: Predictor, infos: Iterable[FileInfo], *, lonely: bool) -> None:
        for batch in sync.batches(filter(predictions.is_meant, infos), predictions.BATCH):
            self._predicted += own.take(batch, lonely=lonely)
            self._progress.step(self._done, predictions=self._predicted)
        own.show()

    def _settle(self) -> None:
        self._mirror.announce()
        self._adder.settle()
        if self._adder.count or self._mirror.counts["deleted"]:
            self._storage.project.update_tasks_states(
                maximum_annotations_changed=False, overlap_cohort_percentage_changed=False, tasks_number_changed=True
            )

    def _outcome(self) -> Outcome:
        counts = {name: count for name, count in self._mirror.counts.items() if count}
        counts["added"] = self._adder.count
        counts["existed"] = self._live - self._adder.count
        if self._predicted:
            counts["predictions"] = counts.get("predictions", 0) + self._predicted
        notes = {
            "tasks_existed": counts["existed"],
            "files_changed": self._mirror.counts["edited"] + self._mirror.counts["left"],
            "commit": self._commit.id,
            **({"data_keys": dict(self._keys.counts)} if self._keys.counts else {}),
        }
        return Outcome(self._adder.count, notes, tuple(self._problems), counts, self._state.commit, self._commit.id)


def _doubted(place: str) -> str:
    """A note that equals no place or commit, and still tells which it was."""
    return place if place.startswith(SourceState.DOUBT) else SourceState.DOUBT + place


def _repo_of(place: str) -> tuple[str, str] | None:
    text = place.removeprefix(SourceState.DOUBT)
    parts = json.loads(text) if text else None
    return parts and (parts["store"], parts["repo"])
