"""Times in rows are microseconds since 1970 in UTC; in infos, aware datetimes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import overload

_START = datetime(1970, 1, 1, tzinfo=timezone.utc)


@overload
def moment(microseconds: int) -> datetime: ...
@overload
def moment(microseconds: None) -> None: ...
def moment(microseconds: int | None) -> datetime | None:
    """The datetime of a row's time; None stays None."""
    return None if microseconds is None else _START + timedelta(microseconds=microseconds)


def microseconds(moment: datetime) -> int:
    """The row's time of a datetime."""
    return (moment - _START) // timedelta(microseconds=1)
