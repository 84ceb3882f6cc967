"""Exports of a project's label commits, asked for on its page: made in the background, to be downloaded or committed.

Each has a folder beside the host's media, with what is known of it and the archive; so they are there after a restart
as well, and one whose process is gone shows as failed. Only the newest few of a project are kept. One is made at a
time: the converter may need much memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from howdah import convert
from howdah.convert.converter import Converter
from howdah.errors import HowdahError, Invalid
from howdah.labelstudio import probing
from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage
from howdah.labelstudio.progress import is_dead, owner
from howdah.names import Commit, File, Repo, is_commit_id, parse_branch

KEPT = 5
ARCHIVE = "labels.zip"
_STATE = "state.json"
_TELL_EVERY = 0.5  # seconds between two notes of how far it is

_one_at_a_time = threading.Lock()
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants exported. Without `commit`, the newest; without `to`, an archive to download."""

    target: PachydermExportStorage
    format: str
    commit: str = ""
    media: bool = False
    to: str = ""

    @property
    def place(self) -> File:
        """The labels. Raises `Invalid`."""
        branch = self.target.branch
        if self.commit and not is_commit_id(self.commit):
            raise Invalid(f"{self.commit!r} is no commit id: copy one from a report, or leave the field empty")
        return File(Commit(branch.repo, self.commit or branch.name), self.target.folder)

    def destination(self, archive: Path) -> convert.Destination:
        """Where to. Raises a `HowdahError`; makes the repo to commit to, if there is none."""
        if not self.to:
            return convert.ToZip(archive)
        name, _, folder = self.to.partition(":")
        branch = parse_branch(name)
        if branch.repo == self.target.branch.repo:
            raise Invalid(f"repo {branch.repo} holds the labels: write the export to a repo of its own")
        conn = self.target.connect()
        probing.ensure_repo(conn, branch.repo)
        return convert.ToCommit(conn, branch, folder or "/")

    def words(self, place: File) -> str:
        """What it is, for people."""
        media = " with media" if self.media else ""
        return f"{self.format} of {place.commit}{media}{f', to {self.to}' if self.to else ''}"


class Gone(Exception):
    """Somebody deleted the export while it was made."""


def formats(project: Any) -> list[str]:
    """The formats that fit the project's labeling configuration as it is now."""
    try:
        return list(Converter(project.label_config).formats)
    except HowdahError:
        return []


def start(wish: Wish, by: str) -> dict[str, Any]:
    """Begin in the background; what is known of it. Raises a `HowdahError` for what cannot be meant."""
    project = wish.target.project
    known = formats(project)
    if known and wish.format not in known:
        raise Invalid(f"format {wish.format!r} does not fit this project: take one of {', '.join(known)}")
    state = {
        "status": "running",
        "words": wish.words(wish.place),
        "by": by,
        "owner": owner(),
        "began": time.time(),
    }
    job = _Job(_new_folder(project.pk), state)
    job.save()
    for number in sorted(_numbers(project.pk), reverse=True)[KEPT:]:
        delete(project, number)
    threading.Thread(target=job.carry_out, args=(wish,), name=f"export-{job.folder.name}", daemon=True).start()
    return _told(project.pk, int(job.folder.name))


def of_project(project: Any) -> list[dict[str, Any]]:
    """What there is, the newest first."""
    return [_told(project.pk, number) for number in sorted(_numbers(project.pk), reverse=True)]


def archive(project: Any, number: int) -> Path | None:
    """The archive of an export that is done."""
    path = _folder(project.pk) / str(number) / ARCHIVE
    return path if path.is_file() else None


def delete(project: Any, number: int) -> None:
    """Delete an export; one that is being made ends at its next step."""
    shutil.rmtree(_folder(project.pk) / str(number), ignore_errors=True)


def _folder(project: int) -> Path:
    return Path(settings.BASE_DATA_DIR) / "howdah-exports" / str(project)


def _new_folder(project: int) -> Path:
    """The next number's folder; several processes may ask at once."""
    while True:
        folder = _folder(project) / str(max(_numbers(project), default=0) + 1)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder


def _numbers(project: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(_folder(project)) if name.isdecimal()]
    except FileNotFoundError:
        return []


def _told(project: int, number: int) -> dict[str, Any]:
    """What is known of an export, in words."""
    folder = _folder(project) / str(number)
    try:
        state = json.loads((folder / _STATE).read_text("utf-8"))
    except (OSError, ValueError):
        state = {
            "status": "failed",
            "words": "An export",
            "notice": "It was deleted, or its disk is full. Export again.",
        }
    now = timezone.now()
    if state["status"] == "running" and is_dead({**state, "time_last_ping": str(now)}, now):
        state |= {"status": "failed", "notice": "The process that made it has ended. Export again."}
    done = state["status"] == "done" and (folder / ARCHIVE).is_file()
    return {
        "id": number,
        "status": state["status"],
        "words": state["words"],
        "progress": state.get("progress", ""),
        "notice": state.get("notice", ""),
        "result": state.get("result", ""),
        "download": reverse("howdah-export-download", args=[project, number]) if done else None,
        "delete": reverse("howdah-export", args=[project, number]),
    }


class _Job:
    """One export under way, and its folder."""

    def __init__(self, folder: Path, state: dict[str, Any]) -> None:
        self.folder = folder
        self._state = state
        self._told = 0.0

    def save(self, **news: Any) -> None:
        """Keep what is known; raises `Gone` when the folder is."""
        self._state |= news
        fresh = self.folder / f"{_STATE}.new"
        try:
            fresh.write_text(json.dumps(self._state), "utf-8")
            fresh.replace(self.folder / _STATE)
        except FileNotFoundError as error:
            raise Gone from error

    def carry_out(self, wish: Wish) -> None:
        """The background thread: whatever happens is told, and the folder never stays "running"."""
        try:
            with _one_at_a_time:
                report = self._export(wish)
            self.save(status="done", progress="", result=_counted(report), notice="\n".join(report.notes))
        except Gone:
            logger.info("export %s was deleted while it was made", self.folder)
        except HowdahError as error:
            self._fail(f"{error}"[:1].upper() + f"{error}"[1:])
        except Exception as error:
            logger.exception("export %s failed", self.folder)
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            connections.close_all()

    def _export(self, wish: Wish) -> convert.Report:
        self.save(progress="connecting")
        target = wish.target
        options = convert.Options(wish.format, media=wish.media, repos=frozenset(_sources(target.project_id)))
        made: convert.Report = probing.with_reasons(
            lambda conn: convert.export(
                conn, wish.place, options, wish.destination(self.folder / ARCHIVE), self._progress
            ),
            target.connect(),
            target.address,
        )
        return made

    def _progress(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            self.save(progress=f"{what}: {done:,}{f' of {total:,}' if total else ''}")

    def _fail(self, why: str) -> None:
        try:
            self.save(status="failed", progress="", notice=why)
        except Gone:
            logger.info("export %s was deleted", self.folder)


def _counted(report: convert.Report) -> str:
    numbers = ((report.tasks, "task"), (report.annotations, "annotation"), (report.files, "file"))
    made = ", ".join(f"{number:,} {noun}{'s' * (number != 1)}" for number, noun in numbers)
    return f"{made} of {report.labels}"


def _sources(project: int) -> Iterator[Repo]:
    """The repos whose files the project may show, and therefore may export."""
    for source in PachydermImportStorage.objects.filter(project_id=project):
        try:
            yield source.repo
        except Invalid:
            continue
