"""What a server tells about itself to who looks for a fault: versions, counts, threads, the last lines of its log.

Never in it: contents of files, metadata, descriptions, environment variables, and names but for those that an error in
the log tells.
"""

from __future__ import annotations

import io
import platform
import sys
import tarfile
import threading
import time
import traceback
from collections.abc import Mapping
from importlib import metadata

from howdah import __version__
from howdah.db.database import Tx
from howdah.store.store import Store

_TABLES = ("projects", "repos", "branches", "commits", "provenance", "edits", "transactions", "blobs", "packs")
_PACKAGES = ("blake3", "click", "croniter", "grpcio", "msgpack", "protobuf", "pyfastcdc")


def versions() -> str:
    """The versions of this program and of what it runs on."""
    lines = [f"howdah {__version__}", f"python {platform.python_version()}", f"system {platform.platform()}"]
    lines += [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    return "".join(f"{line}\n" for line in lines)


def counts(tx: Tx) -> str:
    """How many there are of each noun, and how much is stored."""
    lines = [f"{name} {(tx.one(f'SELECT count(*) FROM {name}') or [0])[0]}" for name in _TABLES]  # noqa: S608 -- constants
    stored = tx.one("SELECT count(*), coalesce(sum(size), 0) FROM packs")
    lines.append(f"stored bytes {stored[1] if stored else 0}")
    return "".join(f"{line}\n" for line in lines)


def threads() -> str:
    """Where each thread is at this moment."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = [
        f"{names.get(ident, ident)}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 -- the documented way
    ]
    return "\n".join(parts)


def whole(store: Store, log: str) -> bytes:
    """Everything, packed."""
    with store.database.read() as tx:
        rows = counts(tx)
    return pack({"version.txt": versions(), "rows.txt": rows, "threads.txt": threads(), "log.txt": log})


def pack(texts: Mapping[str, str]) -> bytes:
    """A tar.gz of these files."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, text in texts.items():
            data = text.encode("utf-8", "backslashreplace")
            entry = tarfile.TarInfo(f"howdah/{name}")
            entry.size = len(data)
            entry.mtime = int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return whole.getvalue()
