"""Where labels come from: a folder of a commit, or a folder of this machine, as a pipeline sees its input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from howdah.client import commits, files
from howdah.client.channel import Connection
from howdah.errors import Invalid, NotFound, Unavailable, WrongState
from howdah.infos import CommitState, FileType
from howdah.names import File

CONFIG = ".howdah/labeling.xml"
"""Below the labels' folder: the labeling configuration, as it was when the labels were written."""
_OURS = ".howdah"
_TASK = ".json"


class Labels(Protocol):
    """A folder of labels, a file for each task."""

    def __str__(self) -> str:
        """What it is, in full."""

    def config(self) -> str | None:
        """The labeling configuration that lies with the labels; None where there is none."""

    def tasks(self) -> Iterator[tuple[str, bytes]]:
        """Each file that may be a task's, in the order of their paths: the path below the folder, and the content."""


@dataclass(frozen=True, slots=True)
class InCommit:
    """A folder of a finished commit. An empty commit is a folder without labels."""

    conn: Connection
    top: File

    def __str__(self) -> str:
        return str(self.top)

    def config(self) -> str | None:
        """See `Labels.config`."""
        path = f"{self.top.path.rstrip('/')}/{CONFIG}"
        try:
            content = b"".join(files.get(self.conn, replace(self.top, path=path)))
        except NotFound:
            return None
        return _text(content, path)

    def tasks(self) -> Iterator[tuple[str, bytes]]:
        """See `Labels.tasks`."""
        base = self.top.path.rstrip("/")
        is_empty = self.top.path == "/"
        try:
            with closing(files.get_tree(self.conn, self.top)) as found:
                for path, content in found:
                    is_empty = False
                    below = path.removeprefix(base)
                    if content is not None and _is_task(below):
                        yield below, b"".join(content)
        except NotFound:  # as of `/` where there is nothing
            if not is_empty:
                raise


@dataclass(frozen=True, slots=True)
class InFolder:
    """A folder of this machine."""

    top: Path

    def __str__(self) -> str:
        return str(self.top)

    def config(self) -> str | None:
        """See `Labels.config`."""
        try:
            return _text((self.top / CONFIG).read_bytes(), CONFIG)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(error) from error

    def tasks(self) -> Iterator[tuple[str, bytes]]:
        """See `Labels.tasks`."""
        try:
            for path in sorted(self._paths()):
                yield path, (self.top / path[1:]).read_bytes()
        except OSError as error:
            raise _unreadable(error) from error

    def _paths(self) -> Iterator[str]:
        for place, folders, names in os.walk(self.top, onerror=_raise):
            folders[:] = [name for name in folders if name != _OURS]
            for name in names:
                path = "/" + Path(place, name).relative_to(self.top).as_posix()
                if _is_task(path):
                    yield path


def folders(top: Path) -> list[Path]:
    """The folders of a folder of this machine that are labels of their own, by their configurations; in order.

    The folder itself where it has one, or where none below it has.
    """
    if (top / CONFIG).exists():
        return [top]
    found: list[Path] = []
    try:
        for place, below, _ in os.walk(top, onerror=_raise):
            if Path(place, CONFIG).exists():
                found.append(Path(place))
                below.clear()
    except OSError as error:
        raise _unreadable(error) from error
    return sorted(found) or [top]


def open_labels(conn: Connection | None, place: File | Path) -> Labels:
    """The labels at `place`, its commit named by its id; raises `NotFound`, or `WrongState` unless it is whole."""
    if isinstance(place, Path):
        return InFolder(place)
    if conn is None:
        raise Invalid(f"labels {place} are in a store: connect to it", kind="no-connection")
    info = commits.inspect(conn, place.commit)
    if info.state < CommitState.FINISHED:
        raise WrongState(
            f"commit {place.commit} is still being written: wait for it, as with `howdah wait commit {place.commit}`,"
            " or name an earlier one",
            kind="commit-open",
        )
    if info.error:
        raise WrongState(
            f"commit {info.commit} ended with an error ({info.error}), so it may not be whole: name an earlier one",
            kind="commit-failed",
        )
    top = replace(place, commit=info.commit)
    if top.path != "/" and files.inspect(conn, top).type is not FileType.DIR:
        raise Invalid(f"{top} is a file: name the folder that it is in", kind="not-a-folder")
    return InCommit(conn, top)


def _is_task(path: str) -> bool:
    return path.endswith(_TASK) and f"/{_OURS}/" not in path


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"labeling configuration {path} is no text ({error}): mend it", kind="bad-config") from error


def _raise(error: OSError) -> None:
    raise error


def _unreadable(error: OSError) -> Unavailable:
    return Unavailable(f"{error.filename} cannot be read: {error.strerror}", kind="unreadable")
