"""`howdah get file`: to standard output, into a file, or a whole directory into a folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, count
from pathlib import Path

import click

from howdah import direct, memory
from howdah.cli import progress
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Invalid, NotFound, Unavailable
from howdah.names import File, parse_file

_SERIAL = count()
# Pachyderm's text for a path that is a directory; its remedy is not the command line's.
_DIRECTORY = "Use GetFileTAR instead"


@click.command(
    cls=Command,
    examples=(
        "howdah get file images@master:/liberty.png -o liberty.png",
        "howdah get file labels@master:/1.json | jq .",
        "howdah get file images@master:/ -r -o photos",
    ),
)
@click.argument("file", metavar="REPO@COMMIT:PATH")
@click.option("-o", "--output", metavar="PATH", help="File or folder to write to; standard output if left out.")
@click.option("-r", "--recursive", is_flag=True, help="Write all files below PATH into the folder of -o.")
@with_store
def get(store: Store, file: str, output: str | None, *, recursive: bool) -> None:
    """Read a file, to standard output or into a file; or a directory with -r.

    A file appears under its name only once it is complete, and so does a new folder. With -r names are kept relative to
    PATH, and nothing is written outside the folder.
    """
    memory.keep()
    source = parse_file(file, store.project)
    if recursive:
        if output is None:
            raise click.UsageError("-r needs -o FOLDER")
        write_tree(store.conn, source, Path(output))
    elif output is None:
        _print(store.conn, source)
    else:
        place = Path(output)
        _write(store.conn, source, place / source.path.rpartition("/")[2] if place.is_dir() else place)


def _print(conn: Connection, file: File) -> None:
    stdout = sys.stdout.buffer
    try:
        with closing(files.get(conn, file)) as pieces:
            for piece in pieces:
                stdout.write(piece)
        stdout.flush()
    except HowdahError as error:
        raise _explained(error, file) from error


def write_tree(conn: Connection, top: File, folder: Path) -> None:
    """Write `top` and all below it into the folder; nothing outside it. A new folder is there when it is complete."""
    if os.path.lexists(folder):
        _write_below(conn, top, _Folder(folder))
        return
    hidden = folder.with_name(_hidden_name())
    try:
        _write_below(conn, top, _Folder(hidden, folder))
        if hidden.exists():
            _rename(hidden, folder)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def _write_below(conn: Connection, top: File, target: _Folder) -> None:
    base = top.path.rstrip("/")
    with closing(files.get_tree(conn, top)) as found, progress.bar(_size(conn, top)) as told:
        for path, content in found:
            if path == base and content is not None:
                base = base.rpartition("/")[0]  # a single file, which comes alone
            if content is None:
                target.make(path.removeprefix(base))
            else:
                target.write(path.removeprefix(base), progress.counted(content, told))


class _Folder:
    """Where a tree is written to. A folder inside is made and looked at once, when it is first written to.

    With `shown` all of it is new, and will have that name: its files need no other name until they are complete.
    """

    def __init__(self, top: Path, shown: Path | None = None) -> None:
        self._top = top
        self._is_new = shown is not None
        self._shown = shown or top
        self._known: dict[str, Path] = {}

    def make(self, path: str) -> None:
        """The folder at `path`."""
        self._place(path)

    def write(self, path: str, pieces: Iterable[bytes]) -> None:
        """The file at `path`."""
        above, _, name = path.rpartition("/")
        if _is_odd(name):
            raise _dots(path, self._shown)
        place = f"{self._place(above)}/{name}"
        if self._is_new:
            _create(place, pieces, f"{self._shown}{path}")
        else:
            _replace(place, pieces)

    def _place(self, path: str) -> Path:
        known = self._known.get(path)
        if known is None:
            inside(self._shown, path)
            known = self._top / path.strip("/")
            _make(self._top, self._shown)
            _make(known, self._shown / path.strip("/"))
            if not known.resolve().is_relative_to(self._top.resolve()):
                raise _link(path, self._shown)
            self._known[path] = known
        return known


def inside(folder: Path, path: str) -> Path:
    """Where `path` belongs below `folder`; raises `Invalid` where that would be outside, by dots or by links."""
    parts = [part for part in path.split("/") if part]
    place = folder.joinpath(*parts)
    if any(_is_odd(part) for part in parts):
        raise _dots(path, folder)
    if parts and not place.parent.resolve().is_relative_to(folder.resolve()):
        raise _link(path, folder)
    return place


def _is_odd(name: str) -> bool:
    """Whether a path's part is no file's name here."""
    return name in {"", ".", ".."} or "\0" in name or os.sep in name


def _dots(path: str, folder: Path) -> Invalid:
    return Invalid(f"path {path} leads out of {folder}: get it alone, with -o FILE", kind="outside")


def _link(path: str, folder: Path) -> Invalid:
    return Invalid(f"path {path} leads out of {folder} by a link: remove the link", kind="outside")


def _make(folder: Path, shown: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"folder {shown} cannot be made: {error.strerror}", kind="unwritable") from error


def _rename(hidden: Path, folder: Path) -> None:
    try:
        hidden.rename(folder)
    except OSError as error:
        raise Unavailable(f"folder {folder} cannot be made: {error.strerror}", kind="unwritable") from error


def _write(conn: Connection, file: File, place: Path) -> None:
    """Read first, then open: a file that is not there leaves no trace here."""
    try:
        with closing(files.get(conn, file)) as pieces, progress.bar(_size(conn, file)) as told:
            first = next(pieces, b"")
            _replace(str(place), progress.counted(chain((first,), pieces), told))
    except HowdahError as error:
        raise _explained(error, file) from error


def _size(conn: Connection, file: File) -> int | None:
    """How much is to be read, where that is worth a question and known: a glob's size is not."""
    try:
        return files.inspect(conn, file).size if progress.is_shown() else None
    except NotFound:
        return None


def _replace(place: str, pieces: Iterable[bytes]) -> None:
    """The file at `place`, under its name once it is whole; as few calls of the system as that takes."""
    temporary = f"{os.path.dirname(place) or '.'}/{_hidden_name()}"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                _fill(handle, iter(pieces))
            finally:
                os.close(handle)
            os.replace(temporary, place)
        except BaseException:
            os.unlink(temporary)
            raise
    except HowdahError:
        raise
    except OSError as error:
        raise _unwritable(place, error) from error


def _create(place: str, pieces: Iterable[bytes], shown: str) -> None:
    """The file at `place`, in a folder that nobody looks into before it is complete."""
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            _fill(handle, iter(pieces))
        finally:
            os.close(handle)
    except HowdahError:
        raise
    except OSError as error:
        raise _unwritable(shown, error) from error


def _unwritable(place: str, error: OSError) -> Unavailable:
    return Unavailable(f"file {place} cannot be written: {error.strerror}", kind="unwritable")


def _hidden_name() -> str:
    return f".howdah-{os.getpid()}-{next(_SERIAL)}"


def _fill(handle: int, pieces: Iterator[bytes]) -> None:
    """Write what is nearly always one piece, and may be many gigabytes."""
    first, second = next(pieces, b""), next(pieces, None)
    if second is None:
        _write_whole(handle, first)
        return
    with direct.writer(handle) as to:
        for piece in chain((first, second), pieces):
            to.write(piece)


def _write_whole(handle: int, piece: bytes) -> None:
    written = os.write(handle, piece)
    while written < len(piece):
        written += os.write(handle, memoryview(piece)[written:])


def _explained(error: HowdahError, file: File) -> HowdahError:
    if _DIRECTORY in error.message and "multiple" not in error.message:
        return Invalid(f"{file} is a directory: add -r and -o FOLDER", kind="is-directory")
    return error
