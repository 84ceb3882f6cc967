"""transaction_v2.API: transactions; what they do is in `transacting`."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from howdah.names import new_commit_id
from howdah.pfs import transactions
from howdah.pfs.steps import Step
from howdah.pfs.transactions import Transaction
from howdah.server import queueable
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.transacting import carry_out_all, requests_of
from howdah.wire import pfs as wire
from howdah.wire.gen import transaction_pb2


def _info(transaction: Transaction) -> transaction_pb2.TransactionInfo:
    responses = map(transaction_pb2.TransactionResponse.FromString, transaction.responses)
    return transaction_pb2.TransactionInfo(
        transaction=transaction_pb2.Transaction(id=transaction.id),
        requests=requests_of(transaction),
        responses=responses,
        started=wire.time_to_wire(transaction.started),
    )


def _finished(
    id: str,
    requests: Iterable[transaction_pb2.TransactionRequest],
    answers: Iterable[Message],
    started: Timestamp | None,
) -> transaction_pb2.TransactionInfo:
    return transaction_pb2.TransactionInfo(
        transaction=transaction_pb2.Transaction(id=id),
        requests=requests,
        responses=map(queueable.response, answers),
        started=started,
    )


class TransactionCalls(Calls):
    """Answers for transactions. One that is started while another is named is a transaction of its own."""

    async def StartTransaction(
        self, _: transaction_pb2.StartTransactionRequest, __: Context
    ) -> transaction_pb2.Transaction:
        id = await self._step(lambda made: transactions.start(made.tx, now=made.now))
        return transaction_pb2.Transaction(id=id)

    async def InspectTransaction(
        self, request: transaction_pb2.InspectTransactionRequest, _: Context
    ) -> transaction_pb2.TransactionInfo:
        return await self._look(lambda tx: _info(transactions.inspect(tx, request.transaction.id)))

    async def ListTransaction(
        self, _: transaction_pb2.ListTransactionRequest, __: Context
    ) -> transaction_pb2.TransactionInfos:
        infos = await self._look(lambda tx: [_info(each) for each in transactions.list(tx)])
        return transaction_pb2.TransactionInfos(transaction_info=infos)

    async def DeleteTransaction(self, request: transaction_pb2.DeleteTransactionRequest, _: Context) -> Empty:
        await self._step(lambda made: transactions.delete(made.tx, request.transaction.id))
        return Empty()

    async def DeleteAll(self, _: transaction_pb2.DeleteAllRequest, __: Context) -> Empty:
        await self._step(lambda made: transactions.delete_all(made.tx))
        return Empty()

    async def FinishTransaction(
        self, request: transaction_pb2.FinishTransactionRequest, _: Context
    ) -> transaction_pb2.TransactionInfo:
        id = request.transaction.id

        def verb(made: Step) -> transaction_pb2.TransactionInfo:
            transaction = transactions.inspect(made.tx, id)
            answers = carry_out_all(self._store, made, requests_of(transaction))
            transactions.delete(made.tx, id)
            return _finished(id, requests_of(transaction), answers, wire.time_to_wire(transaction.started))

        await self._look(lambda tx: transactions.inspect(tx, id))  # its id is checked before it names commits
        return await self._step(verb, id=id)

    async def BatchTransaction(
        self, request: transaction_pb2.BatchTransactionRequest, _: Context
    ) -> transaction_pb2.TransactionInfo:
        id = new_commit_id()
        started = Timestamp()
        started.GetCurrentTime()
        answers = await self._step(lambda made: carry_out_all(self._store, made, request.requests), id=id)
        return _finished(id, request.requests, answers, started)
