"""howdah.bulk.API: the verbs of pfs_v2.API on files, many files a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from google.protobuf.empty_pb2 import Empty

from howdah.digest import SIZE, Digest
from howdah.errors import Code, HowdahError, Invalid
from howdah.infos import FileInfo
from howdah.lent import Borrowed, Name
from howdah.pfs import comparing, locating, reading, writing
from howdah.server import grpc_files
from howdah.server.bridge import Bridge, Changes
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.server.urls import Urls
from howdah.store import gc
from howdah.store.node import Chunk
from howdah.store.store import Store
from howdah.wire import bulk
from howdah.wire import pfs as wire
from howdah.wire.gen import bulk_pb2, pfs_pb2, work_pb2

_ROWS = 1000
_LOCATED = 64 << 20  # told at once; more is asked for when those are read
_HERE = ("ipv4:127.", "ipv6:%5B::1%5D:", "unix:")
_BORROWED = 20 << 20  # the most that one message may have read, as much as it could bring itself
_MANY = 1000  # small packs that lie with the rows
_READ = 4  # messages: about as much as is read from the disk at once

Bytes = bytes | memoryview
Report = Callable[[writing.Session, work_pb2.Results], Awaitable[None]]
"""What lets a worker's stream happen, with what became of the datums that it is from."""
_Item = TypeVar("_Item")
_Message = TypeVar("_Message")


class BulkCalls(Calls):
    """The same verbs as `FileCalls` has; only the messages differ."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, urls: Urls, report: Report) -> None:
        super().__init__(store, bridge, changes)
        self._urls = urls
        self._report = report
        self._small = 0  # blocks that may have left small packs

    async def Ask(self, _: Empty, __: Context) -> Empty:
        return Empty()

    async def Modify(self, requests: AsyncIterator[bulk.Received], context: Context) -> AsyncIterator[bulk_pb2.Answer]:
        incoming: _Incoming | None = None
        working: asyncio.Future[list[bulk_pb2.Answer]] | None = None
        try:
            async for batch, data in requests:
                if working is not None:
                    await working  # one message is worked on while the next arrives
                if incoming is None:
                    incoming = _Incoming(await self._session(batch), may_borrow=_is_here(context))
                elif batch.HasField("commit"):
                    raise Invalid("cannot set commit", code=Code.UNKNOWN)
                working = asyncio.ensure_future(self._run(batch, partial(_take, incoming, batch, data)))
                if any(step.HasField("offer") for step in batch.steps):
                    for answer in await working:
                        yield answer
            if incoming is None or working is None:
                raise Invalid("first message must be a commit", code=Code.UNKNOWN)
            await working
        except BaseException:
            if working is not None:
                working.cancel()
            raise
        # As in ModifyFile: only to a client that is still there can anything be sent.
        yield bulk_pb2.Answer()
        await self._close(incoming.session, batch)

    async def _close(self, session: writing.Session, last: bulk_pb2.Batch) -> None:
        """Let everything happen: alone, or with what became of the datums that it is from."""
        if last.HasField("results"):
            await self._report(session, last.results)
        else:
            await self._bridge.run(session.close)

    async def ModifyOnce(self, batch: bulk_pb2.Batch, _: Context) -> Empty:
        commit = need(wire.commit_from_wire(batch.commit), "commit")

        def write(urls: Urls) -> writing.Session:
            session = writing.Session(self._store, commit, late=True)
            if _take(_Incoming(session), batch, None, urls):
                raise Invalid("an offer of chunks has no answer here: send it in a stream", kind="bad-message")
            if not batch.HasField("results"):
                session.close()  # here, since a hop costs as much as a small write itself
            return session

        session = await self._run(batch, write)
        if batch.HasField("results"):
            await self._report(session, batch.results)
        self._small += 1
        if self._small % _MANY == 0:
            with suppress(HowdahError):  # what was to be done is done
                await self._bridge.run(gc.gather, self._store)
        return Empty()

    async def _session(self, batch: bulk_pb2.Batch) -> writing.Session:
        commit = need(wire.commit_from_wire(batch.commit), "commit")
        return await self._bridge.run(writing.Session, self._store, commit)

    async def _run(self, batch: bulk_pb2.Batch, work: Callable[[Urls], _Item]) -> _Item:
        """Do what a message asks for, in a thread that may wait where it names URLs."""
        has_url = any(step.other.add_file.WhichOneof("source") == "url" for step in batch.steps)
        with self._urls.awaited() as urls:
            return await (self._bridge.run_patiently if has_url else self._bridge.run)(work, urls)

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

    async def Get(self, request: bulk_pb2.GetRequest, context: Context) -> AsyncIterator[bytes]:
        file, within = grpc_files.wanted(request)
        here = request.here and _is_here(context)
        messages = lambda: map(_contents, reading.blocks(self._store, file, within, here=here))  # noqa: E731 -- made in a thread
        async for batch in self._bridge.batches(messages, _READ):
            for message in batch:
                yield message

    async def Locate(self, request: bulk_pb2.LocateRequest, context: Context) -> bulk_pb2.Places:
        if not _is_here(context):
            return bulk_pb2.Places()
        file = need(wire.file_from_wire(request.file), "file")
        info, skip, found = await self._bridge.run(
            locating.locate, self._store, file, request.offset, min(request.size, _LOCATED)
        )
        return bulk_pb2.Places(skip=skip, places=map(_place, found), info=wire.file_info_to_wire(info))

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


@dataclass(slots=True)
class _Incoming:
    """What a stream of batches goes to, and the client's memory, if its content is read there."""

    session: writing.Session
    may_borrow: bool = False
    _memory: Borrowed | None = None

    def borrows(self, offer: bulk_pb2.Offer) -> bool:
        """Whether the memory that is offered is read; what cannot be read is not tried again."""
        if self.may_borrow and self._memory is None and offer.HasField("memory"):
            named = offer.memory
            try:
                self._memory = Borrowed(Name(named.process, named.descriptor, named.proof))
            except OSError:
                self.may_borrow = False
        return self._memory is not None

    def read(self, chunks: bulk_pb2.Chunks) -> list[bytes]:
        """The bytes of each chunk out of the client's memory, none of those that are only named."""
        if self._memory is None or len(chunks.offsets) != len(chunks.sizes) or sum(chunks.sizes) > _BORROWED:
            raise Invalid("a table of chunks invalid: its bytes cannot be read where it says", kind="bad-message")
        places = zip(chunks.offsets, chunks.sizes, strict=True)
        return [self._memory.read(at, size) if at else b"" for at, size in places]


def _take(
    incoming: _Incoming, batch: bulk_pb2.Batch, data: Sequence[Bytes] | None, urls: Urls
) -> list[bulk_pb2.Answer]:
    """Hand a message's steps to the session, in order; gives the answers to its offers.

    Puts or chunks that come without their bytes have them in `data`.
    """
    answers = []
    session = incoming.session
    for step in batch.steps:
        body = step.WhichOneof("body")
        if body == "puts":
            _put(session, step.puts, step.puts.data if data is None else data[0])
        elif body == "chunks":
            if step.chunks.offsets:
                _put_chunks(session, step.chunks, incoming.read(step.chunks))
            else:
                _put_chunks(session, step.chunks, list(step.chunks.data) if data is None else data)
        elif body == "offer":
            wanted = bytes(session.wanted(_digests(step.offer.digests)))
            answers.append(bulk_pb2.Answer(wanted=wanted, reads_memory=incoming.borrows(step.offer)))
        elif body == "other":
            grpc_files.take(session, step.other, urls)
        else:
            raise Invalid("a step of a message has no body: put, add, delete or copy files", kind="bad-message")
    return answers


def _put_chunks(session: writing.Session, chunks: bulk_pb2.Chunks, data: Sequence[Bytes]) -> None:
    digests = _digests(chunks.digests)
    if not len(digests) == len(chunks.sizes) == len(data):
        raise Invalid("a table of chunks invalid: its digests, sizes and bytes do not fit together", kind="bad-message")
    if not chunks.append:
        session.delete(chunks.path, chunks.datum)
    session.put_chunks(chunks.path, list(map(Chunk, digests, chunks.sizes)), data, chunks.datum)


def _digests(joined: bytes) -> list[Digest]:
    if len(joined) % SIZE:
        raise Invalid(f"digests invalid: each has {SIZE} bytes", kind="bad-message")
    return [joined[at : at + SIZE] for at in range(0, len(joined), SIZE)]


def _put(session: writing.Session, puts: bulk_pb2.Puts, data: Bytes) -> None:
    datum, append = puts.datum, puts.append
    if len(puts.paths) != len(puts.sizes) or sum(puts.sizes) != len(data):
        raise Invalid("a table of puts invalid: its paths, sizes and bytes do not fit together", kind="bad-message")
    rows = zip(puts.paths, _split(data, puts.sizes), strict=True)
    if not append:  # only what the last row puts can be continued by the next table
        session.replace(islice(rows, max(0, len(puts.paths) - 1)), datum)
    for path, piece in rows:
        if not append:
            session.delete(path, datum)
        session.put(path, piece, datum)


def _split(data: Bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield bytes(data[at : at + size])  # a part of a message would keep all of it
        at += size


def _contents(block: reading.Block) -> bytes:
    paths, sizes = [info.file.path for info in block.infos], [info.size for info in block.infos]
    if block.commit is None:
        return bulk.contents(paths, sizes, block.data)
    places, commit = map(_place, block.places), wire.commit_to_wire(block.commit)
    return bulk_pb2.Contents(paths=paths, sizes=sizes, places=places, commit=commit).SerializeToString()


def _place(at: locating.Located) -> bulk_pb2.Place:
    return bulk_pb2.Place(path=str(at.path), offset=at.offset, size=at.size, digest=at.digest)


def _is_here(context: Context) -> bool:
    """Whether who asks is on this machine, as far as can be told."""
    return context.peer().startswith(_HERE)
