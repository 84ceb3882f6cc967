"""Commands on files, but for putting and getting them."""

from __future__ import annotations

from itertools import islice

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, size
from howdah.client import files
from howdah.errors import Invalid
from howdah.infos import FileChange, FileInfo, FileType
from howdah.names import parse_file

_FILE = "REPO@COMMIT:PATH"


def _columns(out: Output) -> list[Column[FileInfo]]:
    return [
        ("NAME", lambda info: info.file.path),
        ("TYPE", lambda info: info.type.name.lower()),
        ("SIZE", lambda info: size(info.size)),
        ("COMMITTED", lambda info: out.time(info.committed)),
    ]


def _changes() -> list[Column[FileChange]]:
    return [
        ("CHANGE", _kind),
        ("NAME", _path),
        ("OLD SIZE", lambda change: size(change.old.size if change.old else None)),
        ("NEW SIZE", lambda change: size(change.new.size if change.new else None)),
    ]


def _path(change: FileChange) -> str:
    side = change.new or change.old
    return side.file.path if side is not None else ""


def _kind(change: FileChange) -> str:
    if change.old is None:
        return "added"
    return "deleted" if change.new is None else "changed"


@click.command(
    "list", cls=Command, examples=("howdah list file images@master", "howdah list file images@master:/2024 --raw")
)
@click.argument("file", metavar="REPO[@COMMIT][:PATH]")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@with_store
@with_output
def list_(out: Output, store: Store, file: str, number: int) -> None:
    """List a directory's files and directories. Without a path the top, without a commit branch master."""
    out.table(files.list(store.conn, parse_file(file, store.project), number=number), _columns(out))


@click.command(cls=Command, examples=('howdah glob file "images@master:/**.png"',))
@click.argument("file", metavar="REPO@COMMIT:PATTERN")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@with_store
@with_output
def glob(out: Output, store: Store, file: str, number: int) -> None:
    """List the files and directories that match a pattern. `*` stops at a slash, `**` does not."""
    pattern = parse_file(file, store.project)
    found = files.glob(store.conn, pattern.commit, pattern.path)
    out.table(islice(found, number or None), _columns(out))


@click.command(cls=Command, examples=("howdah inspect file images@master:/liberty.png",))
@click.argument("file", metavar=_FILE)
@with_store
@with_output
def inspect(out: Output, store: Store, file: str) -> None:
    """Show a file or directory."""
    info = files.inspect(store.conn, parse_file(file, store.project))
    more: list[Column[FileInfo]] = [
        ("COMMIT", lambda info: str(info.file.commit)),
        ("HASH", lambda info: info.digest.hex()),
    ]
    out.record(info, [*_columns(out), *more])


@click.command(
    cls=Command, examples=("howdah diff file images@master", "howdah diff file images@master:/ images@master^2:/")
)
@click.argument("new", metavar=_FILE)
@click.argument("old", metavar="[REPO@COMMIT:PATH]", required=False)
@with_store
@with_output
def diff(out: Output, store: Store, new: str, old: str | None) -> None:
    """Show which files and directories differ between two commits. With one given, the other is its parent."""
    before = None if old is None else parse_file(old, store.project)
    out.table(files.diff(store.conn, parse_file(new, store.project), before), _changes())


@click.command(cls=Command, examples=("howdah copy file images@master:/liberty.png samples@master:/liberty.png",))
@click.argument("source", metavar=_FILE)
@click.argument("target", metavar="REPO@BRANCH:PATH")
@click.option("-a", "--append", is_flag=True, help="Append to what the target holds instead of replacing it.")
@with_store
def copy(store: Store, source: str, target: str, *, append: bool) -> None:
    """Copy a file or directory, within a repo or from one to another. No bytes are sent."""
    goal = parse_file(target, store.project)
    with files.modify(store.conn, goal.commit) as changes:
        changes.copy(parse_file(source, store.project), goal.path, append=append)


@click.command(
    cls=Command, examples=("howdah delete file images@master:/liberty.png", "howdah delete file -r images@master:/2024")
)
@click.argument("file", metavar="REPO@BRANCH:PATH")
@click.option("-r", "--recursive", is_flag=True, help="Delete a directory with all that is in it.")
@with_store
def delete(store: Store, file: str, *, recursive: bool) -> None:
    """Delete a file, or a directory with -r. Earlier commits keep it."""
    goal = parse_file(file, store.project)
    # The store takes a path that is not there as deleted already; a person wants to know.
    found = files.inspect(store.conn, goal)
    if found.type is FileType.DIR and not recursive:
        raise Invalid(f"{goal} is a directory: add -r to delete it with all that is in it", kind="is-directory")
    path = goal.path.rstrip("/") + "/" if found.type is FileType.DIR else goal.path
    with files.modify(store.conn, goal.commit) as changes:
        changes.delete(path)
