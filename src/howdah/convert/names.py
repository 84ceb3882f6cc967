"""Names of files in an export: legible, and of their own. Pure.

A file is called as its path in its repo, `dogs__a.jpg` for `/dogs/a.jpg`, since most formats know no folders. Who
would get a name that is taken gets a number behind it, `dogs__a-2.jpg`. Names differ by more than their endings
and by more than capitals: YOLO's and VOC's files are called as the pictures without their endings, and some disks
tell no capitals apart.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from howdah.uris import parse_uri

_LONGEST = 180  # bytes: file systems allow 255, and formats put something before or behind
_ENDING = 16
_ODD = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')
_INLINE = "data:"


class Names:
    """Gives each address its name; those asked for first get the plain ones."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each address with its name, in the order in which they were asked for."""
        return iter(self._names.items())

    def __len__(self) -> int:
        return len(self._names)

    def of(self, address: str) -> str:
        """The name for `address`, the same one each time."""
        name = self._names.get(address)
        if name is None:
            name = self._names[address] = self._new(plain(address))
        return name

    def _new(self, name: str) -> str:
        stem, ending = _split(name)
        key = _alike(stem)
        while True:
            self._counts[key] += 1
            number = self._counts[key]
            chosen = stem if number == 1 else f"{stem}-{number}"
            if _alike(chosen) not in self._taken:
                self._taken.add(_alike(chosen))
                return chosen + ending


def plain(address: str) -> str:
    """The name that `address` would have alone."""
    path = _path(address).encode("utf-8", "replace").decode()
    name = _ODD.sub("_", path).strip("/").replace("/", "__")
    stem, ending = _split(name if name.strip(".") else "file")
    return stem.encode()[-_LONGEST:].decode("utf-8", "ignore") + ending


def _path(address: str) -> str:
    """A file's path in its repo; of another address, its last part."""
    file = parse_uri(address)
    if file is not None:
        return file.path
    if address.startswith(_INLINE):
        return "inline"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "file"
    query = parse_qs(parts.query)
    told = query.get("d") or query.get("filepath") or [unquote(parts.path)]
    return told[-1].rstrip("/").rpartition("/")[2]


def _split(name: str) -> tuple[str, str]:
    stem, ending = os.path.splitext(name)
    return (stem, ending) if len(ending) <= _ENDING else (name, "")


def _alike(stem: str) -> str:
    return unicodedata.normalize("NFC", stem).casefold()
