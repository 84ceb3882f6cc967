"""Kinds of file systems, and what SQLite may do on them."""

from __future__ import annotations

import errno
from pathlib import Path

MOUNTS = Path("/proc/mounts")
# What taking a lock fails with where the file system knows none; a lock that somebody holds fails otherwise.
NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "lustre", "gluster", "fuse.gluster", "ceph", "fuse.ceph")


def kind_of(place: Path, mounts: str) -> str:
    """The kind of the file system that holds `place`, by the lines of /proc/mounts; `unknown` without a line."""
    best, kind = "", "unknown"
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2:
            point = fields[1].encode().decode("unicode_escape")
            if len(point) >= len(best) and (place == Path(point) or Path(point) in place.parents):
                best, kind = point, fields[2]
    return kind


def is_network(kind: str) -> bool:
    """Whether other machines may have the same files open."""
    return kind.startswith(_NETWORK)


def read_mounts() -> str:
    """The text of /proc/mounts, empty where there is none."""
    return MOUNTS.read_text("utf-8", "replace") if MOUNTS.exists() else ""


def journal_mode(kind: str) -> str:
    """SQLite's journal mode for this kind: the write-ahead log needs memory that is shared through the file system."""
    return "TRUNCATE" if is_network(kind) else "WAL"
