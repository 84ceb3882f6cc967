"""Where a file's bytes lie on this machine, for programs that read them themselves.

What is told is good for a moment: packs are rewritten and removed. Whoever reads compares the digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from howdah.digest import Digest
from howdah.infos import FileInfo
from howdah.names import File
from howdah.pfs.files import EVERYWHERE, one_file, view
from howdah.store.node import Chunk
from howdah.store.store import Store


@dataclass(frozen=True, slots=True)
class Located:
    """Bytes in a file of this machine."""

    path: Path
    offset: int
    size: int
    digest: Digest


def locate(store: Store, file: File, offset: int, size: int) -> tuple[FileInfo, int, list[Located]]:
    """The file; how far into the first place its bytes from `offset` on begin; and where they lie, `size` or more.

    Nowhere, if they lie in no files of this machine.
    """
    seen = view(store, file.commit)
    entries = one_file(seen, file, EVERYWHERE)
    info = seen.info(entries)
    wanted: list[Chunk] = []
    for piece in [piece for entry in entries for piece in entry.pieces]:
        if not wanted and offset >= piece.size:
            offset -= piece.size
            continue
        wanted.append(piece)
        if sum(each.size for each in wanted) - offset >= size:
            break
    found = located(store, wanted)
    return info, offset if found else 0, found


def located(store: Store, pieces: Sequence[Chunk]) -> list[Located]:
    """Where the bytes of each piece lie, in order. Nowhere, if they lie in no files of this machine."""
    places = store.blobs.find(list({piece.digest for piece in pieces}))
    found = []
    for piece in pieces:
        place = places[piece.digest]
        path = store.blobs.path(place)
        if path is None:
            return []
        found.append(Located(path, place.offset, place.length, piece.digest))
    return found
