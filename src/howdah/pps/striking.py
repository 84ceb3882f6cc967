"""Takes out of texts what nobody may read there: the values of secrets, as they are and as they are often written."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

_SHORTEST = 4  # a shorter value would be found in every other line, and tells nothing
_STRUCK = "***"


class Strike:
    """Strikes these values out. A value of several lines is struck out line by line, since texts are lines.

    Found too are a value's base64, and how it is written in JSON and in a URL. One of fewer than four characters stays.
    """

    def __init__(self, values: Iterable[bytes] = ()) -> None:
        words = {word for value in values for word in _words(value) if len(word) >= _SHORTEST}
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if words else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(_STRUCK, text) if self._pattern is not None else text


def _words(value: bytes) -> Iterator[str]:
    if not value.strip():
        return
    yield base64.b64encode(value).decode()
    for line in value.decode("utf-8", "backslashreplace").splitlines():
        word = line.strip()
        yield word
        yield json.dumps(word)[1:-1]
        yield json.dumps(word, ensure_ascii=False)[1:-1]
        yield quote(word, safe="")
