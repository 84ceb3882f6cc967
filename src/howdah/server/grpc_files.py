"""pfs_v2.API: files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.errors import Code, Invalid
from howdah.infos import FileInfo
from howdah.names import File
from howdah.pfs import comparing, files, reading, tar, writing
from howdah.pfs.gathering import Gathering
from howdah.server.bridge import Bridge, Changes
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import gathered, need, refuse
from howdah.server.urls import Urls
from howdah.store.store import Store
from howdah.wire import pfs as wire
from howdah.wire.gen import bulk_pb2, pfs_pb2

_MESSAGE = 4 << 20  # the most in one message out
_BATCH = 200

_Session = TypeVar("_Session", bound=Gathering)
_Result = TypeVar("_Result")

Find = Callable[[], Iterator[FileInfo]]
"""What finds files, in a thread that may wait."""


class FileCalls(Calls):
    """Answers for files; `urls` reads and writes what requests name by URL."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, urls: Urls) -> None:
        super().__init__(store, bridge, changes)
        self._urls = urls

    async def ModifyFile(self, requests: AsyncIterator[pfs_pb2.ModifyFileRequest], context: Context) -> Empty:
        stream = aiter(requests)
        first = await anext(stream, None)
        if first is None or first.WhichOneof("body") != "set_commit":
            raise Invalid("first message must be a commit", code=Code.UNKNOWN)
        commit = need(wire.commit_from_wire(first.set_commit), "commit")
        begin = partial(writing.Session, self._store, commit)
        await self._written(begin, writing.Session.close, stream, context)
        return Empty()

    async def _written(
        self,
        begin: Callable[[], _Session],
        close: Callable[[_Session], _Result],
        stream: AsyncIterator[pfs_pb2.ModifyFileRequest],
        context: Context,
    ) -> _Result:
        """What closing a session gives that took all of a stream, in order.

        A stream that fits one list, as Pachyderm's own client sends them, is one hop into a thread: a hop costs as much
        as a small write itself.
        """
        begun: list[_Session] = []

        def take_all(requests: list[pfs_pb2.ModifyFileRequest]) -> _Session:
            session = begun[0] if begun else begin()
            begun[:] = [session]
            for request in requests:
                take(session, request, urls)
            return session

        with self._urls.awaited() as urls:
            async for some, is_last in gathered(_operations(stream), lambda request: len(request.add_file.raw.value)):
                has_url = any(request.add_file.WhichOneof("source") == "url" for request in some)
                if has_url or not is_last:
                    await (self._bridge.run_patiently if has_url else self._bridge.run)(take_all, some)
                    some = []  # noqa: PLW2901 -- what is left for the end
            # A connection that breaks ends the stream of requests as a client does who is done, and the cancelling of
            # this call may come later. Only to a client that is still there can anything be sent.
            await context.send_initial_metadata(())
            return await self._bridge.run(lambda: close(take_all(some)))

    async def GetFile(self, request: pfs_pb2.GetFileRequest, _: Context) -> AsyncIterator[BytesValue]:
        file, within = wanted(request)
        if request.URL:
            yield await self._exported(file, within, request.URL)
            return
        content = lambda: files.get(self._store, file, offset=request.offset, within=within)  # noqa: E731 -- in a thread
        async for message in self._content(content):
            yield message

    async def GetFileTAR(self, request: pfs_pb2.GetFileRequest, _: Context) -> AsyncIterator[BytesValue]:
        file, within = wanted(request)
        if request.URL:
            yield await self._exported(file, within, request.URL)
            return
        async for message in self._content(lambda: tar.stream(self._store, file, within)):
            yield message

    async def Egress(self, request: pfs_pb2.EgressRequest, _: Context) -> pfs_pb2.EgressResponse:
        refuse("export to an SQL database", when=request.WhichOneof("target") == "sql_database")
        commit = need(wire.commit_from_wire(request.commit), "commit")
        url = need(request.object_storage.url or None, "URL of the object storage")
        written = await self._export(File(commit, "/"), files.EVERYWHERE, url)
        result = pfs_pb2.EgressResponse.ObjectStorageResult(bytes_written=written)
        return pfs_pb2.EgressResponse(object_storage=result)

    async def _exported(self, file: File, within: files.Span, url: str) -> BytesValue:
        """Write what is wanted to the URL; then there is no more to send than that it is done."""
        await self._export(file, within, url)
        return BytesValue()

    async def _export(self, file: File, within: files.Span, url: str) -> int:
        contents = reading.contents_of_files(self._store, file, within)  # nothing is read before the thread does
        with self._urls.awaited() as urls:
            return await self._bridge.run_patiently(urls.write, url, contents)

    async def _content(self, make: Callable[[], Iterator[bytes]]) -> AsyncIterator[BytesValue]:
        """What `make` reads, in messages of a size that every client takes; little is held for slow ones."""
        async for batch in self._bridge.batches(make, 1):
            for data in batch:
                for at in range(0, len(data), _MESSAGE):
                    yield BytesValue(value=data[at : at + _MESSAGE])

    async def InspectFile(self, request: pfs_pb2.InspectFileRequest, _: Context) -> pfs_pb2.FileInfo:
        file = need(wire.file_from_wire(request.file), "file")
        return wire.file_info_to_wire(await self._bridge.run(files.inspect, self._store, file))

    async def ListFile(self, request: pfs_pb2.ListFileRequest, _: Context) -> AsyncIterator[pfs_pb2.FileInfo]:
        async for message in self._infos(listed(self._store, request)):
            yield message

    async def WalkFile(self, request: pfs_pb2.WalkFileRequest, _: Context) -> AsyncIterator[pfs_pb2.FileInfo]:
        async for message in self._infos(walked(self._store, request)):
            yield message

    async def GlobFile(self, request: pfs_pb2.GlobFileRequest, _: Context) -> AsyncIterator[pfs_pb2.FileInfo]:
        async for message in self._infos(globbed(self._store, request)):
            yield message

    async def _infos(self, find: Find) -> AsyncIterator[pfs_pb2.FileInfo]:
        async for batch in self._bridge.batches(find, _BATCH):
            for info in batch:
                yield wire.file_info_to_wire(info)

    async def DiffFile(self, request: pfs_pb2.DiffFileRequest, _: Context) -> AsyncIterator[pfs_pb2.DiffFileResponse]:
        new = need(wire.file_from_wire(request.new_file), "new file")
        old = wire.file_from_wire(request.old_file)
        async for batch in self._bridge.batches(lambda: comparing.diff(self._store, new, old), _BATCH):
            for change in batch:
                yield wire.file_change_to_wire(change)


def listed(store: Store, request: pfs_pb2.ListFileRequest) -> Find:
    """What finds the files that are to be listed."""
    file = need(wire.file_from_wire(request.file), "file")
    after = request.paginationMarker.path
    return lambda: files.list(store, file, after=after, number=request.number, reverse=request.reverse)


def walked(store: Store, request: pfs_pb2.WalkFileRequest) -> Find:
    """What finds the files that are to be walked."""
    file = need(wire.file_from_wire(request.file), "file")
    after = request.paginationMarker.path
    return lambda: files.walk(store, file, after=after, number=request.number, reverse=request.reverse)


def globbed(store: Store, request: pfs_pb2.GlobFileRequest) -> Find:
    """What finds the files that match."""
    commit = need(wire.commit_from_wire(request.commit), "commit")
    return lambda: files.globbed(store, commit, request.pattern, _span(request.path_range))


def wanted(request: pfs_pb2.GetFileRequest | bulk_pb2.GetRequest) -> tuple[File, files.Span]:
    """What is to be read, and within which paths."""
    return need(wire.file_from_wire(request.file), "file"), _span(request.path_range)


def _span(range: pfs_pb2.PathRange) -> files.Span:
    return files.Span(range.lower, range.upper)


async def _operations(
    stream: AsyncIterator[pfs_pb2.ModifyFileRequest],
) -> AsyncIterator[pfs_pb2.ModifyFileRequest]:
    """The stream, in which no further commit may be named."""
    async for request in stream:
        if request.WhichOneof("body") == "set_commit":
            raise Invalid("cannot set commit", code=Code.UNKNOWN)
        yield request


def take(session: Gathering, request: pfs_pb2.ModifyFileRequest, urls: Urls) -> None:
    """Hand one change to the session."""
    body = request.WhichOneof("body")
    if body == "add_file":
        _add(session, request.add_file, urls)
    elif body == "delete_file":
        session.delete(request.delete_file.path, request.delete_file.datum)
    elif body == "copy_file":
        copy = request.copy_file
        source = need(wire.file_from_wire(copy.src), "source file")
        session.copy(File(source.commit, source.path, source.datum), copy.dst, append=copy.append, datum=copy.datum)
    else:
        raise Invalid("a message of the stream has no body: add, delete or copy a file", kind="bad-message")


def _add(session: Gathering, add: pfs_pb2.AddFile, urls: Urls) -> None:
    if add.WhichOneof("source") != "url":
        session.put(add.path, add.raw.value, add.datum)
        return
    source = add.url
    for rest, pieces in urls.read(source.URL, recursive=source.recursive, concurrency=source.concurrency):
        path = f"{add.path.rstrip('/')}/{rest}" if rest else add.path
        session.put(path, b"", add.datum)
        for data in pieces:
            session.put(path, data, add.datum)
