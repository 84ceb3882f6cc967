"""Read the files of a commit: list, walk, inspect, get.

Reads hold no transaction while bytes move: a commit is resolved to its tree first, and trees never change.
Paths come in bytewise order; a directory's path ends in a slash.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile

from howdah import digest
from howdah.errors import Code, Invalid, NotFound, WrongState
from howdah.infos import FileInfo, FileType
from howdah.names import Commit, File
from howdah.pfs import clock, folding, glob, resolve
from howdah.pfs.changes import check_path
from howdah.pfs.rows import FILESETS, read_fileset
from howdah.store import tree
from howdah.store.node import Chunk, Entry
from howdah.store.store import Store
from howdah.store.tree import after_directory

_READ_AHEAD = 8 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """Paths from `lower` up to, and without, `upper`, in the order of paths; without one of them no bound there."""

    lower: str = ""
    upper: str = ""

    def holds(self, path: str) -> bool:
        """Whether the path is in it."""
        return self.lower <= path and self.is_before_end(path)

    def is_before_end(self, path: str) -> bool:
        """Whether the path, or one behind it, may be in it."""
        return not self.upper or path < self.upper


EVERYWHERE = Span()


@dataclass(frozen=True, slots=True)
class View:
    """A commit opened for reading: its tree as of now."""

    store: Store
    commit: Commit
    root: bytes | None
    committed: datetime | None

    def info(self, entries: builtins.list[Entry]) -> FileInfo:
        """The file of these entries: one, or one a datum, which read as one content."""
        first = entries[0]
        file = File(self.commit, first.path, first.datum)
        if len(entries) == 1:
            return FileInfo(file, FileType.FILE, first.size, first.digest, self.committed)
        name = digest.of_chunks(piece.digest for entry in entries for piece in entry.pieces)
        return FileInfo(file, FileType.FILE, sum(entry.size for entry in entries), name, self.committed)

    def directory(self, prefix: str) -> FileInfo:
        """The directory whose path is `prefix`, with its slash."""
        stop = after_directory(prefix) if prefix != "/" else None
        sums = tree.totals(self.store.read_node, self.root, prefix, stop)
        name = digest.of_directory(sums.total, sums.files)
        return FileInfo(File(self.commit, prefix), FileType.DIR, sums.size, name, self.committed)

    def find(self, path: str) -> builtins.list[Entry]:
        """The entries at a path."""
        return tree.find(self.store.read_node, self.root, path)

    def below(self, prefix: str, start: str = "") -> Iterator[Entry]:
        """The entries below a directory, from `start` on."""
        stop = after_directory(prefix) if prefix != "/" else None
        return tree.iterate(self.store.read_node, self.root, max(prefix, start), stop)

    def backwards(self, prefix: str, before: str = "") -> Iterator[Entry]:
        """The entries below a directory, the last first; those before `before` only, if it is told."""
        end = after_directory(prefix) if prefix != "/" else None
        stops = [stop for stop in (before, end) if stop]
        return tree.backwards(self.store.read_node, self.root, prefix, min(stops, default=None))

    def has_directory(self, prefix: str) -> bool:
        """Whether some file is below `prefix`."""
        return tree.any_below(self.store.read_node, self.root, prefix)


def view(store: Store, commit: Commit) -> View:
    """Open a commit, or a fileset, for reading; writes acknowledged before this are in it."""
    with store.database.read() as tx:
        if commit.repo.name == FILESETS:
            fileset = read_fileset(tx, commit.id, store.now())
            return View(store, commit, fileset.root, clock.moment(fileset.created))
        row = resolve.commit(tx, commit)
    root = row.root
    if row.finished is None:
        root = folding.settle(store, row.number).root
    return View(store, Commit(commit.repo, row.id), root, clock.moment(row.finishing))


def missing(file: File) -> NotFound:
    """The error for a path that is not there."""
    return NotFound(
        f"file {file.path} not found in repo {file.commit.repo} at commit {file.commit.id}", kind="file-not-found"
    )


def inspect(store: Store, file: File) -> FileInfo:
    """The file or directory at a path; `/` of an empty commit is not found either."""
    seen = view(store, file.commit)
    path = check_path(file.path)
    entries = [] if path == "/" else seen.find(path)
    if entries:
        return seen.info(entries)
    prefix = path.rstrip("/") + "/"
    if not seen.has_directory(prefix):
        raise missing(File(seen.commit, path))
    return seen.directory(prefix)


def list(store: Store, file: File, *, after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileInfo]:
    """A file itself, or a directory's direct children; nothing for a path that is not there.

    Begins behind the path `after`, which need not exist; at most `number` when it is not 0. With `reverse` they come
    backwards, those before `after`, for which there must be a number.
    """
    _check_page(number, reverse=reverse)
    after = _marker(after)
    seen = view(store, file.commit)
    path = check_path(file.path)
    entries = [] if path == "/" else seen.find(path)
    if entries:
        return _page(iter([seen.info(entries)]), after, number, reverse=reverse)
    prefix = path.rstrip("/") + "/"
    if reverse:
        return islice(_children_back(seen, prefix, after), number)
    return _page(children(seen, prefix, _behind(prefix, after) if after > prefix else ""), after, number)


def _check_page(number: int, *, reverse: bool) -> None:
    if reverse and number <= 0:
        raise Invalid("number must be > 0 when reverse is true", code=Code.UNKNOWN)
    if number < 0:
        raise Invalid(f"number ({number}) invalid: it must not be negative", kind="bad-number")


def _page(found: Iterator[FileInfo], after: str, number: int, *, reverse: bool = False) -> Iterator[FileInfo]:
    """The first `number` of what is found behind `after`, or before it."""
    some = (info for info in found if (not after or info.file.path < after if reverse else info.file.path > after))
    return islice(some, number) if number else some


def _marker(after: str) -> str:
    """A place in a listing as paths are written there: with a leading slash, a directory's also with one behind."""
    return "/" + after.strip("/") + ("/" if after.rstrip("/") and after.endswith("/") else "") if after else ""


def _behind(prefix: str, after: str) -> str:
    """The least path of an entry whose place in the listing of `prefix` is behind `after`."""
    name, slash, _ = after.removeprefix(prefix).partition("/")
    return after_directory(f"{prefix}{name}/") if slash and after.startswith(prefix) else after + "\0"


def _from(prefix: str, lower: str) -> str:
    """The least path of an entry whose place in the listing of `prefix` is `lower` or behind it."""
    name, _, rest = lower.removeprefix(prefix).partition("/")
    return after_directory(f"{prefix}{name}/") if rest and lower.startswith(prefix) else lower


def children(seen: View, prefix: str, start: str = "") -> Iterator[FileInfo]:
    """The direct children of the directory `prefix`, from the entry `start` on, each directory read as a whole."""
    while True:
        entry = next(seen.below(prefix, start), None)
        if entry is None:
            return
        name, slash, _ = entry.path[len(prefix) :].partition("/")
        if slash:
            yield seen.directory(prefix + name + "/")
            start = after_directory(prefix + name + "/")
            continue
        for entries in _files(seen.below(prefix, entry.path)):
            if "/" in entries[0].path[len(prefix) :]:
                start = entries[0].path
                break
            yield seen.info(entries)
        else:
            return


def _children_back(seen: View, prefix: str, before: str) -> Iterator[FileInfo]:
    """The direct children of the directory before the path `before`, or all, the last first."""
    stop = _from(prefix, before)
    while (entry := next(seen.backwards(prefix, stop), None)) is not None:
        name, slash, _ = entry.path[len(prefix) :].partition("/")
        stop = prefix + name + slash
        yield seen.directory(stop) if slash else seen.info(seen.find(stop))


def walk(store: Store, file: File, *, after: str = "", number: int = 0, reverse: bool = False) -> Iterator[FileInfo]:
    """A file itself, or a directory and everything below it, each directory before what is in it.

    In pages as `list` is.
    """
    _check_page(number, reverse=reverse)
    after = _marker(after)
    seen = view(store, file.commit)
    path = check_path(file.path)
    entries = [] if path == "/" else seen.find(path)
    if entries:
        return _page(iter([seen.info(entries)]), after, number, reverse=reverse)
    prefix = path.rstrip("/") + "/"
    if prefix != "/" and not seen.has_directory(prefix):
        raise missing(File(seen.commit, path))
    if reverse:
        return islice(_walk_back(seen, prefix, after), number)
    return _page(_walk(seen, prefix, after), after, number)


def _walk(seen: View, prefix: str, start: str = "") -> Iterator[FileInfo]:
    return (info for info, _ in with_entries(seen, prefix, start))


def with_entries(seen: View, prefix: str, start: str = "") -> Iterator[tuple[FileInfo, builtins.list[Entry]]]:
    """The directory `prefix` and everything below it, files with their entries, directories with none.

    Of it, what is at the path `start` or behind it.
    """
    if prefix >= start:
        yield seen.directory(prefix), []
    told = prefix
    for entries in _files(seen.below(prefix, start)):
        above = entries[0].path[: entries[0].path.rindex("/") + 1]
        if above != told:
            for folder in new_folders(told, above):
                if folder >= start:
                    yield seen.directory(folder), []
            told = above
        yield seen.info(entries), entries


def _walk_back(seen: View, prefix: str, before: str) -> Iterator[FileInfo]:
    """The directory and everything below it before the path `before`, or all, the last first."""
    told = _folder_at(seen, prefix, before)
    for entries in _files(seen.backwards(prefix, before)):
        above = entries[0].path[: entries[0].path.rindex("/") + 1]
        for folder in [*new_folders(above, told)][::-1]:
            yield seen.directory(folder)
        yield seen.info(entries[::-1])
        told = above
    for folder in [*new_folders("", told)][::-1]:
        if folder.startswith(prefix):
            yield seen.directory(folder)


def _folder_at(seen: View, prefix: str, before: str) -> str:
    """The last directory of a walk before this path that leads to it; empty if it is before the walk."""
    if before and before <= prefix:
        return ""
    above = before[: before.rstrip("/").rfind("/") + 1]
    while above.startswith(prefix) and above != prefix and not seen.has_directory(above):
        above = above[: above.rstrip("/").rfind("/") + 1]
    return above if above.startswith(prefix) else prefix


def new_folders(told: str, path: str) -> Iterator[str]:
    """The directories above `path` that are not `told` or above it, outermost first."""
    at = path.find("/")
    while at >= 0:
        if not told.startswith(path[: at + 1]):
            yield path[: at + 1]
        at = path.find("/", at + 1)


def _files(entries: Iterator[Entry]) -> Iterator[builtins.list[Entry]]:
    """Entries in order, those of one path together."""
    gathered: builtins.list[Entry] = []
    for entry in entries:
        if gathered and gathered[0].path != entry.path:
            yield gathered
            gathered = []
        gathered.append(entry)
    if gathered:
        yield gathered


def globbed(store: Store, commit: Commit, pattern: str, within: Span = EVERYWHERE) -> Iterator[FileInfo]:
    """Every file and directory whose path is in the span and matches, in order."""
    return _globbed(view(store, commit), pattern, within)


def matching(seen: View, path: str, within: Span = EVERYWHERE) -> Iterator[FileInfo]:
    """What a path, or else a glob, stands for, in order."""
    found = [*_literal(seen, check_path(path))]
    return (info for info in found if within.holds(info.file.path)) if found else _globbed(seen, path, within)


def _globbed(seen: View, pattern: str, within: Span) -> Iterator[FileInfo]:
    matcher = glob.compile(pattern)
    if matcher.literal is not None:
        return (info for info in _literal(seen, matcher.literal) if within.holds(info.file.path))
    candidates = takewhile(lambda info: within.is_before_end(info.file.path), _candidates(seen, matcher, within.lower))
    return (info for info in candidates if within.lower <= info.file.path and matcher.matches(info.file.path))


def _literal(seen: View, path: str) -> Iterator[FileInfo]:
    entries = [] if path == "/" else seen.find(path)
    if entries:
        yield seen.info(entries)
    elif path == "/" or seen.has_directory(path + "/"):
        yield seen.directory(path.rstrip("/") + "/")


def _candidates(seen: View, matcher: glob.Glob, start: str) -> Iterator[FileInfo]:
    if matcher.prefix != "/" and not seen.has_directory(matcher.prefix):
        return iter(())
    if matcher.is_flat:
        return children(seen, matcher.prefix, _from(matcher.prefix, start))
    return _walk(seen, matcher.prefix, start)


def entries(store: Store, file: File) -> Iterator[Entry]:
    """The entries at a path, be it a file or a directory; of one datum only if the file names one."""
    seen = view(store, file.commit)
    path = check_path(file.path)
    found = [] if path == "/" else seen.find(path)
    chosen = iter(found) if found else seen.below(path.rstrip("/") + "/")
    return (entry for entry in chosen if not file.datum or entry.datum == file.datum)


def get(store: Store, file: File, *, offset: int = 0, within: Span = EVERYWHERE) -> Iterator[bytes]:
    """The bytes of the one file that `file.path`, a path or else a glob, stands for in a span, from `offset` on."""
    seen = view(store, file.commit)
    pieces = [piece for entry in one_file(seen, file, within) for piece in entry.pieces]
    if offset < 0:
        raise Invalid(f"offset ({offset}) invalid: it must not be negative", kind="bad-offset")
    return read(store, pieces, offset)


def one_file(seen: View, file: File, within: Span) -> builtins.list[Entry]:
    """The entries, one for each datum, of the one file that `file.path`, a path or else a glob, stands for."""
    matches = [*islice(matching(seen, file.path, within), 2)]
    if not matches:
        raise missing(File(seen.commit, check_path(file.path)))
    if len(matches) > 1:
        raise WrongState(f"{file.path} matched multiple files. Use GetFileTAR instead", kind="several-files")
    if matches[0].type is FileType.DIR:
        raise WrongState("cannot get directory or non-regular file. Use GetFileTAR instead", kind="is-directory")
    found = seen.find(matches[0].file.path)
    wanted = [entry for entry in found if not file.datum or entry.datum == file.datum]
    if not wanted:
        raise missing(File(seen.commit, matches[0].file.path))
    return wanted


def read(store: Store, pieces: builtins.list[Chunk], offset: int = 0) -> Iterator[bytes]:
    """The pieces' bytes from `offset` on, with one look into the index for each few megabytes."""
    batch: builtins.list[Chunk] = []
    for piece in pieces:
        if not batch and offset >= piece.size:
            offset -= piece.size
            continue
        batch.append(piece)
        if sum(each.size for each in batch) >= _READ_AHEAD:
            yield from _read_batch(store, batch, offset)
            batch, offset = [], 0
    yield from _read_batch(store, batch, offset)


def _read_batch(store: Store, batch: builtins.list[Chunk], offset: int) -> Iterator[bytes]:
    places = store.blobs.find([piece.digest for piece in batch])
    for piece in batch:
        data = store.blobs.fetch(piece.digest, places[piece.digest])
        yield data[offset:] if offset else data
        offset = 0
