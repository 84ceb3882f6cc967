"""Where an export goes: a folder, an archive, or a commit. Whole or not at all, but for what a full disk leaves.

Each gives a folder to work in, on the disk that the export ends on, and takes what was made there.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from howdah.client import commits, files, repos
from howdah.client.channel import Connection
from howdah.convert import scratch
from howdah.convert.steady import entry, paths
from howdah.errors import AlreadyExists, HowdahError, NotFound
from howdah.names import Branch, File

_BLOCK = 1 << 20
Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """An export: a folder's files, and files of a store that belong beside them, by their paths."""

    folder: Path
    linked: Mapping[str, File] = field(default_factory=dict)
    description: str = ""

    def paths(self) -> list[str]:
        """The files of the folder in order."""
        return list(paths(self.folder))


class Destination(Protocol):
    """Takes one export."""

    @property
    def links(self) -> bool:
        """Whether it takes files of the store by their names."""

    def work(self) -> AbstractContextManager[Path]:
        """A folder to work in, for the length of a `with`; raises where the export could not be written."""

    def write(self, made: Made, tick: Tick) -> None:
        """Take the export; `tick` is called with how many files of how many are there."""


@dataclass(frozen=True, slots=True)
class ToFolder:
    """A folder of this machine; it must be missing or empty."""

    path: Path
    links = False

    @contextmanager
    def work(self) -> Iterator[Path]:
        """See `Destination.work`."""
        is_new = not self.path.exists()
        with scratch.told(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise AlreadyExists(f"folder {self.path} is not empty: choose another one", kind="not-empty")
        is_kept = False
        try:
            with scratch.folder(self.path) as folder:
                yield folder
            is_kept = True
        finally:
            if is_new and not is_kept:
                shutil.rmtree(self.path, ignore_errors=True)

    def write(self, made: Made, tick: Tick) -> None:
        """See `Destination.write`."""
        found = sorted(made.folder.iterdir())
        for number, each in enumerate(found, 1):
            with scratch.told(self.path):
                os.rename(each, self.path / each.name)
            tick(number, len(found))


@dataclass(frozen=True, slots=True)
class ToZip:
    """A zip file, in the place of what is there; the same export gives the same bytes."""

    path: Path
    links = False

    @contextmanager
    def work(self) -> Iterator[Path]:
        """See `Destination.work`."""
        with scratch.folder(self.path.absolute().parent) as folder:
            yield folder

    def write(self, made: Made, tick: Tick) -> None:
        """See `Destination.write`."""
        archived, found = made.folder.with_name("archive.zip"), made.paths()
        with scratch.told(self.path):
            archive = zipfile.ZipFile(archived, "w")
        try:
            for number, path in enumerate(found, 1):
                with scratch.told(self.path):
                    _add(archive, made.folder, path)
                tick(number, len(found))
            with scratch.told(self.path):
                archive.close()
                os.replace(archived, self.path)
        finally:
            with suppress(OSError):
                archive.close()


def _add(archive: zipfile.ZipFile, folder: Path, path: str) -> None:
    # Texts are what the converter writes; media are packed already.
    packed = path.endswith((".json", ".csv", ".tsv", ".conll", ".txt", ".xml", ".npy"))
    size = (folder / path).stat().st_size
    with (folder / path).open("rb") as source, entry(archive, path, size, packed=packed) as to:
        shutil.copyfileobj(source, to, _BLOCK)


@dataclass(frozen=True, slots=True)
class ToCommit:
    """A new commit of a branch, whose folder holds the export and nothing else; media are copied within the store."""

    conn: Connection
    branch: Branch
    folder: str = "/"
    links = True

    @contextmanager
    def work(self) -> Iterator[Path]:
        """See `Destination.work`."""
        try:
            repos.inspect(self.conn, self.branch.repo)
        except NotFound as error:
            raise NotFound(
                f"{error.message}: make it with `howdah create repo {self.branch.repo}`", kind=error.kind
            ) from error
        with scratch.folder(None) as folder:
            yield folder

    def write(self, made: Made, tick: Tick) -> None:
        """See `Destination.write`. A commit that cannot be filled is deleted again."""
        top = self.folder.rstrip("/")
        found = made.paths()
        commit = commits.start(self.conn, self.branch, made.description)
        try:
            with files.modify(self.conn, commit) as changes:
                changes.delete(f"{top}/")
                for path, file in made.linked.items():
                    changes.copy(file, f"{top}/{path}")
                for number, path in enumerate(found, 1):
                    with (made.folder / path).open("rb") as content:
                        changes.put(f"{top}/{path}", content)
                    tick(number, len(found))
            commits.finish(self.conn, commit, made.description)
        except BaseException:
            with suppress(HowdahError):
                commits.drop(self.conn, commit)
            raise
