"""Many files in one message: infos, differences and contents to the columns of howdah.bulk and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import NamedTuple, TypeAlias

from howdah.errors import Corrupt
from howdah.infos import FileChange, FileInfo, FileType
from howdah.names import DEFAULT_DATUM, Commit, File
from howdah.wire import pfs
from howdah.wire.gen import bulk_pb2

_DIGEST = 32
_NEW, _OLD, _BOTH = 1, 2, 3
# Fields of a written message, as far as they are looked for.
_NUMBER, _BYTES = 0, 2
_LARGE = 64 << 10  # what is less is copied soon enough


class InfoWriter:
    """Makes the messages of one stream of infos: only the first tells the commit."""

    def __init__(self) -> None:
        self._told = False

    def message(self, infos: Sequence[FileInfo]) -> bulk_pb2.Infos:
        """The next infos, all of one commit, as a message."""
        message = bulk_pb2.Infos(
            paths=[info.file.path for info in infos],
            sizes=[info.size for info in infos],
            digests=b"".join([info.digest for info in infos]),
            datums={at: info.file.datum for at, info in enumerate(infos) if info.file.datum not in {"", DEFAULT_DATUM}},
        )
        if infos and not self._told:
            self._told = True
            message.commit.CopyFrom(pfs.commit_to_wire(infos[0].file.commit))
            committed = pfs.time_to_wire(infos[0].committed)
            if committed is not None:
                message.committed.CopyFrom(committed)
        return message


class InfoReader:
    """Reads the messages of one stream of infos."""

    def __init__(self) -> None:
        self._commit: Commit | None = None
        self._committed: datetime | None = None

    def infos(self, message: bulk_pb2.Infos) -> Iterator[FileInfo]:
        """The infos of the next message; raises `Corrupt` where it cannot be one."""
        if message.HasField("commit"):
            self._commit = pfs.commit_from_wire(message.commit)
            self._committed = pfs.time_from_wire(message.committed) if message.HasField("committed") else None
        commit, committed, digests, datums = self._commit, self._committed, message.digests, dict(message.datums)
        if len(message.sizes) != len(message.paths) or len(digests) != _DIGEST * len(message.paths):
            raise _unlike("infos")
        for at, (path, size) in enumerate(zip(message.paths, message.sizes, strict=True)):
            if commit is None:
                raise _unlike("infos")
            digest = digests[at * _DIGEST : (at + 1) * _DIGEST]
            if path.endswith("/"):
                yield FileInfo(File(commit, path), FileType.DIR, size, digest, committed)
            else:
                datum = datums.get(at, DEFAULT_DATUM)
                yield FileInfo(File(commit, path, datum), FileType.FILE, size, digest, committed)


class DifferenceWriter:
    """Makes the messages of one stream of differences."""

    def __init__(self) -> None:
        self._new, self._old = InfoWriter(), InfoWriter()

    def message(self, changes: Sequence[FileChange]) -> bulk_pb2.Differences:
        """The next differences as a message."""
        return bulk_pb2.Differences(
            sides=bytes([(_NEW if change.new else 0) | (_OLD if change.old else 0) for change in changes]),
            new=self._new.message([change.new for change in changes if change.new]),
            old=self._old.message([change.old for change in changes if change.old]),
        )


class DifferenceReader:
    """Reads the messages of one stream of differences."""

    def __init__(self) -> None:
        self._new, self._old = InfoReader(), InfoReader()

    def changes(self, message: bulk_pb2.Differences) -> Iterator[FileChange]:
        """The differences of the next message; raises `Corrupt` where it cannot be one."""
        new, old = self._new.infos(message.new), self._old.infos(message.old)
        for side in message.sides:
            change = FileChange(
                next(new, None) if side in {_NEW, _BOTH} else None, next(old, None) if side in {_OLD, _BOTH} else None
            )
            if (change.new is not None) + 2 * (change.old is not None) != side:
                raise _unlike("differences")
            yield change


def contents(paths: Sequence[str], sizes: Sequence[int], data: Sequence[bytes | memoryview]) -> bytes:
    """A message `Contents`, written. Its bytes are copied once, and not by whoever sends it.

    The parts of a message may be written one after the other (protobuf.dev/programming-guides/encoding).
    """
    head = bulk_pb2.Contents(paths=paths, sizes=sizes).SerializeToString()
    return b"".join((head, _begin(bulk_pb2.Contents.DATA_FIELD_NUMBER, sum(map(len, data))), *data))


def batch_of_chunks(head: bulk_pb2.Chunks, data: Iterable[bytes | memoryview]) -> bytes:
    """A message `Batch`, written: of these chunks, which have no data in `head`. Copied once, as in `contents`."""
    parts: list[bytes | memoryview] = [head.SerializeToString()]
    for piece in data:
        parts += (_begin(bulk_pb2.Chunks.DATA_FIELD_NUMBER, len(piece)), piece)
    size = sum(map(len, parts))
    step = _begin(bulk_pb2.Step.CHUNKS_FIELD_NUMBER, size)
    return b"".join((_begin(bulk_pb2.Batch.STEPS_FIELD_NUMBER, len(step) + size), step, *parts))


def batch_of_puts(before: bulk_pb2.Batch, head: bulk_pb2.Puts, data: Sequence[bytes]) -> bytes:
    """As `batch_of_chunks`: of what is in `before`, and then these puts. Their bytes come first, so they are found."""
    table = head.SerializeToString()
    size = sum(map(len, data))
    begun = _begin(bulk_pb2.Puts.DATA_FIELD_NUMBER, size)
    size += len(begun) + len(table)
    step = _begin(bulk_pb2.Step.PUTS_FIELD_NUMBER, size)
    steps = _begin(bulk_pb2.Batch.STEPS_FIELD_NUMBER, len(step) + size)
    return b"".join((before.SerializeToString(), steps, step, begun, *data, table))


class Received(NamedTuple):
    """A message `Batch` that came. `data`, if any, belongs to the only step: to each of its chunks, or to its puts."""

    batch: bulk_pb2.Batch
    data: list[bytes | memoryview] | None = None


def received(message: bytes) -> Received:
    """Read a message `Batch`; `DecodeError` if it is none.

    Of what came as `batch_of_chunks` and `batch_of_puts` write it the bytes are not copied, but for those that are less
    than half of the message: whoever keeps a part of it keeps it all.
    """
    place = _place_of_data(message) if len(message) >= _LARGE else None
    if place is None:
        return Received(bulk_pb2.Batch.FromString(message))
    table, head, data = place
    batch = bulk_pb2.Batch()
    step = batch.steps.add()
    (step.puts if table == bulk_pb2.Step.PUTS_FIELD_NUMBER else step.chunks).MergeFromString(head)
    if step.puts.data:  # twice: the later counts
        return Received(bulk_pb2.Batch.FromString(message))
    return Received(batch, [piece if 2 * len(piece) >= len(message) else bytes(piece) for piece in data])


def _place_of_data(message: bytes) -> tuple[int, bytes, list[memoryview]] | None:
    """Which table is the only step, the table without its data, and these; None of any other message."""
    try:
        step, at, end = _field(message, 0)
        table, at, behind = _field(message, at)
        if step != bulk_pb2.Batch.STEPS_FIELD_NUMBER or not behind == end == len(message):
            return None
        if table == bulk_pb2.Step.PUTS_FIELD_NUMBER:
            return _puts_apart(message, at)
        return _chunks_apart(message, at) if table == bulk_pb2.Step.CHUNKS_FIELD_NUMBER else None
    except IndexError:
        return None


def _puts_apart(message: bytes, begin: int) -> tuple[int, bytes, list[memoryview]] | None:
    found, at, behind = _field(message, begin)
    if found != bulk_pb2.Puts.DATA_FIELD_NUMBER:
        return None
    return bulk_pb2.Step.PUTS_FIELD_NUMBER, message[behind:], [memoryview(message)[at:behind]]


def _chunks_apart(message: bytes, begin: int) -> tuple[int, bytes, list[memoryview]] | None:
    data: list[memoryview] = []
    head, behind = b"", begin
    while behind < len(message):
        found, at, behind = _field(message, behind)
        if found == bulk_pb2.Chunks.DATA_FIELD_NUMBER:
            data.append(memoryview(message)[at:behind])
        elif data:
            return None
        else:
            head = message[begin:behind]
    return (bulk_pb2.Step.CHUNKS_FIELD_NUMBER, head, data) if data else None


def _field(message: bytes, at: int) -> tuple[int, int, int]:
    """The number of the field at a place, and where what it holds begins and ends; IndexError where none can be."""
    tag = message[at]
    number = 0
    for shift in range(0, 64, 7):
        at += 1
        number |= (message[at] & 127) << shift
        if message[at] < 128:
            break
    else:
        raise IndexError
    kind, begin = tag & 7, at + 1
    end = begin + (number if kind == _BYTES else 0)
    if kind not in {_NUMBER, _BYTES} or tag > 127 or end > len(message):
        raise IndexError
    return tag >> 3, begin, end


def _begin(field: int, size: int) -> bytes:
    """What stands before a field of so many bytes."""
    return bytes([field << 3 | _BYTES]) + _varint(size)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)


Here: TypeAlias = Callable[[File, int, Sequence[bulk_pb2.Place]], Generator[bytes, None, None]]
"""Reads what lies at these places, which are a file's bytes from an offset on."""


class ContentReader:
    """Reads the messages of one stream of contents; `here` reads the bytes of which only the places are told."""

    def __init__(self, messages: Iterable[bulk_pb2.Contents], here: Here | None = None) -> None:
        self._messages = iter(messages)
        self._here = here
        self._rows: deque[tuple[str, int]] = deque()
        self._commit: Commit | None = None
        self._data, self._at = b"", 0
        self._places: Sequence[bulk_pb2.Place] = ()
        self._left = 0  # of the content that is being read: not taken from messages yet

    def files(self) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Each path with its content in pieces, None for a directory; raises `Corrupt` where a message cannot be.

        A content is to be read before the next path is asked for; what is not read is passed over.
        """
        while self._rows or self._next():
            while self._rows:
                path, size = self._rows.popleft()
                if path.endswith("/"):
                    yield path.rstrip("/") or "/", None
                    continue
                self._left = size
                pieces = self._content(path, size)
                yield path, pieces
                pieces.close()
                while self._left:
                    self._take()
            if self._at < len(self._data) or self._places:
                raise _unlike("contents")

    def _content(self, path: str, size: int) -> Generator[bytes, None, None]:
        while self._left:
            at = size - self._left
            places, data = self._take()
            if not places:
                yield data
            elif self._here is None or self._commit is None:
                raise _unlike("contents")
            else:
                with closing(self._here(File(self._commit, path), at, places)) as pieces:
                    yield from pieces

    def _take(self) -> tuple[Sequence[bulk_pb2.Place], bytes]:
        """The next bytes of the content, or their places."""
        while self._at == len(self._data) and not self._places:
            if not self._next():
                raise _unlike("contents")
        if self._places:
            places, self._places = self._places, ()
            self._left -= sum(place.size for place in places)
            if self._left < 0:
                raise _unlike("contents")
            return places, b""
        start, self._at = self._at, min(self._at + self._left, len(self._data))
        self._left -= self._at - start
        return (), self._data[start : self._at]  # no copy where it is all

    def _next(self) -> bool:
        """Take the next message, if there is one."""
        message = next(self._messages, None)
        if message is None:
            return False
        if len(message.sizes) != len(message.paths) or (message.places and message.data):
            raise _unlike("contents")
        self._rows.extend(zip(message.paths, message.sizes, strict=True))
        self._data, self._at = message.data, 0
        self._places = message.places
        if message.HasField("commit"):
            self._commit = pfs.commit_from_wire(message.commit)
        return True


def _unlike(what: str) -> Corrupt:
    return Corrupt(f"the store sent {what} that do not fit together: its version may not be this program's")
