"""The media of an export in a folder of this machine, as a pipeline has them: each file where it is in its repo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from howdah.chunker import Chunker
from howdah.convert.tasks import shown_version
from howdah.digest import of_bytes, of_chunks
from howdah.errors import unusable
from howdah.names import File
from howdah.uris import parse_uri

_BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """The folder `top`, with the files of one version of a repo."""

    top: Path

    def __str__(self) -> str:
        return str(self.top)

    def place(self, file: File) -> Path:
        """Where the file is, if it is there."""
        return self.top / file.path[1:]

    def lacks(self, task: dict[str, Any], addresses: Iterator[str]) -> bool:
        """Whether one of the files that the task shows is not there, or in another version than the task tells."""
        files = [file for file in map(parse_uri, addresses) if file is not None]
        return any(not self._has(file, shown_version(task, file)) for file in files)

    def _has(self, file: File, digest: str) -> bool:
        if ".." in Path(file.path).parts:
            return False
        try:
            place = self.place(file)
            return place.is_file() and (not digest or _digest(place) == digest)
        except OSError as error:
            raise unusable(str(self.place(file)), error) from error


def _digest(place: Path) -> str:
    """The content's digest, as a store of ours tells it."""
    chunker, found = Chunker(), list[bytes]()
    with place.open("rb") as file:
        while block := file.read(_BLOCK):
            found += map(of_bytes, chunker.feed(block))
    found += map(of_bytes, chunker.finish())
    return (of_chunks(found) if len(found) > 1 else found[0] if found else of_bytes(b"")).hex()
