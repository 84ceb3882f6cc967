"""howdah.upkeep.API, and pfs_v2.API's Fsck: what an operator asks of the store itself."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from howdah import holds
from howdah.pfs import check, upkeep
from howdah.server.bridge import Bridge
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.store.store import Store
from howdah.wire.gen import pfs_pb2, upkeep_pb2

_FOLDER = "tmp"
_KEPT = 24 * 3600  # seconds for which a copy waits for who asked for it


class UpkeepCalls:
    """Works on one data folder, and clears away what askers that died have left there."""

    def __init__(self, data: Path, store: Store, bridge: Bridge, tidy: Callable[[], Awaitable[None]]) -> None:
        self._data = data
        self._tidy = tidy
        self._store = store
        self._bridge = bridge
        self._clear()

    async def CopyRows(self, _: Empty, __: Context) -> upkeep_pb2.CopyRowsResponse:
        path = Path(_FOLDER, f"rows-{uuid.uuid4().hex}.db")

        def copy() -> None:
            (self._data / _FOLDER).mkdir(mode=0o700, exist_ok=True)
            self._clear(before=time.time() - _KEPT)
            try:
                self._store.database.copy(self._data / path)
            except BaseException:  # half a copy would keep what room there is
                self._clear(path.name)
                raise

        await self._bridge.run(copy)
        return upkeep_pb2.CopyRowsResponse(path=path.as_posix())

    async def CollectGarbage(self, _: Empty, __: Context) -> upkeep_pb2.CollectGarbageResponse:
        # Patiently: it keeps no verb waiting for a thread, and may be cut off anywhere when the server stops.
        done = await self._bridge.run_patiently(upkeep.collect, self._store, unread=lambda: holds.unread(self._data))
        await self._tidy()
        return upkeep_pb2.CollectGarbageResponse(
            blobs=done.blobs,
            packs_before=done.packs_before,
            packs_after=done.packs_after,
            freed_bytes=done.freed,
            is_held=done.is_held,
        )

    def _clear(self, name: str = "rows-*.db", *, before: float = math.inf) -> None:
        """Remove copies, with what the database keeps beside them, that were written before this time."""
        for left in (self._data / _FOLDER).glob(name + "*"):
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < before:
                    left.unlink()


class CheckCalls(Calls):
    """Answers for the whole store's health."""

    async def Fsck(self, request: pfs_pb2.FsckRequest, _: Context) -> AsyncIterator[pfs_pb2.FsckResponse]:
        for finding in await self._bridge.run_patiently(check.fsck, self._store, fix=request.fix):
            told = finding.text
            yield pfs_pb2.FsckResponse(fix=told) if finding.is_fixed else pfs_pb2.FsckResponse(error=told)
