"""How changes travel: many in one message to a store that offers it, one a message to any other.

Both ways are one stream that the store applies as a whole when it is ended properly.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.client.channel import Connection
from howdah.client.sources import Source
from howdah.errors import Unavailable
from howdah.names import Commit
from howdah.wire import bulk, pfs
from howdah.wire.gen import bulk_pb2, pfs_pb2, work_pb2

CHUNK = 1024 * 1024
_WAITING = 8
# About what a change takes in a message besides its path and bytes.
_WEIGHT = 64

if TYPE_CHECKING:
    from howdah.client.windows import Windows
    from howdah.lent import Lent

_Request = TypeVar("_Request")


class Lane(Protocol):
    """The way of one block of changes, in order. For one thread at a time."""

    def put(self, path: str, datum: str, piece: bytes, *, append: bool) -> None:
        """Write at most a chunk to a file, in place of what it held unless `append`."""

    def pour(self, path: str, datum: str, source: Source, *, append: bool) -> None:
        """As `put`, of many megabytes."""

    def do(self, request: pfs_pb2.ModifyFileRequest) -> None:
        """Any other change."""

    def finish(self) -> None:
        """Let everything happen; raises what the store answers."""

    def abandon(self) -> None:
        """Let nothing happen; harmless when repeated or late."""


class _Outbox(Iterator[_Request]):
    """Requests on their way from the caller's thread to the sending one; at most a few wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Request] = deque()
        self._ended = False

    def put(self, request: _Request) -> bool:
        """Hand over `request` once there is room; False, without it, when the outbox has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._waiting) < _WAITING)
            if not self._ended:
                self._waiting.append(request)
                self._changed.notify_all()
            return not self._ended

    def end(self) -> None:
        """Take no more requests; those that wait are still sent if the call goes on."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __next__(self) -> _Request:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or bool(self._waiting))
            if not self._waiting:
                raise StopIteration
            request = self._waiting.popleft()
            self._changed.notify_all()
            return request


class _Upload(ABC, Generic[_Request]):
    """A call under way that takes requests as they are sent."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._outbox = _Outbox[_Request]()

    def send(self, request: _Request) -> None:
        if not self._outbox.put(request):
            self._conclude()
            raise self._early()

    def finish(self) -> None:
        self._outbox.end()
        self._conclude()

    def abandon(self) -> None:
        # Cancel first: an outbox that ends while the call is alive would end the stream properly.
        self._cancel()
        self._outbox.end()

    def _early(self) -> Unavailable:
        return Unavailable(f"store at {self._conn.address} ended the stream early", kind="stream-ended")

    @abstractmethod
    def _conclude(self) -> None:
        """Wait for the call's end; raises what the store answers."""

    @abstractmethod
    def _cancel(self) -> None: ...


# In both: a call that fails must wake the caller who waits for room, and end the thread that waits for requests.
class _OneWay(_Upload[pfs_pb2.ModifyFileRequest]):
    """pfs_v2.API/ModifyFile."""

    def __init__(self, conn: Connection) -> None:
        super().__init__(conn)
        self._call = conn.upload(conn.pfs.ModifyFile, self._outbox)
        self._call.add_done_callback(lambda _: self._outbox.end())

    def _conclude(self) -> None:
        try:
            self._call.result()
        except grpc.RpcError as error:
            raise self._conn.error(error) from error

    def _cancel(self) -> None:
        self._call.cancel()


class _Exchange(_Upload[bulk_pb2.Batch | bytes]):
    """howdah.bulk.API/Modify."""

    def __init__(self, conn: Connection) -> None:
        super().__init__(conn)
        self._call = conn.exchange(conn.bulk_modify, self._outbox)
        if not self._call.add_callback(self._outbox.end):
            self._outbox.end()

    def answer(self) -> bulk_pb2.Answer:
        """The next answer of the store."""
        try:
            return next(self._call)
        except StopIteration:
            raise self._early() from None
        except grpc.RpcError as error:
            raise self._conn.error(error) from error

    def _conclude(self) -> None:
        try:
            for _ in self._call:
                pass
        except grpc.RpcError as error:
            raise self._conn.error(error) from error

    def _cancel(self) -> None:
        self._call.cancel()


class Requests:
    """One change a message: pfs_v2.API/ModifyFile, which every store answers."""

    def __init__(self, conn: Connection, commit: Commit) -> None:
        self._upload = _OneWay(conn)
        self.do(pfs_pb2.ModifyFileRequest(set_commit=pfs.commit_to_wire(commit)))

    def put(self, path: str, datum: str, piece: bytes, *, append: bool) -> None:
        """See `Lane.put`."""
        if not append:
            self.do(delete(path, datum))
        self.do(
            pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, datum=datum, raw=BytesValue(value=piece)))
        )

    def pour(self, path: str, datum: str, source: Source, *, append: bool) -> None:
        """See `Lane.pour`."""
        for piece in source.pieces(CHUNK):
            self.put(path, datum, piece, append=append)
            append = True

    def do(self, request: pfs_pb2.ModifyFileRequest) -> None:
        """See `Lane.do`."""
        self._upload.send(request)

    def finish(self) -> None:
        """See `Lane.finish`."""
        self._upload.finish()

    def abandon(self) -> None:
        """See `Lane.abandon`."""
        self._upload.abandon()


class Batches:
    """About a megabyte of changes a message: howdah.bulk.API. What fits one message is one call, not a stream."""

    def __init__(self, conn: Connection, commit: Commit) -> None:
        self._conn = conn
        self._upload: _Exchange | None = None
        self._batch = bulk_pb2.Batch(commit=pfs.commit_to_wire(commit))
        self._weight = 0
        self._alike = ("", False)  # what the puts that are gathered have in common: datum, append
        self._paths: list[str] = []
        self._pieces: list[bytes] = []
        self._windows: Windows | None = None
        self._offered: _Offered | None = None  # of which the store is being asked what it lacks
        self.results: work_pb2.Results | None = None
        """What became of the datums whose outputs these are."""

    def put(self, path: str, datum: str, piece: bytes, *, append: bool) -> None:
        """See `Lane.put`."""
        self._settle()
        weight = len(piece) + len(path) + _WEIGHT
        if self._weight and self._weight + weight > CHUNK:
            self._send()
        if self._alike != (datum, append):
            self._end_puts()
            self._alike = (datum, append)
        self._paths.append(path)
        self._pieces.append(piece)
        self._weight += weight

    def pour(self, path: str, datum: str, source: Source, *, append: bool) -> None:
        """See `Lane.pour`. What the store holds already is named, not sent.

        While it is asked about one window of chunks, the next one is read and cut.
        """
        if self._windows is None:
            from howdah.client.windows import Windows  # noqa: PLC0415 -- takes 40 ms, which only large files are worth

            self._windows = Windows(lend=self._conn.address.local)
        for found in self._windows.cut(source):
            digests = found.digests()
            self._end_puts()
            exchange = self._send_offer(digests, self._windows.lent)
            self._settle()
            self._offered = _Offered(exchange, path, datum, append, digests, found.chunks, found.at)
            append = True

    def do(self, request: pfs_pb2.ModifyFileRequest) -> None:
        """See `Lane.do`."""
        self._settle()
        self._end_puts()
        self._batch.steps.add().other.CopyFrom(request)
        self._weight += request.ByteSize() + _WEIGHT
        if self._weight >= CHUNK:
            self._send()

    def finish(self) -> None:
        """See `Lane.finish`."""
        self._settle()
        self._end_puts()
        if self.results is not None:
            self._batch.results.CopyFrom(self.results)
        if self._upload is None:
            self._conn.call(self._conn.bulk.ModifyOnce, self._batch, patient=True)
            return
        if self._batch.steps or self.results is not None:
            self._upload.send(self._batch)
        self._upload.finish()

    def abandon(self) -> None:
        """See `Lane.abandon`."""
        if self._upload is not None:
            self._upload.abandon()

    def _settle(self) -> None:
        """Send what the store lacks of the chunks that it was asked about."""
        offered, self._offered = self._offered, None
        if offered is None:
            return
        answer = offered.exchange.answer()
        wanted = answer.wanted
        if answer.reads_memory:
            offered.exchange.send(offered.told(wanted))
            return
        first = end = weight = 0
        for end, chunk in enumerate(offered.chunks, 1):
            weight += len(chunk) if wanted[end - 1] else 0
            if weight >= CHUNK or end == len(offered.chunks):
                offered.exchange.send(offered.message(wanted, first, end))
                first, weight = end, 0

    def _send_offer(self, digests: list[bytes], lent: Lent | None) -> _Exchange:
        offer = self._batch.steps.add().offer
        offer.digests = b"".join(digests)
        if lent is not None:
            offer.memory.process, offer.memory.descriptor, offer.memory.proof = lent.name
        return self._send()

    def _end_puts(self) -> None:
        if not self._paths:
            return
        puts = self._batch.steps.add().puts  # filled where it stands: a message that is appended is copied
        puts.datum, puts.append = self._alike
        puts.paths.extend(self._paths)
        puts.sizes.extend(map(len, self._pieces))
        puts.data = b"".join(self._pieces) if len(self._pieces) > 1 else self._pieces[0]
        self._paths, self._pieces = [], []

    def _written(self) -> bytes:
        """The message of what is gathered, which ends with puts."""
        datum, append = self._alike
        head = bulk_pb2.Puts(paths=self._paths, sizes=map(len, self._pieces), datum=datum, append=append)
        message = bulk.batch_of_puts(self._batch, head, self._pieces)
        self._paths, self._pieces = [], []
        return message

    def _send(self) -> _Exchange:
        """Send what is gathered, beginning the stream with it."""
        if self._upload is None:
            self._upload = _Exchange(self._conn)
        self._upload.send(self._written() if self._paths else self._batch)
        self._batch, self._weight = bulk_pb2.Batch(), 0
        return self._upload


class _Offered(NamedTuple):
    """The next chunks of a file, of which the store is asked what it lacks."""

    exchange: _Exchange
    path: str
    datum: str
    append: bool
    digests: list[bytes]
    chunks: list[memoryview]
    at: int  # in lent memory

    def told(self, wanted: bytes) -> bulk_pb2.Batch:
        """The message for all chunks, which tells where they stand in lent memory."""
        batch = bulk_pb2.Batch()
        table = batch.steps.add().chunks
        table.path, table.datum, table.append = self.path, self.datum, self.append
        table.digests = b"".join(self.digests)
        table.sizes.extend(map(len, self.chunks))
        places = accumulate(table.sizes, initial=self.at)
        table.offsets.extend(at if is_wanted else 0 for at, is_wanted in zip(places, wanted, strict=False))
        return batch

    def message(self, wanted: bytes, first: int, end: int) -> bytes:
        """The message for the chunks from `first` to `end`."""
        head = bulk_pb2.Chunks(
            path=self.path,
            datum=self.datum,
            append=self.append or first > 0,
            digests=b"".join(self.digests[first:end]),
            sizes=map(len, self.chunks[first:end]),
        )
        return bulk.batch_of_chunks(head, (self.chunks[at] if wanted[at] else b"" for at in range(first, end)))


def delete(path: str, datum: str = "") -> pfs_pb2.ModifyFileRequest:
    """The change that deletes a file, or with a trailing slash a directory."""
    return pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path, datum=datum))
