"""Transactions to messages and back. Of requests only their kinds are read."""

from __future__ import annotations

from howdah.infos import TransactionInfo
from howdah.wire.gen import transaction_pb2
from howdah.wire.pfs import time_from_wire, time_to_wire


def transaction_info_from_wire(message: transaction_pb2.TransactionInfo) -> TransactionInfo:
    """The transaction info."""
    kinds = tuple(field.name for request in message.requests for field, _ in request.ListFields())
    started = time_from_wire(message.started) if message.HasField("started") else None
    return TransactionInfo(message.transaction.id, started, kinds)


def transaction_info_to_wire(info: TransactionInfo) -> transaction_pb2.TransactionInfo:
    """The transaction info's message, its requests empty but for their kinds."""
    message = transaction_pb2.TransactionInfo(
        transaction=transaction_pb2.Transaction(id=info.id), started=time_to_wire(info.started)
    )
    for kind in info.requests:
        getattr(message.requests.add(), kind).SetInParent()
    return message
