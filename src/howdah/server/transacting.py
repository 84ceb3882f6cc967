"""How a call becomes part of a transaction.

A client that has started a transaction names it in the metadata of its calls. Those that can wait are carried out
for trial after all that wait already, answered as if that had happened, and appended; all others see what is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message

from howdah.errors import HowdahError
from howdah.pfs import transactions, writing
from howdah.pfs.steps import Step
from howdah.pfs.transactions import Transaction
from howdah.server import queueable
from howdah.server.methods import Context
from howdah.store.store import Store
from howdah.wire.gen import transaction_pb2

_HEADER = "pach-transaction"
_Request = transaction_pb2.TransactionRequest


class _Trial(Exception):  # noqa: N818 -- no error: it undoes what was done for trial
    """Carries the answer out of a step that is to leave no trace."""

    def __init__(self, answer: Message) -> None:
        super().__init__()
        self.answer = answer


def named_in(context: Context) -> str:
    """The transaction that the call names; empty if none, as clients send after their transaction has ended."""
    for key, value in context.invocation_metadata() or ():
        if key == _HEADER and value:
            return value.decode() if isinstance(value, bytes) else str(value)
    return ""


def queue(store: Store, id: str, request: Message) -> Message:
    """Try the request after those that wait with the transaction, and let it wait too; the answer of the trial."""
    with store.database.read() as tx:
        waiting = requests_of(transactions.inspect(tx, id))
    wrapped = queueable.wrap(request)
    answer = _try(store, id, [*waiting, wrapped])
    with store.database.write() as tx:
        kept = queueable.response(answer)
        transactions.append(tx, id, wrapped.SerializeToString(), kept.SerializeToString())
    return answer


def requests_of(transaction: Transaction) -> list[_Request]:
    """The requests that wait with it."""
    return [_Request.FromString(request) for request in transaction.requests]


def _try(store: Store, id: str, requests: Sequence[_Request]) -> Message:
    def verb(made: Step) -> None:
        raise _Trial(carry_out_all(store, made, requests)[-1])

    try:
        writing.step(store, verb, id=id)
    except _Trial as trial:
        return trial.answer
    raise AssertionError  # a trial always ends as one


def carry_out_all(store: Store, made: Step, requests: Sequence[_Request]) -> list[Message]:
    """The answers to all of these, in order; an error tells which of them it is about."""
    answers = []
    for place, request in enumerate(requests, 1):
        try:
            answers.append(queueable.carry_out(store, made, request))
        except HowdahError as error:
            text = f"error running request {place} of {len(requests)}: {error.message}"
            raise type(error)(text, kind=error.kind, code=error.code) from error
    return answers
