"""Transactions: requests that wait to be carried out together. What a request says is not known here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from howdah.db.database import Tx
from howdah.errors import NotFound
from howdah.names import new_commit_id
from howdah.pfs import clock


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that waits; its id becomes that of the commits that it makes."""

    id: str
    started: datetime
    requests: tuple[bytes, ...]
    responses: tuple[bytes, ...]


def start(tx: Tx, *, now: int) -> str:
    """A new transaction without requests; its id."""
    id = new_commit_id()
    tx.run("INSERT INTO transactions (id, started) VALUES (?, ?)", id, now)
    return id


def inspect(tx: Tx, id: str) -> Transaction:
    """The transaction; `NotFound` without it."""
    row = tx.one("SELECT started FROM transactions WHERE id = ?", id)
    if row is None:
        raise NotFound(
            f"transaction {id} not found: it was finished or deleted, or never started", kind="no-transaction"
        )
    rows = tx.all("SELECT request, response FROM transaction_requests WHERE id = ? ORDER BY place", id)
    return Transaction(id, clock.moment(row[0]), tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def list(tx: Tx) -> Iterator[Transaction]:
    """Every transaction, in the order of their starts."""
    for (id,) in tx.all("SELECT id FROM transactions ORDER BY started, id"):
        yield inspect(tx, id)


def append(tx: Tx, id: str, request: bytes, response: bytes) -> None:
    """Let a request wait with the transaction, and the answer that was given to it."""
    place = len(inspect(tx, id).requests)
    tx.run(
        "INSERT INTO transaction_requests (id, place, request, response) VALUES (?, ?, ?, ?)",
        *(id, place, request, response),
    )


def delete(tx: Tx, id: str) -> None:
    """Forget the transaction and its requests; `NotFound` without it."""
    inspect(tx, id)
    tx.run("DELETE FROM transactions WHERE id = ?", id)


def delete_all(tx: Tx) -> None:
    """Forget every transaction."""
    tx.run("DELETE FROM transactions")
