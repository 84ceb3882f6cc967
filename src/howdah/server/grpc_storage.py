"""storage.Fileset: filesets by themselves, and references to where their bytes can be fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from hashlib import blake2b

from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.errors import Invalid, NotFound, Unsupported
from howdah.names import Commit, File, Project, Repo
from howdah.pfs import filesets
from howdah.pfs.rows import FILESETS
from howdah.server import expressions
from howdah.server.bridge import Bridge, Changes
from howdah.server.calls import Calls
from howdah.server.chunks import ChunkServer
from howdah.server.methods import Context
from howdah.server.requests import gathered
from howdah.store.node import Chunk
from howdah.store.store import Store
from howdah.wire.gen import cdr_pb2, storage_pb2

_ALL = "/"


class StorageCalls(Calls):
    """Answers for filesets; see `filesets`. Without a server of chunks there are no references to them."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, chunks: ChunkServer | None) -> None:
        super().__init__(store, bridge, changes)
        self._chunks = chunks

    async def CreateFileset(
        self, requests: AsyncIterator[storage_pb2.CreateFilesetRequest], context: Context
    ) -> storage_pb2.CreateFilesetResponse:
        session = await self._bridge.run(filesets.Session, self._store)
        async for some, _is_last in gathered(requests, lambda request: len(request.append_file.data.value)):
            await self._bridge.run(_take, session, some)
        await context.send_initial_metadata(())  # as in ModifyFile: only to a client that is still there
        return storage_pb2.CreateFilesetResponse(fileset_id=await self._bridge.run(session.close))

    async def ReadFileset(
        self, request: storage_pb2.ReadFilesetRequest, _: Context
    ) -> AsyncIterator[storage_pb2.ReadFilesetResponse]:
        wanted = _wanted(request.filters)
        pieces = lambda: filesets.read(  # noqa: E731 -- made in a thread
            self._store, request.fileset_id, is_wanted=wanted, has_content=not request.empty_files
        )
        async for batch in self._bridge.batches(pieces, 1):
            for path, data in batch:
                yield storage_pb2.ReadFilesetResponse(path=path, data=BytesValue(value=data))

    async def ReadFilesetCDR(
        self, request: storage_pb2.ReadFilesetRequest, _: Context
    ) -> AsyncIterator[storage_pb2.ReadFilesetCDRResponse]:
        if self._chunks is None:
            raise Unsupported("references to stored bytes are not offered: start the store with --chunks-port")
        refer = partial(_reference, self._store, self._chunks)
        wanted = _wanted(request.filters)
        found = lambda: map(refer, filesets.contents(self._store, request.fileset_id, is_wanted=wanted))  # noqa: E731
        async for batch in self._bridge.batches(found, 1):
            for message in batch:
                yield message

    async def RenewFileset(self, request: storage_pb2.RenewFilesetRequest, _: Context) -> Empty:
        await self._step(
            lambda made: filesets.renew(made.tx, request.fileset_id, now=made.now, seconds=request.ttl_seconds)
        )
        return Empty()

    async def ComposeFileset(
        self, request: storage_pb2.ComposeFilesetRequest, _: Context
    ) -> storage_pb2.ComposeFilesetResponse:
        id = await self._bridge.run(
            filesets.compose, self._store, list(request.fileset_ids), seconds=request.ttl_seconds
        )
        return storage_pb2.ComposeFilesetResponse(fileset_id=id)

    async def ShardFileset(
        self, request: storage_pb2.ShardFilesetRequest, _: Context
    ) -> storage_pb2.ShardFilesetResponse:
        def shards() -> list[tuple[str, str]]:
            return [*filesets.shard(self._store, request.fileset_id, number=request.num_files, size=request.size_bytes)]

        found = await self._bridge.run(shards)
        return storage_pb2.ShardFilesetResponse(
            shards=[storage_pb2.PathRange(lower=lower, upper=upper) for lower, upper in found]
        )


def _take(session: filesets.Session, requests: Iterable[storage_pb2.CreateFilesetRequest]) -> None:
    for request in requests:
        kind = request.WhichOneof("modification")
        if kind == "append_file":
            session.put(request.append_file.path, request.append_file.data.value)
        elif kind == "delete_file":
            session.delete(request.delete_file.path)
        elif kind == "copy_file":
            _copy(session, request.copy_file)
        else:
            raise Invalid("a message of the stream says nothing to do: append, delete or copy", kind="bad-message")


def _copy(session: filesets.Session, copy: storage_pb2.CopyFile) -> None:
    source = File(Commit(Repo(Project(), FILESETS), copy.fileset_id), copy.src)
    try:
        session.copy(source, copy.dst or copy.src, append=True)
    except NotFound as error:
        if error.kind != "file-not-found":  # a path that is not there is copied by doing nothing
            raise


def _reference(store: Store, chunks: ChunkServer, file: tuple[str, list[Chunk]]) -> storage_pb2.ReadFilesetCDRResponse:
    """The file's message: what is fetched, and by which hash a client knows that it is right."""
    path, pieces = file
    refs = [
        cdr_pb2.Ref(
            content_hash=cdr_pb2.ContentHash(
                inner=cdr_pb2.Ref(http=cdr_pb2.Http(url=chunks.url(piece.digest))),
                algo=cdr_pb2.BLAKE2b_256,
                hash=blake2b(store.blobs.read(piece.digest), digest_size=32).digest(),
            )
        )
        for piece in pieces
    ]
    return storage_pb2.ReadFilesetCDRResponse(path=path, ref=cdr_pb2.Ref(concat=cdr_pb2.Concat(refs=refs)))


def _wanted(filters: Iterable[storage_pb2.FileFilter]) -> Callable[[str], bool]:
    """Whether a path makes it through all filters; `/` alone stands for every path."""
    tests: list[Callable[[str], bool]] = []
    for each in filters:
        if each.WhichOneof("filter") == "path_range":
            tests.append(_in_range(each.path_range.lower, each.path_range.upper))
        elif each.path_regex and each.path_regex != _ALL:
            tests.append(expressions.matching(each.path_regex))
    return lambda path: all(test(path) for test in tests)


def _in_range(lower: str, upper: str) -> Callable[[str], bool]:
    return lambda path: path >= lower and (not upper or path < upper)
