"""Files and directories as one tar stream: many small files for the price of a few reads.

Names are the paths in the commit, directories with a closing slash and before what is in them. A stream holds a few
megabytes in memory, whatever it carries.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from howdah.infos import FileInfo, FileType
from howdah.names import File
from howdah.pfs import reading
from howdah.pfs.files import EVERYWHERE, Span
from howdah.store.store import Store

_BLOCK = 1 << 20
_END = bytes(2 * tarfile.BLOCKSIZE)


def stream(store: Store, file: File, within: Span = EVERYWHERE) -> Iterator[bytes]:
    """What `file.path`, a path or else a glob, stands for; a directory brings everything below it.

    Of it, what is in the span. `NotFound` if it stands for nothing. Comes in blocks of about a megabyte.
    """
    found = reading.members(store, file, within)
    return _blocks(store, found)


def _blocks(store: Store, found: Iterator[reading.Member]) -> Iterator[bytes]:
    for batch in reading.batches(found):
        gathered: list[reading.Data] = []
        size = 0
        for info, pieces in reading.contents(store, batch):
            gathered.append(_header(info))
            size += tarfile.BLOCKSIZE
            for data in pieces:
                gathered.append(data)
                size += len(data)
                if size >= _BLOCK:
                    yield b"".join(gathered)
                    gathered, size = [], 0
            if info.type is FileType.FILE:
                gathered.append(bytes(-info.size % tarfile.BLOCKSIZE))
        if gathered:
            yield b"".join(gathered)
    yield _END


def _header(info: FileInfo) -> bytes:
    member = tarfile.TarInfo(info.file.path)
    member.mtime = int(info.committed.timestamp()) if info.committed else 0
    if info.type is FileType.FILE:
        member.size = info.size
    else:
        member.type = tarfile.DIRTYPE
        member.mode = 0o755
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8")
