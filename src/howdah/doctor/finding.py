"""What a check finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """How a check ended; a failure keeps Howdah from working, a warning from working well."""

    GOOD = "good"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and what to do where it is not good."""

    check: str
    state: State
    told: str
    remedy: str = ""


def good(check: str, told: str) -> Finding:
    """Nothing to do."""
    return Finding(check, State.GOOD, told)


def warning(check: str, told: str, remedy: str) -> Finding:
    """Works, but not everything or not well."""
    return Finding(check, State.WARNING, told, remedy)


def failure(check: str, told: str, remedy: str) -> Finding:
    """Does not work until the remedy is applied."""
    return Finding(check, State.FAILURE, told, remedy)
