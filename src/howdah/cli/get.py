"""`howdah get file`: to standard output, into a file, or a whole directory into a folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Invalid, Unavailable
from howdah.names import File, parse_file

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

    A file appears under its name only once it is complete. With -r names are kept relative to PATH, and nothing is
    written outside the folder.
    """
    source = parse_file(file, store.project)
    if recursive:
        if output is None:
            raise click.UsageError("-r needs -o FOLDER")
        _get_tree(store.conn, source, Path(output))
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


def _get_tree(conn: Connection, top: File, folder: Path) -> None:
    base = top.path.rstrip("/")
    made: set[Path] = set()
    for path, content in files.get_tree(conn, top):
        _make_once(folder, made)
        if path == base and content is not None:
            base = base.rpartition("/")[0]  # a single file, which comes alone
        place = inside(folder, path.removeprefix(base))
        _make_once(place if content is None else place.parent, made)
        if content is not None:
            _replace(place, content)


def _make_once(folder: Path, made: set[Path]) -> None:
    if folder not in made:
        _make(folder)
        made.add(folder)


def inside(folder: Path, path: str) -> Path:
    """Where `path` belongs below `folder`; raises `Invalid` where that would be outside, by dots or by links."""
    parts = [part for part in path.split("/") if part]
    place = folder.joinpath(*parts)
    if any(part in {".", ".."} or "\0" in part or os.sep in part for part in parts):
        raise Invalid(f"path {path} leads out of {folder}: get it alone, with -o FILE", kind="outside")
    if parts and not place.parent.resolve().is_relative_to(folder.resolve()):
        raise Invalid(f"path {path} leads out of {folder} by a link: remove the link", kind="outside")
    return place


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"folder {folder} cannot be made: {error.strerror}", kind="unwritable") from error


def _write(conn: Connection, file: File, place: Path) -> None:
    """Read first, then open: a file that is not there leaves no trace here."""
    try:
        with closing(files.get(conn, file)) as pieces:
            first = next(pieces, b"")
            _replace(place, _joined(first, pieces))
    except HowdahError as error:
        raise _explained(error, file) from error


def _joined(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


def _replace(place: Path, pieces: Iterable[bytes]) -> None:
    try:
        handle, temporary = tempfile.mkstemp(prefix=".howdah-", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as target:
                target.writelines(pieces)
            # mkstemp makes files for the owner alone; what is fetched gets the usual rights.
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, place)
        except BaseException:
            os.unlink(temporary)
            raise
    except HowdahError:
        raise
    except OSError as error:
        raise Unavailable(f"file {place} cannot be written: {error.strerror}", kind="unwritable") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _explained(error: HowdahError, file: File) -> HowdahError:
    if _DIRECTORY in error.message and "multiple" not in error.message:
        return Invalid(f"{file} is a directory: add -r and -o FOLDER", kind="is-directory")
    return error
