"""Files and directories as one tar stream: many small files for the price of a few reads.

Names are the paths in the commit, directories with a closing slash and before what is in them. A stream holds a few
megabytes in memory, whatever it carries.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from howdah.errors import NotFound
from howdah.infos import FileInfo, FileType
from howdah.names import File
from howdah.pfs import files
from howdah.store.node import Chunk
from howdah.store.store import Store

_READ_AHEAD = 4 << 20
_FILES_AHEAD = 1000
_END = bytes(2 * tarfile.BLOCKSIZE)


def stream(store: Store, file: File) -> Iterator[bytes]:
    """What `file.path`, a path or else a glob, stands for; a directory brings everything below it.

    `NotFound` if it stands for nothing. Comes in blocks of a few megabytes at most.
    """
    seen = files.view(store, file.commit)
    chosen = files.matching(seen, file.path)
    first = next(chosen, None)
    if first is None:
        raise NotFound(f"file {file.path} not found in {seen.commit}", kind="file-not-found")
    return _blocks(store, _unfolded(seen, first, chosen))


def _unfolded(seen: files.View, first: FileInfo, rest: Iterator[FileInfo]) -> Iterator[tuple[FileInfo, list[Chunk]]]:
    """Each match with everything below it, nothing twice; files with their content."""
    told = ""
    for match in (first, *rest):
        if told and match.file.path.startswith(told):
            continue
        if match.type is FileType.DIR:
            told = match.file.path
            found = files.with_entries(seen, told)
        else:
            found = iter([(match, seen.find(match.file.path))])
        for info, entries in found:
            yield info, [piece for entry in entries for piece in entry.pieces]


def _blocks(store: Store, members: Iterator[tuple[FileInfo, list[Chunk]]]) -> Iterator[bytes]:
    """Headers and contents, a batch of files with one look into the index."""
    batch: list[tuple[FileInfo, list[Chunk]]] = []
    size = 0
    for info, content in members:
        batch.append((info, content))
        size += sum(piece.size for piece in content)
        if size >= _READ_AHEAD or len(batch) >= _FILES_AHEAD:
            yield from _packed(store, batch)
            batch, size = [], 0
    yield from _packed(store, batch)
    yield _END


def _packed(store: Store, batch: list[tuple[FileInfo, list[Chunk]]]) -> Iterator[bytes]:
    places = store.blobs.find(list({piece.digest for _, content in batch for piece in content}))
    gathered: list[bytes] = []
    size = 0
    for info, content in batch:
        gathered.append(_header(info))
        size += tarfile.BLOCKSIZE
        for piece in content:
            gathered.append(store.blobs.fetch(piece.digest, places[piece.digest]))
            size += piece.size
            if size >= _READ_AHEAD:
                yield b"".join(gathered)
                gathered, size = [], 0
        if content:
            gathered.append(bytes(-info.size % tarfile.BLOCKSIZE))
    if gathered:
        yield b"".join(gathered)


def _header(info: FileInfo) -> bytes:
    member = tarfile.TarInfo(info.file.path)
    member.mtime = int(info.committed.timestamp()) if info.committed else 0
    if _is_file(info):
        member.size = info.size
    else:
        member.type = tarfile.DIRTYPE
        member.mode = 0o755
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8")


def _is_file(info: FileInfo) -> bool:
    return info.type is FileType.FILE
