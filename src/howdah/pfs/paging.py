"""Long lists of rows, a page a transaction: whoever takes them slowly holds neither a transaction nor the whole list.

What changes between two pages is seen by the later one; nothing that stays is told twice or left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from howdah.db.database import Database, Tx
from howdah.errors import Invalid

PAGE = 200
LAST = (1 << 63) - 1  # behind every row

_Item = TypeVar("_Item")

Page = Callable[[Tx, "int | None", int], "tuple[Sequence[_Item], int | None]"]
"""Gives the page behind a row, or the first, of so many items at most; and the row that the next one is behind."""


def in_pages(database: Database, page: Page[_Item], number: int = 0) -> Iterator[_Item]:
    """The items of all pages, at most `number` of them when it is not 0."""
    if number < 0:
        raise Invalid(f"number ({number}) invalid: it must not be negative", kind="bad-number")
    after: int | None = None
    told = 0
    while not number or told < number:
        with database.read() as tx:
            items, after = page(tx, after, min(PAGE, number - told) if number else PAGE)
        yield from items
        told += len(items)
        if after is None:
            return
