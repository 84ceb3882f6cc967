"""`howdah put file`: local files, folders, standard input and URLs into one commit."""

from __future__ import annotations

import io
import os
import re
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import click

from howdah import memory
from howdah.cli import progress
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.client import files
from howdah.client.changes import Changes
from howdah.client.lanes import CHUNK
from howdah.errors import HowdahError, Invalid, NotFound, Unavailable
from howdah.names import clean_path, parse_file

_STDIN = "-"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")
_AHEAD = 32  # files that the disk is asked for while those before them are sent
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Upload(NamedTuple):
    """One source and the path that it is written to."""

    source: str
    target: str

    @property
    def is_url(self) -> bool:
        """Whether the store fetches it."""
        return _URL.match(self.source) is not None

    @property
    def size(self) -> int:
        """Bytes that will be read here, as far as is known."""
        if self.is_url or self.source == _STDIN:
            return 0
        try:
            return os.stat(self.source).st_size
        except FileNotFoundError:
            return 0


@click.command(
    cls=Command,
    examples=(
        "howdah put file images@master:/liberty.png -f liberty.png",
        "howdah put file images@master:/2024/ -f a.jpg -f https://example.com/b.jpg",
        "howdah put file images@master -r -f photos",
        "date | howdah put file notes@master:/log.txt -a",
    ),
)
@click.argument("target", metavar="REPO@BRANCH[:PATH]")
@click.option(
    "-f", "--file", "sources", metavar="SOURCE", multiple=True, help="File, folder (with -r), URL, or - for stdin."
)
@click.option("-r", "--recursive", is_flag=True, help="Put all files below a folder under PATH.")
@click.option("-a", "--append", is_flag=True, help="Append to what the files hold instead of replacing it.")
@with_store
def put(store: Store, target: str, sources: tuple[str, ...], *, recursive: bool, append: bool) -> None:
    """Write files, all in one commit: either all of them arrive or none.

    A single source is written to PATH itself; where PATH ends in a slash, is missing, or there are several sources,
    each is written below it under its own last name. With -r a folder's files keep their names relative to the
    folder. A URL is fetched by the store. Without -f, standard input is read.
    """
    memory.keep()
    goal = parse_file(target, store.project)
    into = goal.path == "/" or target.endswith("/") or len(sources) > 1
    uploads: Iterable[Upload] = plan(sources or (_STDIN,), goal.path, into=into, recursive=recursive)
    total = None
    if progress.is_shown():
        uploads = list(uploads)
        total = sum(upload.size for upload in uploads)
    with files.modify(store.conn, goal.commit) as changes, progress.bar(total) as told:
        if send(changes, uploads, told, append=append, recursive=recursive) == 0:
            raise Invalid(f"nothing to put: no file in {', '.join(sources)}", kind="nothing-to-put")


def plan(sources: Iterable[str], path: str, *, into: bool, recursive: bool) -> Iterator[Upload]:
    """What goes where; two sources for one target raise `Invalid`. Folders are read as the plan is carried out."""
    taken: dict[str, str] = {}
    for source in sources:
        if recursive and not _URL.match(source) and os.path.isdir(source):
            uploads = _folder(source, path)
        else:
            uploads = iter([_single(source, path, into=into)])
        for upload in uploads:
            other = taken.setdefault(upload.target, upload.source)
            if other != upload.source:
                raise Invalid(
                    f"{other} and {upload.source} would both be written to {upload.target}: put them one by one",
                    kind="same-target",
                )
            yield upload


def _single(source: str, path: str, *, into: bool) -> Upload:
    if not into:
        return Upload(source, path)
    if source == _STDIN:
        raise Invalid("standard input has no name: give a path, as in REPO@BRANCH:/name", kind="no-name")
    place = unquote(urlsplit(source).path) if _URL.match(source) else os.path.abspath(source)
    name = os.path.basename(place.rstrip("/"))
    if not name:
        raise Invalid(f"{source} has no file name: give a path, as in REPO@BRANCH:/name", kind="no-name")
    return Upload(source, clean_path(f"{path}/{name}"))


def _folder(folder: str, path: str) -> Iterator[Upload]:
    """Every regular file below `folder`, in name order; links to files are followed, links to folders are not.

    There may be very many: a file costs no call of the system here.
    """
    waiting = [(folder, clean_path(path).rstrip("/"))]
    while waiting:
        place, below = waiting.pop()
        folders = []
        for entry in _entries(place):
            if entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{below}/{entry.name}"))
            elif entry.is_file(follow_symlinks=False) or os.path.isfile(entry.path):
                yield Upload(entry.path, f"{below}/{entry.name}")
            elif not os.path.isdir(entry.path):
                click.echo(f"howdah: {ascii(entry.path)} is not a regular file, left out", err=True)
        waiting += reversed(folders)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise Unavailable(f"folder {error.filename} cannot be read: {error.strerror}", kind="unreadable") from error


def send(
    changes: Changes, uploads: Iterable[Upload], told: progress.Count, *, append: bool = False, recursive: bool = False
) -> int:
    """Carry out a plan; how many there were."""
    count = 0
    with closing(_opened(uploads)) as opened:
        for upload, descriptor in opened:
            count += 1
            if descriptor is not None:
                _send_file(changes, upload, descriptor, told, append=append)
            elif upload.is_url:
                changes.put_url(upload.target, upload.source, append=append, recursive=recursive)
            else:
                pieces = iter(lambda: sys.stdin.buffer.read(CHUNK), b"")
                changes.put(upload.target, progress.counted(pieces, told), append=append)
    return count


def _opened(uploads: Iterable[Upload]) -> Generator[tuple[Upload, int | None], None, None]:
    """Each with its file, which is the taker's to close; None where it is no file of this machine.

    Files are opened some time before they are taken, and the disk is asked for their beginnings: one that has to look
    for each of very many small files looks for several at once.
    """
    ahead: deque[tuple[Upload, int | None]] = deque()
    try:
        for upload in uploads:
            ahead.append((upload, None if upload.is_url or upload.source == _STDIN else _open(upload.source)))
            if len(ahead) > _AHEAD:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()
    finally:
        for _, descriptor in ahead:
            if descriptor is not None:
                os.close(descriptor)


def _send_file(changes: Changes, upload: Upload, descriptor: int, told: progress.Count, *, append: bool) -> None:
    try:
        size = os.fstat(descriptor).st_size
        content = _Content(upload.source, descriptor, told)
        first = content.read(size) if 0 < size < CHUNK else b""
        if first and len(first) == size:  # the whole file: most are small
            changes.put(upload.target, first, append=append)
        else:
            content.ahead = first
            changes.put(upload.target, content, append=append)
    finally:
        os.close(descriptor)


class _Content:
    """What an open file holds, counted as it is read; `ahead` comes before what is not read yet."""

    def __init__(self, source: str, descriptor: int, told: progress.Count) -> None:
        self._source = source
        self._descriptor = descriptor
        self._told = told
        self.ahead = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        try:
            data = os.read(self._descriptor, size)
        except OSError as error:
            raise _unreadable(self._source, error) from error
        self._told(len(data))
        return data

    def readinto(self, view: memoryview) -> int:
        """As `read`, into memory that is there."""
        if self.ahead:
            data, self.ahead = self.ahead[: len(view)], self.ahead[len(view) :]
            view[: len(data)] = data
            return len(data)
        try:
            with io.FileIO(self._descriptor, closefd=False) as file:
                got = file.readinto(view) or 0
        except OSError as error:
            raise _unreadable(self._source, error) from error
        self._told(got)
        return got


def _open(source: str) -> int:
    try:
        descriptor = os.open(source, _READ)
    except OSError as error:
        raise _unreadable(source, error) from error
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # a pipe, or a file system that takes no advice
            os.posix_fadvise(descriptor, 0, CHUNK, os.POSIX_FADV_WILLNEED)
    return descriptor


def _unreadable(source: str, error: OSError) -> HowdahError:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"file {source} not found: check the path", kind="no-local-file")
    if isinstance(error, IsADirectoryError):
        return Invalid(f"{source} is a folder: add -r to put all files in it", kind="is-directory")
    return Unavailable(f"file {source} cannot be read: {error.strerror}", kind="unreadable")
