"""Everything that commands print: tables and records for people, one JSON document a line for machines.

Errors and progress go to standard error, never through here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from howdah.wire.document import Info

T = TypeVar("T", bound="Info")

Column = tuple[str, Callable[[T], str]]
"""A heading and what stands below it."""

# Rows whose widths are measured together; memory stays bounded however long the list is.
_PAGE = 500
_SHORT = 60
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_AGES = ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Output:
    """How to print: as JSON or for people, with times as ages at `now` or, where that is None, in full."""

    json: bool
    now: datetime | None

    def table(self, infos: Iterable[T], columns: Sequence[Column[T]]) -> None:
        """One line for each info, below headings; a page of lines appears as soon as it is there."""
        if self.json:
            for info in infos:
                print_info(info)
        else:
            print_table([heading for heading, _ in columns], ([text(i) for _, text in columns] for i in infos))

    def follow(self, infos: Iterable[T], columns: Sequence[Column[T]]) -> None:
        """As `table`, but each line appears at once: for lists that grow while one looks on."""
        if self.json:
            self.table(infos, columns)
            return
        for info in infos:
            click.echo("  ".join(plain(text(info)) for _, text in columns))

    def record(self, info: T, columns: Sequence[Column[T]]) -> None:
        """One info as a block of lines, a heading and a value each, its further lines indented; empty ones left out."""
        if self.json:
            print_info(info)
            return
        pairs = [(heading.capitalize(), text(info)) for heading, text in columns]
        for heading, text in pairs:
            if text:
                first, *more = text.splitlines() or [""]
                click.echo(f"{heading}: {plain(first)}")
                for line in more:
                    click.echo(f"  {plain(line)}".rstrip())

    def time(self, time: datetime | None) -> str:
        """A time as an age or in full; `-` for None."""
        if time is None:
            return "-"
        return time.isoformat().replace("+00:00", "Z") if self.now is None else age(time, self.now)


def age(time: datetime, now: datetime) -> str:
    """How long ago `time` was, in its largest whole unit."""
    seconds = int((now - time).total_seconds())
    if seconds < 1:
        return "just now"
    length, unit = next((length, unit) for length, unit in _AGES if seconds >= length)
    count = seconds // length
    return f"{count} {unit}{'' if count == 1 else 's'} ago"


def first_line(text: str) -> str:
    """What a list shows of a text of several lines."""
    return text.partition("\n")[0]


def short(text: str) -> str:
    """What a list shows of a long text: its first line, as far as it is no longer than a line should be."""
    line = first_line(text)
    return line if len(line) <= _SHORT else f"{line[:_SHORT]}…"


def size(count: int | None) -> str:
    """A number of bytes in the largest unit in which it is at least one; `-` for None."""
    if count is None:
        return "-"
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def plain(text: str) -> str:
    """`text` with what could steer a terminal written as escapes: names come from anybody."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_info(info: Info) -> None:
    """The JSON document of an info on a line of its own."""
    from howdah.wire.document import to_document  # noqa: PLC0415 -- every message and its JSON form

    print_document(to_document(info))


def print_document(document: Any) -> None:
    """One JSON document on a line of its own."""
    click.echo(json.dumps(document, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns; the headings stand there even when there is no row."""
    remaining = iter(rows)
    page = [list(headings), *islice(remaining, _PAGE)]
    widths = [0] * len(headings)
    while page:
        cells = [[plain(cell) for cell in row] for row in page]
        widths = [max(width, *(len(row[i]) for row in cells)) for i, width in enumerate(widths)]
        for row in cells:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        page = list(islice(remaining, _PAGE))
