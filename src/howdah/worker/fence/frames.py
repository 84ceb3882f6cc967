"""Messages over a stream: the length in four bytes, then JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]

_LENGTH = struct.Struct("!I")


def pack(message: Message) -> bytes:
    """The message's bytes."""
    data = json.dumps(message).encode("ascii")
    return _LENGTH.pack(len(data)) + data


class Reader:
    """Gathers bytes as they come, and gives the messages that are complete."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that these bytes complete."""
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if len(self._held) < _LENGTH.size + length:
                return
            text = bytes(self._held[_LENGTH.size : _LENGTH.size + length])
            del self._held[: _LENGTH.size + length]
            yield json.loads(text)
