"""What the groups of calls share: a look at the rows, a step that changes them, a stream of answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar, cast

from google.protobuf.message import Message

from howdah.db.database import Tx
from howdah.pfs import writing
from howdah.pfs.steps import Step
from howdah.server import transacting
from howdah.server.bridge import Bridge, Changes
from howdah.server.methods import Context
from howdah.store.store import Store

_Result = TypeVar("_Result")
_Request = TypeVar("_Request", bound=Message)
_Answer = TypeVar("_Answer", bound=Message)


class Calls:
    """A group of calls on one store. Each look and each step is one transaction, in a thread of its own."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes) -> None:
        self._store = store
        self._bridge = bridge
        self._changes = changes

    async def _look(self, verb: Callable[[Tx], _Result]) -> _Result:
        def look() -> _Result:
            with self._store.database.read() as tx:
                return verb(tx)

        return await self._bridge.run(look)

    async def _all(self, verb: Callable[[Tx], Iterable[_Result]]) -> AsyncIterator[_Result]:
        """The results of a look, which is over before the first is handed on."""
        for result in await self._look(lambda tx: [*verb(tx)]):
            yield result

    async def _step(self, verb: Callable[[Step], _Result], *, id: str = "") -> _Result:
        return await self._bridge.run(writing.step, self._store, verb, id=id)

    async def _queueable(
        self, verb: Callable[[Store, Step, _Request], _Answer], request: _Request, context: Context
    ) -> _Answer:
        """The answer of a verb that a transaction may hold: at once, or for trial if the call names a transaction."""
        id = transacting.named_in(context)
        if not id:
            return await self._step(lambda made: verb(self._store, made, request))
        answer = await self._bridge.run(transacting.queue, self._store, id, request)
        return cast("_Answer", answer)
