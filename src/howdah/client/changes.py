"""Writing: a block of changes to one commit over one stream, all or nothing, at constant memory.

The caller's thread hands requests over to the thread in which gRPC sends them; a few wait in between, no more. The
store applies the changes when the block ends without an error. Leaving it by an exception cancels the call, and
since the stream was then never ended properly, the store drops everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from howdah.client.channel import Connection
from howdah.client.lanes import CHUNK, Batches, Lane, Requests, delete
from howdah.client.sources import Data, Source
from howdah.errors import Invalid, WrongState
from howdah.names import Commit, File
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2, work_pb2

# From so many pieces on, a question to the store which chunks it holds is worth its time.
_LARGE = 8


def check_path(path: str) -> str:
    """`path` itself if it can be sent; raises `Invalid` where it is not valid Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"file name {path!r} is not valid UTF-8: rename it first", kind="bad-path") from error
    return path


class Changes:
    """The changes of one `modify` block, applied in order. For one thread at a time.

    A change may be under way when its call returns; a failure of the stream is raised by the next change or by the
    end of the block.
    """

    def __init__(self, conn: Connection, commit: Commit) -> None:
        lane = Batches if conn.offers_bulk() else Requests
        self._lane: Lane = lane(conn, commit)
        self._over = ""

    def put(self, path: str, data: Data, *, append: bool = False, datum: str = "") -> None:
        """Write `data` to the file at `path`, in place of what it held unless `append`.

        Where reading `data` fails, the whole block is given up, so that no half file is ever written.
        """
        self._check()
        check_path(path)
        if isinstance(data, bytes) and len(data) <= CHUNK:
            self._lane.put(path, datum, data, append=append)
            return
        try:
            source = Source(data)
            first = list(islice(source.pieces(CHUNK), _LARGE))
            if len(first) == _LARGE:
                source.give_back(first)
                self._lane.pour(path, datum, source, append=append)
                return
            for piece in first or [b""]:
                self._lane.put(path, datum, piece, append=append)
                append = True
        except BaseException:
            self._abandon()
            raise

    def put_url(self, path: str, url: str, *, append: bool = False, recursive: bool = False) -> None:
        """Have the store fetch `url` into the file at `path`, in place of what it held unless `append`."""
        self._check()
        check_path(path)
        if not append:
            self._lane.do(delete(path))
        source = pfs_pb2.AddFile.URLSource(URL=url, recursive=recursive)
        self._lane.do(pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, url=source)))

    def delete(self, path: str) -> None:
        """Delete the file at `path`; with a trailing slash, the directory and all below it."""
        self._check()
        self._lane.do(delete(check_path(path)))

    def copy(self, src: File, dst: str, *, append: bool = False, datum: str = "") -> None:
        """Copy a file or directory, of this repo or another, to `dst`, in place of what was there unless `append`."""
        self._check()
        check_path(src.path)
        copy = pfs_pb2.CopyFile(src=pfs.file_to_wire(src), dst=check_path(dst), append=append, datum=datum)
        self._lane.do(pfs_pb2.ModifyFileRequest(copy_file=copy))

    def report(self, results: work_pb2.Results) -> None:
        """With these changes, tell what became of the datums that they are the outputs of: for workers."""
        self._check()
        assert isinstance(self._lane, Batches), "stores that start workers offer bulk"
        self._lane.results = results

    def _check(self) -> None:
        if self._over:
            raise WrongState(f"{self._over}: start a new block", kind="block-over")

    def _finish(self) -> None:
        if self._over:
            raise WrongState(f"{self._over}: nothing was written", kind="block-over")
        self._over = "this block of changes has ended"
        self._lane.finish()

    def _abandon(self) -> None:
        self._over = self._over or "changes were given up after a failure"
        self._lane.abandon()


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
