"""The whole way: read labels, have the host's converter write them, bring the result to its destination.

Promises: the same labels, format and versions of the packages give the same bytes, whatever the day, the process and
the destination; nothing is left where it fails or is given up. Memory: a line for each task, and what the converter
itself holds, which for COCO and its like is all that it writes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from howdah.client.channel import Connection
from howdah.convert import media, scratch, steady
from howdah.convert.converter import Converter
from howdah.convert.destinations import Destination, Made
from howdah.convert.formats import Shows, choose
from howdah.convert.labels import CONFIG, Labels, open_labels
from howdah.convert.source import Source
from howdah.convert.staging import Staging
from howdah.errors import Invalid, NotFound
from howdah.names import File, Repo, is_commit_id

_SHOWN = 20

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much (0 while that is not known). What it raises ends the export."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is exported: which format, whether with what the tasks show, and by which labeling configuration.

    Without `config`, the configuration that lies with the labels is taken. With `repos`, files of other repos count as
    not being in the store: labels may name any, and who may export labels may not see everything. With `source`, the
    media are links into that folder, which has each file at its path; tasks that show others are left out.
    """

    format: str
    media: bool = False
    config: str | None = None
    repos: frozenset[Repo] | None = None
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was exported, and what to tell of it."""

    labels: str
    format: str
    tasks: int
    annotations: int
    files: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = f"{_many(self.tasks, 'task')}, {_many(self.annotations, 'annotation')}, {_many(self.files, 'file')}"
        return f"{self.format} of {self.labels}: {counts}"


def formats(conn: Connection | None, place: File | Path, config: str | None = None) -> list[str]:
    """The formats that fit the labels at `place`, in order."""
    labels = open_labels(conn, place)
    return list(Converter(_config(labels, config)).formats)


def export(
    conn: Connection | None,
    place: File | Path,
    options: Options,
    destination: Destination,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Export the labels at `place`: a folder of a commit, or one of this machine.

    Without a connection, only what needs no store can be exported: labels of a folder, without media.
    """
    labels = open_labels(conn, place)
    converter = Converter(_config(labels, options.config))
    format = choose(options.format, converter.formats)
    with destination.work() as work, scratch.spool(work) as spool:
        source = None if options.source is None else Source(options.source.absolute())
        staging = Staging(format, converter.key, converter.local, spool, work, source)
        run = _Run(conn, options, converter, staging, work, progress)
        made = run.make(labels, links=destination.links and source is None)
        report = run.report(labels, len(made.paths()) + len(made.linked))
        destination.write(made, lambda done, total: progress("writing", done, total))
        return report


@dataclass(slots=True)
class _Run:
    """One export under way, in the folder `work`."""

    conn: Connection | None
    options: Options
    converter: Converter
    staging: Staging
    work: Path
    progress: Progress
    items: int = 0
    """How many annotations the converter was given."""

    @property
    def out(self) -> Path:
        """Where the converter writes."""
        return self.work / "out"

    @property
    def shown(self) -> Path:
        """Where what the tasks show lies for the converter."""
        folder = self.staging.format.folder
        return self.out / folder if folder else self.work / "shown"

    def make(self, labels: Labels, *, links: bool) -> Made:
        """The export; with `links`, media are named rather than fetched where the converter need not see them."""
        self._read(labels)
        with scratch.told(self.work):
            self.shown.mkdir(parents=True)
            self.out.mkdir(exist_ok=True)
        files = self._files()
        fetched = self._fetch(files, links=links)
        self._convert(fetched)
        format, linked = self.staging.format, dict[str, File]()
        if not self.options.media or links:
            shutil.rmtree(self.shown)
        if self.options.media and links and format.folder:
            linked = {f"{format.folder}/{name}": file for name, file in sorted(files.items())}
        _drop_empty(self.out)
        return Made(self.out, linked, self._description(labels, files))

    def report(self, labels: Labels, files: int) -> Report:
        """What was made."""
        facts = self.staging.facts
        notes = (*self.staging.notes(), *self._notes())
        return Report(str(labels), self.staging.format.name, facts.tasks, facts.annotations, files, notes)

    def _files(self) -> dict[str, File]:
        """What the tasks show of the store, by its name in the export."""
        allowed = self.options.repos
        files = self.staging.files()
        return {name: file for name, file in files.items() if allowed is None or file.commit.repo in allowed}

    def _read(self, labels: Labels) -> None:
        count = 0

        def tick() -> None:
            nonlocal count
            self.progress("reading", count, 0)
            count += 1

        self.staging.read(labels, tick)

    def _fetch(self, files: dict[str, File], *, links: bool) -> set[str]:
        """The names of what the converter finds as a file."""
        format, names = self.staging.format, {name for _, name in self.staging.names}
        wanted = format.needs_media or (self.options.media and (format.opens_media or not links))
        fetched = set(files) if wanted else set()
        if fetched and self.staging.source is not None:
            with scratch.told(self.work):
                for name, file in files.items():
                    (self.shown / name).symlink_to(self.staging.source.place(file))
        elif fetched:
            if self.conn is None:
                raise Invalid("media are in a store: connect to it, or export without them", kind="no-connection")
            done = 0

            def tick(more: int) -> None:
                nonlocal done
                done += more
                self.progress("fetching", done, len(fetched))

            tick(0)
            media.fetch(self.conn, {file: self.shown / name for name, file in files.items()}, tick)
        if format.shows is Shows.PICTURE:
            with scratch.told(self.work):
                for name in names - fetched:  # it takes a file's name only where there is a file
                    (self.shown / name).touch()
        return fetched

    def _convert(self, fetched: set[str]) -> None:
        staging, total = self.staging, self.staging.facts.annotations
        tasks = self.work / "tasks.json"
        staging.write(tasks, self.shown, self._files() if self.options.media else ())
        done = 0

        def tick() -> None:
            nonlocal done
            self.progress("converting", done, total)
            done += 1

        format, with_media = staging.format, self.options.media
        self.converter.run(format, tasks, self.out, self.shown, tick, with_media=with_media)
        self.items = done
        with scratch.told(self.work):
            steady.settle(self.out, format, staging.facts.newest)
        if format.shows is Shows.PICTURE:
            for _, name in staging.names:
                if name not in fetched:
                    (self.shown / name).unlink()

    def _notes(self) -> Iterator[str]:
        """What is to be told of the media."""
        manifest = self.out / "manifest.json"
        if self.staging.format.shows is Shows.SOUND:
            with manifest.open("rb") as lines:
                lacking = self.items - sum(1 for _ in lines)
            if lacking:
                yield f"{lacking} annotations are not in the manifest: the converter takes WAV files of the store alone"
        if self.options.media:
            others = len(self.staging.names) - len(self._files())
            if others:
                yield f"{others} files are not in the store and do not go along"
            moving = sum(not is_commit_id(file.commit.id) for file in self._files().values())
            if moving:
                yield f"{moving} files are named by a branch: another export may have other versions of them"

    def _description(self, labels: Labels, files: dict[str, File]) -> str:
        facts, name = self.staging.facts, self.staging.format.name
        sources = sorted({str(file.commit) for file in files.values()})
        lines = [
            f"{name} of {labels}",
            "",
            f"{_many(facts.tasks, 'task')}, {_many(facts.annotations, 'annotation')}",
            f"Labels: {labels}",
            f"Format: {name}{' with media' if self.options.media else ''}",
            *(f"Source: {source}" for source in sources[:_SHOWN]),
        ]
        if len(sources) > _SHOWN:
            lines.append(f"Source: … and {len(sources) - _SHOWN} more")
        return "\n".join(lines)


def _config(labels: Labels, told: str | None) -> str:
    config = labels.config() if told is None else told
    if config is None:
        raise NotFound(
            f"{labels} has no labeling configuration ({CONFIG}): name the folder that has one, or give the"
            " configuration as a file, with --config",
            kind="no-config",
        )
    return config


def _drop_empty(top: Path) -> None:
    for place, _, _ in os.walk(top, topdown=False):
        if Path(place) != top:
            with suppress(OSError):  # not empty
                os.rmdir(place)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
