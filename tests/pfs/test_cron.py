"""Schedules: the next instant after a time, in UTC."""

from datetime import datetime, timezone

import pytest

from howdah.errors import Invalid
from howdah.pfs import clock
from howdah.pfs.cron import next_instant

MONDAY = datetime(2026, 11, 16, 9, 30, 15, 500, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("spec", "instant"),
    [
        ("* * * * *", (16, 9, 31, 0)),
        ("*/20 9-17 ? * mon-fri", (16, 9, 40, 0)),
        ("0 6 * * MON", (23, 6, 0, 0)),
        ("30 9 16 * *", (16 + 30, 9, 30, 0)),  # a month later
        ("@hourly", (16, 10, 0, 0)),
        ("@daily", (17, 0, 0, 0)),
        ("@weekly", (22, 0, 0, 0)),
        ("@every 10s", (16, 9, 30, 25)),
        ("@every 1h1m", (16, 10, 31, 15)),
        ("@every 1ms", (16, 9, 30, 16)),
    ],
)
def test_next_instant_is_strictly_later(spec: str, instant: tuple[int, int, int, int]) -> None:
    found = next_instant(spec, clock.microseconds(MONDAY))
    day, hour, minute, second = instant
    month, day = (12, day - 30) if day > 30 else (11, day)
    assert found is not None
    assert clock.moment(found) == datetime(2026, month, day, hour, minute, second, tzinfo=timezone.utc)


@pytest.mark.parametrize("spec", ["@never", "0 0 30 2 *"])
def test_some_schedules_never_come(spec: str) -> None:
    assert next_instant(spec, clock.microseconds(MONDAY)) is None


@pytest.mark.parametrize(
    "spec",
    ["", "noon", "* * * *", "* * * * * *", "61 * * * *", "R * * * *", "H * * * *", "@every", "@every 5", "@soon"],
)
def test_what_cron_does_not_know_is_invalid(spec: str) -> None:
    with pytest.raises(Invalid, match=r"schedule \(.*\) invalid"):
        next_instant(spec, 0)
