"""The format of a backup: a tar of the data folder's files, and behind them a manifest that tells their digests.

`manifest.json` is a JSON object: `format` (1), `howdah` (the version that made it), `made` (an ISO 8601 time in UTC)
and `files`, a map from path to `[size, digest]`, the digest being BLAKE3 in hex. A tar without it was cut off.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from blake3 import blake3

from howdah.errors import Corrupt

FORMAT = 1
MANIFEST = "manifest.json"
ROWS = "postgresql"
"""Folder of the members that hold a PostgreSQL database; they come first. See `howdah.backup.rows`."""
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """What a manifest tells of a file."""

    size: int
    digest: str


class HashingReader:
    """Reads exactly `size` bytes of a file, zeros where it was cut meanwhile, and hashes them."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self._left = size
        self._hash = blake3()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._source.read(wanted)
        data += bytes(wanted - len(data))
        self._left -= wanted
        self._hash.update(data)
        return data

    @property
    def digest(self) -> str:
        """The digest of what was read."""
        return self._hash.hexdigest()


def add_file(tar: tarfile.TarFile, name: str, path: Path) -> Member:
    """Put one file into the archive as it is now; what is appended to it meanwhile is left out."""
    with path.open("rb") as source:
        info = tar.gettarinfo(arcname=name, fileobj=source)
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        reader = HashingReader(source, info.size)
        tar.addfile(info, reader)
    return Member(info.size, reader.digest)


def add_manifest(tar: tarfile.TarFile, files: Mapping[str, Member], version: str, made: str) -> None:
    """Close the list of files."""
    told = {
        "format": FORMAT,
        "howdah": version,
        "made": made,
        "files": {name: [member.size, member.digest] for name, member in files.items()},
    }
    data = json.dumps(told, indent=1).encode()
    info = tarfile.TarInfo(MANIFEST)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def take_file(source: IO[bytes], target: Path) -> Member:
    """Write one member to a file; tells what was written."""
    digest = blake3()
    size = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while data := source.read(_STEP):
            digest.update(data)
            size += len(data)
            file.write(data)
    return Member(size, digest.hexdigest())


def read_manifest(data: bytes) -> dict[str, Member]:
    """The files that a manifest tells of; `Corrupt` if it is none of ours, or of a newer format."""
    try:
        told = json.loads(data)
        if told["format"] != FORMAT:
            raise Corrupt(f"the backup has format {told['format']}, which needs a newer Howdah than this one")
        return {safe_name(name): Member(int(size), str(digest)) for name, (size, digest) in told["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt(f"the backup's manifest cannot be read ({error}): use another backup") from error


def safe_name(name: str) -> str:
    """The name itself; `Corrupt` if a file of that name would lie outside the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise Corrupt(f"the backup names a file outside the data folder ({name!r}): it is not one of ours")
    return name
