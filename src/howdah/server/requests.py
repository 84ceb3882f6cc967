"""What requests must name, and what they may not ask for."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from howdah.errors import Invalid, Unsupported
from howdah.infos import CommitState, Origin

_Noun = TypeVar("_Noun")
_Message = TypeVar("_Message")

# So many bytes of a client's stream are gathered before the core takes them; a request without content counts too.
_GATHER = 1 << 20
_OVERHEAD = 100


async def gathered(
    requests: AsyncIterator[_Message], size: Callable[[_Message], int]
) -> AsyncIterator[tuple[list[_Message], bool]]:
    """A client's stream in lists of about a megabyte, `size` telling how many bytes of content a request brings.

    With each list comes whether it is the last one, which may be empty.
    """
    some: list[_Message] = []
    held = 0
    async for request in requests:
        some.append(request)
        held += _OVERHEAD + size(request)
        if held >= _GATHER:
            yield some, False
            some, held = [], 0
    yield some, True


def need(value: _Noun | None, noun: str) -> _Noun:
    """`value`, or `Invalid` saying which noun the request must name."""
    if value is None:
        raise Invalid(f"{noun} must be specified", kind="not-specified")
    return value


def origin(kind: int, *, all: bool) -> Origin | None:
    """The origin that commits are asked for by; None for any."""
    if all or not kind:
        return None
    if kind not in tuple(Origin):
        raise Invalid(f"origin kind ({kind}) invalid: it must be one of {_numbers(Origin)}", kind="bad-message")
    return Origin(kind)


def state(number: int) -> int:
    """The state that is waited for; 0 for any."""
    if number and number not in tuple(CommitState):
        raise Invalid(f"commit state ({number}) invalid: it must be one of {_numbers(CommitState)}", kind="bad-message")
    return number


def small(number: int, noun: str) -> int:
    """The number, which rows can hold."""
    if number >= 1 << 63:
        raise Invalid(f"{noun} ({number}) invalid: it is too large", kind="bad-message")
    return number


def refuse(what: str, *, when: bool) -> None:
    """Raise `Unsupported` if the request asks for what this server does not do."""
    if when:
        raise Unsupported(f"{what} is not offered by this server")


def _numbers(kinds: type[enum.IntEnum]) -> str:
    return ", ".join(f"{kind.value} ({kind.name})" for kind in kinds)
