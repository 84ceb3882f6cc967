"""Regular expressions that strangers send. None of them, however hostile, keeps the server busy for long."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from howdah.errors import Invalid

_LENGTH = 1024
_PATIENCE = 2.0  # seconds for all that is slow of one expression's searches
_SLOW = 0.01  # of a single search; most take microseconds, and there may be millions
# What Pachyderm's expressions have: groups with and without names, flags and counts, but no looking around or back and
# nothing recursive, which could take all memory.
_KNOWN = re.compile(
    r"(?:[^\\({]|\\[^1-9CGKLMNRXgkm]|\((?!\?)|\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|[-ims]*[:)])|\{[0-9]+,?[0-9]*\})*\Z",
    re.DOTALL,
)


def matching(text: str) -> Callable[[str], bool]:
    """Whether the expression is found in a path. `Invalid` if it cannot be read, or takes too long over the paths."""
    import regex  # noqa: PLC0415 -- few stores are ever asked for it

    if len(text) > _LENGTH:
        raise _invalid(text, f"it is longer than {_LENGTH} characters")
    if not _KNOWN.match(text):
        raise _invalid(text, "only what Go's regular expressions know is offered; escape { and ( that mean themselves")
    try:
        pattern = regex.compile(text)
    except (regex.error, ValueError, RecursionError, OverflowError) as error:
        raise _invalid(text, str(error)) from error
    left = _PATIENCE

    def is_found(path: str) -> bool:
        nonlocal left
        begun = time.monotonic()
        try:
            found = pattern.search(path, timeout=left, concurrent=True)
        except TimeoutError:
            left = 0.0
        took = time.monotonic() - begun
        left -= took if took > _SLOW else 0
        if left <= 0:
            raise _invalid(text, "it takes too long: use fewer repetitions within each other")
        return found is not None

    return is_found


def _invalid(text: str, why: str) -> Invalid:
    return Invalid(f"path_regex ({text[:80]}) invalid: {why}", kind="bad-pattern")
