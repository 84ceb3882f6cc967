"""Verbs on transactions: requests that are carried out together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from howdah.client.channel import Connection
from howdah.errors import HowdahError
from howdah.infos import TransactionInfo
from howdah.wire.gen import transaction_pb2
from howdah.wire.transactions import transaction_info_from_wire


def start(conn: Connection) -> str:
    """Start a transaction; its id. A connection that is made with it adds its requests to it."""
    return conn.call(conn.transaction.StartTransaction, transaction_pb2.StartTransactionRequest()).id


def finish(conn: Connection, id: str) -> TransactionInfo:
    """Carry out all its requests, or none if one of them fails; raises `NotFound`."""
    request = transaction_pb2.FinishTransactionRequest(transaction=transaction_pb2.Transaction(id=id))
    return transaction_info_from_wire(conn.call(conn.transaction.FinishTransaction, request, patient=True))


def inspect(conn: Connection, id: str) -> TransactionInfo:
    """The transaction; raises `NotFound`."""
    request = transaction_pb2.InspectTransactionRequest(transaction=transaction_pb2.Transaction(id=id))
    return transaction_info_from_wire(conn.call(conn.transaction.InspectTransaction, request))


def list(conn: Connection) -> Iterator[TransactionInfo]:
    """The transactions that wait."""
    infos = conn.call(conn.transaction.ListTransaction, transaction_pb2.ListTransactionRequest())
    yield from map(transaction_info_from_wire, infos.transaction_info)


def delete(conn: Connection, id: str) -> None:
    """Forget the transaction and its requests; raises `NotFound`."""
    request = transaction_pb2.DeleteTransactionRequest(transaction=transaction_pb2.Transaction(id=id))
    conn.call(conn.transaction.DeleteTransaction, request)


@contextmanager
def together(conn: Connection) -> Iterator[Connection]:
    """A connection whose requests are carried out when the block ends, or none of them if one fails or it raises."""
    id = start(conn)
    try:
        yield conn.within(id)
        finish(conn, id)
    except BaseException:
        with suppress(HowdahError):  # it may be what is not there any more
            delete(conn, id)
        raise
