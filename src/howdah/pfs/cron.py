"""Schedules as Pachyderm writes them: five fields of cron in UTC, `@daily` and its like, `@every 90s`, `@never`."""

from __future__ import annotations

import re
from datetime import timedelta

from croniter import CroniterBadDateError, croniter

from howdah.errors import Code, Invalid
from howdah.pfs import clock

_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NEVER = "@never"
_NUMBERS = r"[0-9*/,?-]+"
_MONTHS = r"(?:[0-9*/,?-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+"
_DAYS = r"(?:[0-9*/,?-]|sun|mon|tue|wed|thu|fri|sat)+"
# The library knows more than cron does (random and hashed fields, seconds): only cron is let through.
_FIELDS = re.compile(rf"{_NUMBERS} {_NUMBERS} {_NUMBERS} {_MONTHS} {_DAYS}", re.IGNORECASE)
_EVERY = re.compile(r"@every (?P<length>(?:[0-9]+(?:\.[0-9]+)?(?:h|m|s|ms))+)")
_PART = re.compile(r"([0-9.]+)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LONGEST = 366 * 24 * 3600


def next_instant(spec: str, after: int) -> int | None:
    """The schedule's first instant after that time (both as rows have times); None if there is none ever.

    A schedule that cannot be read is `Invalid`.
    """
    text = " ".join(spec.split())
    if text == _NEVER:
        return None
    if text.startswith("@every"):
        return after // 1_000_000 * 1_000_000 + _interval(spec, text)
    fields = _SHORT.get(text, text)
    if _FIELDS.fullmatch(fields) is None:
        raise _unreadable(spec)
    try:
        found = croniter(fields.replace("?", "*"), clock.moment(after)).get_next(type(clock.moment(after)))
    except CroniterBadDateError:  # like the 30th of February
        return None
    except (ValueError, KeyError, OverflowError) as error:
        raise _unreadable(spec) from error
    return clock.microseconds(found)


def _interval(spec: str, text: str) -> int:
    match = _EVERY.fullmatch(text)
    if match is None:
        raise _unreadable(spec)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(match["length"]))
    if seconds > _LONGEST:
        raise _unreadable(spec)
    return timedelta(seconds=max(1, int(seconds))) // timedelta(microseconds=1)


def _unreadable(spec: str) -> Invalid:
    return Invalid(
        f'schedule ({spec}) invalid: five fields of cron like "0 6 * * mon", or @hourly, @daily, @weekly, @monthly,'
        " @yearly, @every 90s, @never",
        kind="bad-schedule",
        code=Code.UNKNOWN,
    )
