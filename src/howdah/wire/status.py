"""Errors to gRPC statuses and back.

A status carries the error's text, always non-empty because Pachyderm's client searches it unasked, and two trailing
metadata entries of ours: `howdah-kind`, the error's kind, and `howdah-category`, the kind its category stands for.
Reading a status back gives the category that was sent. Against a server that sends no such entries (Pachyderm
itself) the code decides, and where the code is UNKNOWN, the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

import grpc

from howdah.errors import (
    CATEGORIES,
    AlreadyExists,
    Code,
    Corrupt,
    Denied,
    HowdahError,
    Invalid,
    NotFound,
    Unavailable,
    Unsupported,
    WrongState,
)

KIND_KEY = "howdah-kind"
CATEGORY_KEY = "howdah-category"

# Peers refuse replies whose headers pass 8 KiB; the details go percent-encoded in one of them.
_DETAILS_LIMIT = 6000

_BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
_CODES: dict[int, Code] = {code.value: code for code in Code}
_BY_KIND: dict[str, type[HowdahError]] = {category.kind: category for category in CATEGORIES}
_BY_CODE: dict[grpc.StatusCode, type[HowdahError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.OUT_OF_RANGE: Invalid,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: WrongState,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
    grpc.StatusCode.ABORTED: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.UNIMPLEMENTED: Unsupported,
    grpc.StatusCode.DATA_LOSS: Corrupt,
    grpc.StatusCode.INTERNAL: HowdahError,
}
_BY_TEXT: tuple[tuple[re.Pattern[str], type[HowdahError]], ...] = (
    (re.compile(r"already exists"), AlreadyExists),
    (re.compile(r"not found|does not exist|no such"), NotFound),
    (re.compile(r"\binvalid\b|not allowed in path|must be specified"), Invalid),
)


class Status(NamedTuple):
    """What a failed call answers with."""

    code: grpc.StatusCode
    details: str
    metadata: tuple[tuple[str, str], ...]


def to_status(error: HowdahError) -> Status:
    """The status of `error`; its details are never empty, and shortened where a header could not hold them."""
    category = next((c for c in CATEGORIES if isinstance(error, c)), HowdahError)
    return Status(
        _BY_NUMBER[error.code],
        _fit(error.message or error.kind),
        ((KIND_KEY, error.kind), (CATEGORY_KEY, category.kind)),
    )


def from_rpc(error: grpc.RpcError, address: str) -> HowdahError:
    """The error that a failed call to the server at `address` means, ready to raise."""
    if not isinstance(error, grpc.Call):
        return Unavailable(f"call to {address} failed: {error!r}", kind="call-failed")
    code, details = error.code(), error.details() or ""
    ours = _entries(error.trailing_metadata() or ())
    if CATEGORY_KEY in ours:
        category = _BY_KIND.get(ours[CATEGORY_KEY], HowdahError)
        return category(details, kind=ours.get(KIND_KEY), code=_code(code))
    if code is grpc.StatusCode.UNKNOWN:
        return _by_text(details)(details or "unknown error", code=Code.UNKNOWN)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return Unavailable(unreachable(address, details))
    if code is grpc.StatusCode.CANCELLED:
        return Unavailable(f"call to {address} was cancelled", kind="cancelled")
    return _BY_CODE.get(code, HowdahError)(details or code.name.lower(), code=_code(code))


def unreachable(address: str, details: str) -> str:
    """The text for a server that does not answer: its address, what was seen, what to do."""
    # gRPC's details go from "failed to connect to all addresses" to the reason at their end.
    return (
        f"store at {address} does not answer ({details.rpartition(': ')[2] or 'no details'}): "
        "check the address, or start the store with `howdah serve`"
    )


def _by_text(details: str) -> type[HowdahError]:
    return next((category for pattern, category in _BY_TEXT if pattern.search(details)), WrongState)


def _entries(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    return {key: value for key, value in metadata if isinstance(value, str)}


def _code(code: grpc.StatusCode) -> Code | None:
    return _CODES.get(code.value[0])


def _fit(text: str) -> str:
    text = text.encode(errors="replace").decode()  # half characters cannot be sent
    if len(quote(text)) <= _DETAILS_LIMIT:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(quote(text[:middle])) <= _DETAILS_LIMIT else (low, middle - 1)
    return text[:low] + "…"
