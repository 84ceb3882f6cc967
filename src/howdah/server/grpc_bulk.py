"""howdah.bulk.API: the verbs of pfs_v2.API on files, many files a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import TypeVar

from google.protobuf.empty_pb2 import Empty

from howdah.errors import Code, Invalid
from howdah.infos import FileInfo
from howdah.pfs import comparing, reading, writing
from howdah.server import grpc_files
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import bulk
from howdah.wire import pfs as wire
from howdah.wire.gen import bulk_pb2, pfs_pb2

_ROWS = 1000

_Item = TypeVar("_Item")
_Message = TypeVar("_Message")


class BulkCalls(Calls):
    """The same verbs as `FileCalls` has; only the messages differ."""

    async def Ask(self, _: Empty, __: Context) -> Empty:
        return Empty()

    async def Modify(self, requests: AsyncIterator[bulk_pb2.Batch], context: Context) -> Empty:
        session: writing.Session | None = None
        working: asyncio.Future[None] | None = None
        try:
            async for batch in requests:
                if working is not None:
                    await working  # one message is worked on while the next arrives
                if session is None:
                    session = await self._session(batch)
                elif batch.HasField("commit"):
                    raise Invalid("cannot set commit", code=Code.UNKNOWN)
                working = asyncio.ensure_future(self._run(batch, partial(_take, session, batch)))
            if session is None or working is None:
                raise Invalid("first message must be a commit", code=Code.UNKNOWN)
            await working
        except BaseException:
            if working is not None:
                working.cancel()
            raise
        # As in ModifyFile: only to a client that is still there can anything be sent.
        await context.send_initial_metadata(())
        await self._bridge.run(session.close)
        return Empty()

    async def ModifyOnce(self, batch: bulk_pb2.Batch, _: Context) -> Empty:
        commit = need(wire.commit_from_wire(batch.commit), "commit")

        def write() -> None:
            session = writing.Session(self._store, commit)
            _take(session, batch)
            session.close()

        await self._run(batch, write)
        return Empty()

    async def _session(self, batch: bulk_pb2.Batch) -> writing.Session:
        commit = need(wire.commit_from_wire(batch.commit), "commit")
        return await self._bridge.run(writing.Session, self._store, commit)

    async def _run(self, batch: bulk_pb2.Batch, work: Callable[[], None]) -> None:
        """Do what a message asks for, in a thread that may wait where it names URLs."""
        has_url = any(step.other.add_file.WhichOneof("source") == "url" for step in batch.steps)
        await (self._bridge.run_patiently if has_url else self._bridge.run)(work)

    async def List(self, request: pfs_pb2.ListFileRequest, _: Context) -> AsyncIterator[bulk_pb2.Infos]:
        async for message in self._infos(grpc_files.listed(self._store, request)):
            yield message

    async def Walk(self, request: pfs_pb2.WalkFileRequest, _: Context) -> AsyncIterator[bulk_pb2.Infos]:
        async for message in self._infos(grpc_files.walked(self._store, request)):
            yield message

    async def Glob(self, request: pfs_pb2.GlobFileRequest, _: Context) -> AsyncIterator[bulk_pb2.Infos]:
        async for message in self._infos(grpc_files.globbed(self._store, request)):
            yield message

    async def Diff(self, request: pfs_pb2.DiffFileRequest, _: Context) -> AsyncIterator[bulk_pb2.Differences]:
        new = need(wire.file_from_wire(request.new_file), "new file")
        old = wire.file_from_wire(request.old_file)
        writer = bulk.DifferenceWriter()
        async for message in self._messages(lambda: comparing.diff(self._store, new, old), writer.message):
            yield message

    async def Get(self, request: pfs_pb2.GetFileRequest, _: Context) -> AsyncIterator[bulk_pb2.Contents]:
        file = grpc_files.wanted(request)
        messages = lambda: map(_contents, reading.blocks(self._store, file))  # noqa: E731 -- made in a thread
        async for batch in self._bridge.batches(messages, 1):
            for message in batch:
                yield message

    async def _infos(self, find: Callable[[], Iterator[FileInfo]]) -> AsyncIterator[bulk_pb2.Infos]:
        async for message in self._messages(find, bulk.InfoWriter().message):
            yield message

    async def _messages(
        self, find: Callable[[], Iterator[_Item]], message: Callable[[list[_Item]], _Message]
    ) -> AsyncIterator[_Message]:
        """What is found, a thousand in a message, which a thread makes."""

        def messages() -> Iterator[_Message]:
            found = find()
            while rows := list(islice(found, _ROWS)):
                yield message(rows)

        async for batch in self._bridge.batches(messages, 1):
            for one in batch:
                yield one


def _take(session: writing.Session, batch: bulk_pb2.Batch) -> None:
    """Hand a message's steps to the session, in order."""
    for step in batch.steps:
        body = step.WhichOneof("body")
        if body == "puts":
            _put(session, step.puts)
        elif body == "other":
            grpc_files.take(session, step.other)
        else:
            raise Invalid("a step of a message has no body: put, add, delete or copy files", kind="bad-message")


def _put(session: writing.Session, puts: bulk_pb2.Puts) -> None:
    data, datum, append = puts.data, puts.datum, puts.append
    if len(puts.paths) != len(puts.sizes) or sum(puts.sizes) != len(data):
        raise Invalid("a table of puts invalid: its paths, sizes and bytes do not fit together", kind="bad-message")
    at = 0
    for path, size in zip(puts.paths, puts.sizes, strict=True):
        if not append:
            session.delete(path, datum)
        session.put(path, data if size == len(data) else data[at : at + size], datum)
        at += size


def _contents(block: reading.Block) -> bulk_pb2.Contents:
    return bulk_pb2.Contents(
        paths=[info.file.path for info in block.infos],
        sizes=[info.size for info in block.infos],
        data=b"".join(block.data),
    )
