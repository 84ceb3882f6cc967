"""Writing: a block of changes to one commit over one stream, all or nothing, at constant memory.

The caller's thread hands requests over to the thread in which gRPC sends them; a few wait in between, no more. The
store applies the changes when the block ends without an error. Leaving it by an exception cancels the call, and
since the stream was then never ended properly, the store drops everything.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.client.channel import Connection
from howdah.errors import Invalid, Unavailable, WrongState
from howdah.names import Commit, File
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2

Data: TypeAlias = bytes | Iterable[bytes] | BinaryIO
"""What a file can be filled with."""

CHUNK = 1024 * 1024
_WAITING = 4


def check_path(path: str) -> str:
    """`path` itself if it can be sent; raises `Invalid` where it is not valid Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"file name {path!r} is not valid UTF-8: rename it first", kind="bad-path") from error
    return path


class _Outbox(Iterator[pfs_pb2.ModifyFileRequest]):
    """Requests on their way from the caller's thread to the sending one; at most a few wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[pfs_pb2.ModifyFileRequest] = deque()
        self._ended = False

    def put(self, request: pfs_pb2.ModifyFileRequest) -> bool:
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

    def __next__(self) -> pfs_pb2.ModifyFileRequest:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or bool(self._waiting))
            if not self._waiting:
                raise StopIteration
            request = self._waiting.popleft()
            self._changed.notify_all()
            return request


class Changes:
    """The changes of one `modify` block, applied in order. For one thread at a time.

    A change may be under way when its call returns; a failure of the stream is raised by the next change or by the
    end of the block.
    """

    def __init__(self, conn: Connection, commit: Commit) -> None:
        self._conn = conn
        self._outbox = _Outbox()
        self._call: grpc.Future[Empty] = conn.upload(conn.pfs.ModifyFile, self._outbox)
        # A call that fails must wake the caller who waits for room, and end the thread that waits for requests.
        self._call.add_done_callback(lambda _: self._outbox.end())
        self._over = ""
        self._send(pfs_pb2.ModifyFileRequest(set_commit=pfs.commit_to_wire(commit)))

    def put(self, path: str, data: Data, *, append: bool = False, datum: str = "") -> None:
        """Write `data` to the file at `path`, in place of what it held unless `append`.

        Where reading `data` fails, the whole block is given up, so that no half file is ever written.
        """
        check_path(path)
        try:
            if not append:
                self._send(_delete(path, datum))
            empty = True
            for piece in _pieces(data):
                empty = False
                self._send(_add(path, datum, piece))
            if empty:
                self._send(_add(path, datum, b""))
        except BaseException:
            self._abandon()
            raise

    def put_url(self, path: str, url: str, *, append: bool = False, recursive: bool = False) -> None:
        """Have the store fetch `url` into the file at `path`, in place of what it held unless `append`."""
        check_path(path)
        if not append:
            self._send(_delete(path, ""))
        source = pfs_pb2.AddFile.URLSource(URL=url, recursive=recursive)
        self._send(pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, url=source)))

    def delete(self, path: str) -> None:
        """Delete the file at `path`; with a trailing slash, the directory and all below it."""
        self._send(_delete(check_path(path), ""))

    def copy(self, src: File, dst: str, *, append: bool = False) -> None:
        """Copy a file or directory, of this repo or another, to `dst`, in place of what was there unless `append`."""
        check_path(src.path)
        copy = pfs_pb2.CopyFile(src=pfs.file_to_wire(src), dst=check_path(dst), append=append)
        self._send(pfs_pb2.ModifyFileRequest(copy_file=copy))

    def _send(self, request: pfs_pb2.ModifyFileRequest) -> None:
        if self._over:
            raise WrongState(f"{self._over}: start a new block", kind="block-over")
        if not self._outbox.put(request):
            self._answer()
            raise Unavailable(f"store at {self._conn.address} ended the stream early", kind="stream-ended")

    def _finish(self) -> None:
        if self._over:
            raise WrongState(f"{self._over}: nothing was written", kind="block-over")
        self._over = "this block of changes has ended"
        self._outbox.end()
        self._answer()

    def _abandon(self) -> None:
        self._over = self._over or "changes were given up after a failure"
        # Cancel first: an outbox that ends while the call is alive would end the stream properly.
        self._call.cancel()
        self._outbox.end()

    def _answer(self) -> None:
        try:
            self._call.result()
        except grpc.RpcError as error:
            raise self._conn.error(error) from error


@contextmanager
def modify(conn: Connection, commit: Commit) -> Iterator[Changes]:
    """A block of changes to `commit`: all are written when it ends, none if it raises.

    Where `commit` names a branch whose head is finished, the block makes one commit of its own on that branch.
    """
    changes = Changes(conn, commit)
    try:
        yield changes
        changes._finish()
    except BaseException:
        changes._abandon()
        raise


def _delete(path: str, datum: str) -> pfs_pb2.ModifyFileRequest:
    return pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path, datum=datum))


def _add(path: str, datum: str, piece: bytes) -> pfs_pb2.ModifyFileRequest:
    return pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, datum=datum, raw=BytesValue(value=piece)))


def _pieces(data: Data) -> Iterator[bytes]:
    """`data` in pieces of at most a chunk, none of them empty."""
    for piece in _blocks(data):
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]


def _blocks(data: Data) -> Iterable[bytes]:
    if isinstance(data, bytes):
        return (data,)
    read = getattr(data, "read", None)
    # A file is an iterable too, of lines: it is read by its method.
    return data if read is None else iter(lambda: read(CHUNK), b"")
