"""The door to the rows: short transactions over plain SQL, and a call when something was committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

Value = int | str | bytes | None
Row = tuple[Any, ...]


class Tx(Protocol):
    """A transaction: sees one state of all rows from its first statement to its end."""

    def one(self, sql: str, *values: Value) -> Row | None:
        """The first row of the answer, or None."""

    def all(self, sql: str, *values: Value) -> list[Row]:
        """Every row of the answer, in the order that the statement asks for."""

    def run(self, sql: str, *values: Value) -> int:
        """Change rows; returns how many were changed."""

    def insert(self, sql: str, *values: Value) -> int:
        """Insert one row into a table that numbers its rows; returns the row's number."""

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> int:
        """Change rows by one statement for each row of values; returns how many were changed."""


class Database(Protocol):
    """Where rows live. Transactions belong to the thread that opened them."""

    def read(self) -> AbstractContextManager[Tx]:
        """A transaction that only reads. Never waits for a writer."""

    def write(self) -> AbstractContextManager[Tx]:
        """The only writing transaction of this moment; others wait.

        When the block ends without an error the change is durable, else nothing of it happened. Keep it short:
        no bytes move and no network is spoken to inside it.
        """

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each commit of a writing transaction; returns the function that ends this.

        `wake` is called in the writer's thread, after the commit, and must return at once.
        """

    def copy(self, target: Path) -> None:
        """Write what one transaction sees into a file that can be opened as a database of the same kind."""

    def check(self) -> str:
        """What is wrong with how the rows are kept, in the database's words; empty if nothing is. Takes its time."""

    def close(self) -> None:
        """Let go of the database; open transactions must have ended."""
