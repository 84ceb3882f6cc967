"""Verbs on files: read, list, compare. Writing is `modify`, in `howdah.client.changes`."""

from __future__ import annotations

import tarfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeVar

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.client import here
from howdah.client.changes import Changes, check_path, modify
from howdah.client.channel import Connection
from howdah.digest import of_bytes
from howdah.errors import Unavailable, Unsupported
from howdah.infos import FileChange, FileInfo
from howdah.names import Commit, File
from howdah.wire import bulk, pfs
from howdah.wire.gen import bulk_pb2, pfs_pb2

_READ = 1 << 20

_Request = TypeVar("_Request")

__all__ = [
    "Changes",
    "Located",
    "Place",
    "diff",
    "get",
    "get_tree",
    "glob",
    "inspect",
    "list",
    "locate",
    "modify",
    "walk",
]


def list(
    conn: Connection, file: File, *, after: str | None = None, number: int = 0, reverse: bool = False
) -> Iterator[FileInfo]:
    """The directory's direct children in path order, or the file itself; nothing where the path is missing.

    `after` is the path to continue behind, and need not exist. At most `number` where that is not 0; `reverse`
    needs a number. A connection that breaks is made anew, and the list goes on in the same commit.
    """
    count = 0
    while True:
        marker = None if after is None else _wire(replace(file, path=after))
        left = max(number - count, 1) if number else 0
        request = pfs_pb2.ListFileRequest(file=_wire(file), paginationMarker=marker, number=left, reverse=reverse)
        before = count
        try:
            for info in _infos(conn, request, conn.bulk.List, conn.pfs.ListFile):
                yield info
                count += 1
                file, after = replace(file, commit=info.file.commit), info.file.path
            return
        except Unavailable:
            if count == before:
                raise
            if count == number:
                return
            conn.reconnect()


def walk(conn: Connection, file: File) -> Iterator[FileInfo]:
    """The path itself and all below it, each directory before its content; raises `NotFound`."""
    request = pfs_pb2.WalkFileRequest(file=_wire(file))
    yield from _infos(conn, request, conn.bulk.Walk, conn.pfs.WalkFile)


def glob(conn: Connection, commit: Commit, pattern: str) -> Iterator[FileInfo]:
    """The files and directories that match `pattern`, in path order."""
    request = pfs_pb2.GlobFileRequest(commit=pfs.commit_to_wire(commit), pattern=check_path(pattern))
    yield from _infos(conn, request, conn.bulk.Glob, conn.pfs.GlobFile)


def _infos(
    conn: Connection,
    request: _Request,
    many: grpc.UnaryStreamMultiCallable[_Request, bulk_pb2.Infos],
    single: grpc.UnaryStreamMultiCallable[_Request, pfs_pb2.FileInfo],
) -> Iterator[FileInfo]:
    """The answers, many a message where the store offers that."""
    if not conn.offers_bulk():
        yield from map(pfs.file_info_from_wire, conn.stream(single, request))
        return
    reader = bulk.InfoReader()
    for message in conn.stream(many, request):
        yield from reader.infos(message)


def inspect(conn: Connection, file: File) -> FileInfo:
    """The file or directory; raises `NotFound`, also for `/` of an empty commit."""
    request = pfs_pb2.InspectFileRequest(file=_wire(file))
    return pfs.file_info_from_wire(conn.call(conn.pfs.InspectFile, request))


def get(conn: Connection, file: File, *, offset: int = 0) -> Generator[bytes, None, None]:
    """The file's bytes from `offset` on, in pieces; closing the iterator early cancels the call.

    The path is a glob that must match exactly one regular file.
    """
    request = pfs_pb2.GetFileRequest(file=_wire(file), offset=offset)
    with closing(conn.stream(conn.pfs.GetFile, request)) as pieces:
        yield from map(_value, pieces)  # whoever takes a piece slowly keeps that alone, and not its message too


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes in a file of this machine, which may be gone or others at any time: compare the digest."""

    path: str
    offset: int
    size: int
    digest: bytes


class Located(NamedTuple):
    """What a file is, how far into the first place the wanted bytes begin, and where they lie."""

    info: FileInfo | None = None
    skip: int = 0
    places: Sequence[Place] = ()


def locate(conn: Connection, file: File, offset: int, size: int) -> Located:
    """Where the file's bytes from `offset` on can be read without the store.

    Nothing is told by a store of another machine, or by one that does not tell. There may be no places, fewer bytes
    or more than `size`.
    """
    if not conn.address.local or not conn.offers_bulk():
        return Located()
    request = bulk_pb2.LocateRequest(file=_wire(file), offset=offset, size=size)
    try:
        found = conn.call(conn.bulk.Locate, request)
    except Unsupported:
        return Located()
    info = pfs.file_info_from_wire(found.info) if found.HasField("info") else None
    return Located(info, found.skip, [Place(one.path, one.offset, one.size, one.digest) for one in found.places])


def _value(piece: BytesValue) -> bytes:
    return piece.value


def get_tree(conn: Connection, file: File) -> Generator[tuple[str, Iterator[bytes] | None], None, None]:
    """The path and everything below it, in one call: each path with its content in pieces, None for a directory.

    A content is to be read before the next path is asked for; what is not read is passed over. Raises `NotFound`.
    """
    if conn.offers_bulk():
        wanted = bulk_pb2.GetRequest(file=_wire(file), here=conn.address.local)
        yield from bulk.ContentReader(conn.stream(conn.bulk.Get, wanted), partial(_content, conn)).files()
        return
    request = pfs_pb2.GetFileRequest(file=_wire(file))
    stream = _Stream(piece.value for piece in conn.stream(conn.pfs.GetFileTAR, request))
    stream.begin()  # an error of the call is raised as itself, not as a broken archive
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_READ) as archive:  # type: ignore[call-overload]  # it needs only read
        for member in archive:
            source = archive.extractfile(member) if member.isreg() else None
            path = "/" + member.name.strip("/")
            yield path, None if source is None else iter(lambda: source.read(_READ), b"")  # noqa: B023  (read in turn)


def _content(conn: Connection, file: File, at: int, places: Sequence[bulk_pb2.Place]) -> Generator[bytes, None, None]:
    """The file's bytes from `at` on, read at these places, or else sent by the store."""
    done = 0
    with closing(here.read(places)) as found:
        for data in found:
            yield data
            done, at = done + 1, at + len(data)
    if done < len(places):
        with closing(get(conn, file, offset=at)) as pieces:
            stream = _Stream(pieces)
            for place in places[done:]:
                data = stream.read(place.size)
                if of_bytes(data) != place.digest:
                    raise Unavailable(f"{file} has changed while it was read: read it again", kind="changed")
                yield data


class _Stream:
    """Pieces of bytes read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")

    def begin(self) -> None:
        """Wait for the first bytes."""
        self._held = memoryview(next(self._pieces, b""))

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        parts = []
        while size > 0:
            if not self._held:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._held = memoryview(piece)
            part, self._held = self._held[:size], self._held[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def diff(conn: Connection, new: File, old: File | None = None) -> Iterator[FileChange]:
    """The paths at or below `new` that differ from `old` (the same path in the parent commit where None)."""
    request = pfs_pb2.DiffFileRequest(new_file=_wire(new), old_file=None if old is None else _wire(old))
    if not conn.offers_bulk():
        yield from map(pfs.file_change_from_wire, conn.stream(conn.pfs.DiffFile, request))
        return
    reader = bulk.DifferenceReader()
    for message in conn.stream(conn.bulk.Diff, request):
        yield from reader.changes(message)


def _wire(file: File) -> pfs_pb2.File:
    check_path(file.path)
    return pfs.file_to_wire(file)
