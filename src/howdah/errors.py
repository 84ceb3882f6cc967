"""Errors by what the caller would do about them.

Each category fixes how a failure looks everywhere: a gRPC status code, an HTTP status and an exit code of the
command line. `kind` is a stable, append-only word for programs that need more precision than the category; the
message is for people and names the noun and, where there is one, the remedy. Some messages are part of
Pachyderm's wire contract because its clients match on their text; tests pin those.
"""

from __future__ import annotations

import enum
import errno
import os


class Code(enum.IntEnum):
    """gRPC status codes that the categories use, by their number on the wire."""

    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class HowdahError(Exception):
    """Root of every error that Howdah raises on purpose.

    `code` overrides the category's gRPC code where Pachyderm answers another one for the same situation.
    """

    code: Code = Code.UNKNOWN
    http: int = 500
    exit_code: int = 1
    kind: str = "error"

    def __init__(self, message: str, *, kind: str | None = None, code: Code | None = None) -> None:
        super().__init__(message)
        self.message = message
        if kind is not None:
            self.kind = kind
        if code is not None:
            self.code = code


class Invalid(HowdahError, ValueError):
    """The request itself is wrong and would be wrong at any time: mend the request."""

    code = Code.INVALID_ARGUMENT
    http = 400
    exit_code = 2
    kind = "invalid"


class NotFound(HowdahError, LookupError):
    """A named thing does not exist: check the name or create it."""

    code = Code.NOT_FOUND
    http = 404
    exit_code = 3
    kind = "not-found"


class AlreadyExists(HowdahError):
    """A thing of that name exists: choose another name or use the one that is there."""

    code = Code.ALREADY_EXISTS
    http = 409
    exit_code = 4
    kind = "already-exists"


class WrongState(HowdahError):
    """The thing exists but is not in a state that allows this: wait, or change its state first.

    Pachyderm answers most of these with UNKNOWN and a text, so that is the default code.
    """

    code = Code.UNKNOWN
    http = 409
    exit_code = 5
    kind = "wrong-state"


class Denied(HowdahError, PermissionError):
    """The caller may not do this: sign in, or ask for the right."""

    code = Code.PERMISSION_DENIED
    http = 403
    exit_code = 6
    kind = "denied"


class Unavailable(HowdahError, ConnectionError):
    """Something that is needed cannot be reached just now: try again later."""

    code = Code.UNAVAILABLE
    http = 503
    exit_code = 7
    kind = "unavailable"


class Unsupported(HowdahError):
    """The server does not offer that: use another way, or another server."""

    code = Code.UNIMPLEMENTED
    http = 501
    exit_code = 8
    kind = "unsupported"


class Corrupt(HowdahError):
    """Stored bytes are not what was written: restore from a backup."""

    code = Code.DATA_LOSS
    http = 500
    exit_code = 9
    kind = "corrupt"


CATEGORIES: tuple[type[HowdahError], ...] = (
    Invalid,
    NotFound,
    AlreadyExists,
    WrongState,
    Denied,
    Unavailable,
    Unsupported,
    Corrupt,
)


def unusable(what: str, error: Exception) -> Unavailable:
    """The error for a folder or a file of ours that the system does not let us use, with the remedy for its reason.

    A database tells no reason when it cannot open a file; then it is found out whether any file can be opened.
    """
    number = getattr(error, "errno", None)
    if number is None:
        number = _why_no_file_opens()
    reason = os.strerror(number) if number is not None else error
    if number in (errno.EMFILE, errno.ENFILE):
        return Unavailable(
            f"{what} cannot be used ({reason}): raise the limit of open files (`ulimit -n`) for the store's process, or"
            " do less at once",
            kind="open-files",
        )
    return Unavailable(f"{what} cannot be used ({reason}): check the disk's free space and rights", kind="disk")


def _why_no_file_opens() -> int | None:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno
    return None
