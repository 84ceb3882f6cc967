"""Read the files of a commit: list, walk, inspect, get, diff.

Reads hold no transaction while bytes move: a commit is resolved to its tree first, and trees never change.
Paths come in bytewise order; a directory's path ends in a slash.
"""

from __future__ import annotations

import builtins
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice

from howdah import digest
from howdah.errors import Code, Invalid, NotFound, WrongState
from howdah.infos import FileChange, FileInfo, FileType
from howdah.names import Commit, File
from howdah.pfs import clock, folding, glob, resolve
from howdah.pfs.changes import check_path
from howdah.pfs.rows import FILESETS, read_commit, read_fileset
from howdah.store import diff as trees
from howdah.store import tree
from howdah.store.node import Chunk, Entry
from howdah.store.store import Store
from howdah.store.tree import after_directory

_READ_AHEAD = 8 << 20


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

    Begins behind the path `after`, which need not exist; at most `number` when it is not 0.
    """
    after = _marker(after)
    if reverse and number <= 0:
        raise Invalid("number must be > 0 when reverse is true", code=Code.UNKNOWN)
    if number < 0:
        raise Invalid(f"number ({number}) invalid: it must not be negative", kind="bad-number")
    seen = view(store, file.commit)
    path = check_path(file.path)
    entries = [] if path == "/" else seen.find(path)
    found = iter([seen.info(entries)]) if entries else children(seen, path.rstrip("/") + "/", "" if reverse else after)
    if reverse:
        backwards = [info for info in found if not after or info.file.path < after][::-1]
        return iter(backwards[:number])
    return islice(found, number) if number else found


def _marker(after: str) -> str:
    """A place in a listing as paths are written there: with a leading slash, a directory's also with one behind."""
    return "/" + after.strip("/") + ("/" if after.rstrip("/") and after.endswith("/") else "") if after else ""


def _behind(prefix: str, after: str) -> str:
    """The least path of an entry whose place in the listing of `prefix` is behind `after`."""
    name, slash, _ = after.removeprefix(prefix).partition("/")
    return after_directory(f"{prefix}{name}/") if slash and after.startswith(prefix) else after + "\0"


def children(seen: View, prefix: str, after: str = "") -> Iterator[FileInfo]:
    """The direct children of the directory `prefix` behind the path `after`, each directory read as a whole."""
    start = _behind(prefix, after) if after > prefix else prefix
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


def walk(store: Store, file: File) -> Iterator[FileInfo]:
    """A file itself, or a directory and everything below it, each directory before what is in it."""
    seen = view(store, file.commit)
    path = check_path(file.path)
    entries = [] if path == "/" else seen.find(path)
    if entries:
        return iter([seen.info(entries)])
    prefix = path.rstrip("/") + "/"
    if prefix != "/" and not seen.has_directory(prefix):
        raise missing(File(seen.commit, path))
    return _walk(seen, prefix)


def _walk(seen: View, prefix: str) -> Iterator[FileInfo]:
    return (info for info, _ in with_entries(seen, prefix))


def with_entries(seen: View, prefix: str) -> Iterator[tuple[FileInfo, builtins.list[Entry]]]:
    """The directory `prefix` and everything below it, files with their entries, directories with none."""
    yield seen.directory(prefix), []
    told = prefix
    for entries in _files(seen.below(prefix)):
        above = entries[0].path[: entries[0].path.rindex("/") + 1]
        if above != told:
            for folder in _new_folders(told, above):
                yield seen.directory(folder), []
            told = above
        yield seen.info(entries), entries


def _new_folders(told: str, path: str) -> Iterator[str]:
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


def globbed(store: Store, commit: Commit, pattern: str) -> Iterator[FileInfo]:
    """Every file and directory whose path matches, in order."""
    return _globbed(view(store, commit), pattern)


def matching(seen: View, path: str) -> Iterator[FileInfo]:
    """What a path, or else a glob, stands for, in order."""
    found = [*_literal(seen, check_path(path))]
    return iter(found) if found else _globbed(seen, path)


def _globbed(seen: View, pattern: str) -> Iterator[FileInfo]:
    matcher = glob.compile(pattern)
    if matcher.literal is not None:
        return _literal(seen, matcher.literal)
    return (info for info in _candidates(seen, matcher) if matcher.matches(info.file.path))


def _literal(seen: View, path: str) -> Iterator[FileInfo]:
    entries = [] if path == "/" else seen.find(path)
    if entries:
        yield seen.info(entries)
    elif path == "/" or seen.has_directory(path + "/"):
        yield seen.directory(path.rstrip("/") + "/")


def _candidates(seen: View, matcher: glob.Glob) -> Iterator[FileInfo]:
    if matcher.prefix != "/" and not seen.has_directory(matcher.prefix):
        return iter(())
    return children(seen, matcher.prefix) if matcher.is_flat else _walk(seen, matcher.prefix)


def entries(store: Store, file: File) -> Iterator[Entry]:
    """The entries at a path, be it a file or a directory; of one datum only if the file names one."""
    seen = view(store, file.commit)
    path = check_path(file.path)
    found = [] if path == "/" else seen.find(path)
    chosen = iter(found) if found else seen.below(path.rstrip("/") + "/")
    return (entry for entry in chosen if not file.datum or entry.datum == file.datum)


def get(store: Store, file: File, *, offset: int = 0) -> Iterator[bytes]:
    """The bytes of the one file that `file.path`, a path or else a glob, stands for, from `offset` on."""
    seen = view(store, file.commit)
    pieces = [piece for entry in _one_file(seen, store, file) for piece in entry.pieces]
    if offset < 0:
        raise Invalid(f"offset ({offset}) invalid: it must not be negative", kind="bad-offset")
    return read(store, pieces, offset)


def _one_file(seen: View, store: Store, file: File) -> builtins.list[Entry]:
    path = check_path(file.path)
    found = [] if path == "/" else seen.find(path)
    if not found:
        if path == "/" or seen.has_directory(path + "/"):
            raise WrongState("cannot get directory or non-regular file. Use GetFileTAR instead", kind="is-directory")
        matches = [*islice(globbed(store, seen.commit, file.path), 2)]
        if not matches:
            raise missing(File(seen.commit, path))
        if len(matches) > 1:
            raise WrongState(f"{file.path} matched multiple files. Use GetFileTAR instead", kind="several-files")
        if matches[0].type is FileType.DIR:
            raise WrongState("cannot get directory or non-regular file. Use GetFileTAR instead", kind="is-directory")
        found = seen.find(matches[0].file.path)
    wanted = [entry for entry in found if not file.datum or entry.datum == file.datum]
    if not wanted:
        raise missing(File(seen.commit, path))
    return wanted


def read(store: Store, pieces: builtins.list[Chunk], offset: int = 0) -> Iterator[bytes]:
    """The pieces' bytes from `offset` on, with one look into the index for each few megabytes."""
    batch: builtins.list[Chunk] = []
    for piece in pieces:
        if offset >= piece.size:
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


def diff(store: Store, new: File, old: File | None) -> Iterator[FileChange]:
    """The paths, directories among them, at which two files or directories differ, in order.

    Without `old`: the same path in the parent commit (nothing, if there is none).
    """
    left = view(store, new.commit)
    right = view(store, old.commit) if old is not None else _parent_view(store, new.commit)
    new_path = check_path(new.path)
    old_path = check_path(old.path) if old is not None else new_path
    if right is None:
        right = View(store, left.commit, None, None)
    if old is not None and old_path != new_path:
        return _apart(walk(store, new), walk(store, old))
    if new_path != "/" and not any(_has(seen, new_path) for seen in (left, right)):
        raise missing(File(left.commit, new_path))
    return _diff(left, new_path, right, old_path)


def _parent_view(store: Store, commit: Commit) -> View | None:
    with store.database.read() as tx:
        row = resolve.commit(tx, commit)
        if row.parent is None:
            return None
        parent = read_commit(tx, row.parent)
    return view(store, Commit(commit.repo, parent.id))


def _diff(left: View, new_path: str, right: View, old_path: str) -> Iterator[FileChange]:
    told = ""
    for difference in trees.differences(left.store.read_node, left.root, right.root):
        path = difference.key[0]
        new = difference.new if _is_in(path, new_path) else None
        old = difference.old if _is_in(path, old_path) else None
        if new is None and old is None:
            continue
        for folder in _new_folders(told, path):
            if _is_in(folder, new_path) or _is_in(folder, old_path):
                yield FileChange(_side(left, folder, new_path), _side(right, folder, old_path))
        told = path[: path.rindex("/") + 1]
        yield FileChange(left.info([new]) if new else None, right.info([old]) if old else None)


def _apart(new: Iterator[FileInfo], old: Iterator[FileInfo]) -> Iterator[FileChange]:
    """What differs between two places that are not the same path: each path of one that the other has not as it is."""
    sides = heapq.merge(
        ((info.file.path, info, None) for info in new),
        ((info.file.path, None, info) for info in old),
        key=lambda side: side[0],
    )
    for _, pair in groupby(sides, key=lambda side: side[0]):
        change = FileChange(None, None)
        for _, new_side, old_side in pair:
            change = FileChange(new_side or change.new, old_side or change.old)
        if change.new is None or change.old is None or change.new.digest != change.old.digest:
            yield change


def _has(seen: View, path: str) -> bool:
    return bool(seen.find(path)) or seen.has_directory(path + "/")


def _is_in(path: str, scope: str) -> bool:
    return scope in {"/", path} or path.startswith(scope + "/")


def _side(seen: View, folder: str, scope: str) -> FileInfo | None:
    is_there = _is_in(folder, scope) and seen.has_directory(folder)
    return seen.directory(folder) if is_there else None
