"""Read many files at once: bytes that lie side by side in a pack are read together, in pieces of a few megabytes.

A stream holds a few megabytes in memory, whatever it carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import TypeAlias

from howdah.digest import Digest, of_bytes
from howdah.errors import NotFound
from howdah.infos import FileInfo, FileType
from howdah.names import Commit, File
from howdah.pfs import files
from howdah.pfs.locating import Located, located
from howdah.store.bucket import DirectoryBucket
from howdah.store.node import Chunk
from howdah.store.pack import Place
from howdah.store.store import Store

_AHEAD = 4 << 20
_FILES_AHEAD = 1000
_BLOCK = 1 << 20
_ROWS = 1000
# Bytes between two blobs that are read along rather than skipped, and the most that is read at once.
_GAP = 4 << 10
_SPAN = 4 << 20
_LARGE = 4 << 20  # from here on a file is read faster by whoever wants it, where it lies

Data: TypeAlias = bytes | memoryview
"""The bytes of a piece, as a part of what was read together; to be copied where they are kept."""

Member = tuple[FileInfo, Sequence[Chunk]]
"""A file with its content, or a directory with none."""


@dataclass(slots=True)
class Block:
    """Files and directories in order, and the next bytes of the contents of these and of those before.

    Or, instead of the bytes, where they lie.
    """

    infos: list[FileInfo] = field(default_factory=list)
    data: list[Data] = field(default_factory=list)
    size: int = 0
    places: list[Located] = field(default_factory=list)
    commit: Commit | None = None
    """In which the places are."""


def members(store: Store, file: File, within: files.Span = files.EVERYWHERE) -> Iterator[Member]:
    """What `file.path`, a path or else a glob, stands for; a directory brings everything below it, nothing twice.

    Of it, what is in the span. `NotFound` if it stands for nothing at all.
    """
    seen = files.view(store, file.commit)
    chosen = files.matching(seen, file.path)
    first = next(chosen, None)
    if first is None:
        raise NotFound(f"file {file.path} not found in {seen.commit}", kind="file-not-found")
    return _unfolded(seen, chain([first], chosen), within)


def _unfolded(seen: files.View, matches: Iterator[FileInfo], within: files.Span) -> Iterator[Member]:
    told = ""
    for match in matches:
        if told and match.file.path.startswith(told):
            continue
        if match.type is FileType.DIR:
            told = match.file.path
            found = files.with_entries(seen, told, within.lower)
        else:
            found = iter([(match, seen.find(match.file.path))])
        for info, entries in found:
            if not within.is_before_end(info.file.path):
                break
            if within.lower <= info.file.path:
                yield info, [piece for entry in entries for piece in entry.pieces]


def batches(found: Iterator[Member]) -> Iterator[list[Member]]:
    """Members in order, some megabytes or a thousand of them together."""
    batch: list[Member] = []
    size = 0
    for member in found:
        batch.append(member)
        size += member[0].size
        if size >= _AHEAD or len(batch) >= _FILES_AHEAD:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def contents(store: Store, batch: Sequence[Member]) -> Iterator[tuple[FileInfo, Iterator[Data]]]:
    """The members of a batch in order, each with its bytes in pieces, to be taken in turn."""
    pieces = fetch(store, [piece for _, content in batch for piece in content])
    for info, content in batch:
        yield info, (next(pieces) for _ in content)


def contents_of_files(store: Store, file: File, within: files.Span) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files that `members` gives, each as its path without the leading slash and its bytes, to be taken in turn."""
    for batch in batches(members(store, file, within)):
        for info, pieces in contents(store, batch):
            if info.type is FileType.FILE:
                yield info.file.path[1:], map(bytes, pieces)


def blocks(store: Store, file: File, within: files.Span = files.EVERYWHERE, *, here: bool = False) -> Iterator[Block]:
    """The members of `file` in a span with their contents, in blocks of about a megabyte.

    A block's new files begin in it. A file that goes on in the next block is the last of its own. With `here`, of large
    files only the places are told, where they lie in files of this machine.
    """
    are_told = here and isinstance(store.bucket, DirectoryBucket)
    for is_told, some in groupby(members(store, file, within), lambda member: are_told and member[0].size >= _LARGE):
        blocks_of = _told if is_told else _read
        yield from blocks_of(store, some)


def _told(store: Store, found: Iterator[Member]) -> Iterator[Block]:
    for info, pieces in found:
        infos = [info]
        for start in range(0, len(pieces), _ROWS):
            yield Block(infos, places=located(store, pieces[start : start + _ROWS]), commit=info.file.commit)
            infos = []


def _read(store: Store, found: Iterator[Member]) -> Iterator[Block]:
    block = Block()
    for batch in batches(found):
        for info, pieces in contents(store, batch):
            block.infos.append(info)
            for data in pieces:
                block.data.append(data)
                block.size += len(data)
                if block.size >= _BLOCK:
                    yield block
                    block = Block()
            if len(block.infos) >= _ROWS:
                yield block
                block = Block()
    if block.infos or block.data:
        yield block


def fetch(store: Store, pieces: Sequence[Chunk]) -> Iterator[Data]:
    """The bytes of each piece, in order, checked; a few megabytes of them are in memory together."""
    window: list[Chunk] = []
    size = 0
    for piece in pieces:
        window.append(piece)
        size += piece.size
        if size >= _AHEAD:
            yield from _fetched(store, window)
            window, size = [], 0
    if window:
        yield from _fetched(store, window)


def _fetched(store: Store, pieces: Sequence[Chunk]) -> list[Data]:
    """The bytes of all pieces; what lies side by side in one pack is read at once."""
    places = store.blobs.find(list({piece.digest for piece in pieces}))
    ordered = sorted(places.items(), key=lambda item: item[1])
    found: dict[Digest, Data] = {}
    at = 0
    while at < len(ordered):
        first = ordered[at][1]
        end, stop = at + 1, first.offset + first.length
        while end < len(ordered) and _goes_on(first, stop, ordered[end][1]):
            stop = ordered[end][1].offset + ordered[end][1].length
            end += 1
        if end == at + 1:
            found[ordered[at][0]] = store.blobs.fetch(ordered[at][0], first)
        else:
            span = memoryview(_span(store, first, stop - first.offset))
            for digest, place in ordered[at:end]:
                found[digest] = _cut(store, span, first.offset, digest, place)
        at = end
    return [found[piece.digest] for piece in pieces]


def _goes_on(first: Place, stop: int, place: Place) -> bool:
    """Whether `place` is to be read along with what is from `first` to `stop`."""
    near = stop <= place.offset <= stop + _GAP
    return near and place.pack == first.pack and place.offset + place.length - first.offset <= _SPAN


def _span(store: Store, first: Place, length: int) -> bytes:
    try:
        return store.shelf.get(first.pack, first.offset, length)
    except NotFound:
        return b""  # each of its blobs is looked for alone, and found or told of


def _cut(store: Store, span: memoryview, start: int, digest: Digest, place: Place) -> Data:
    data = span[place.offset - start : place.offset - start + place.length]
    return data if of_bytes(data) == digest else store.blobs.fetch(digest, place)
