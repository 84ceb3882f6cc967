"""What files hold, one after the other: each asked for by itself, or all of a folder in one stream."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing

from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import HowdahError
from howdah.infos import FileInfo
from howdah.names import Commit, File

_PASSED = 16 << 20
"""So many bytes that nobody asked for are taken for the sake of one stream."""

_Stream = Generator[tuple[str, Iterator[bytes] | None], None, None]


class Contents:
    """Reads files of one commit, whole.

    Where nearly all files of a folder are read in order of path, or all that match a pattern, name it: they come in one
    stream. What is asked for out of order, or when the stream broke or carries too much else, is asked for by itself.
    """

    def __init__(self, conn: Connection, commit: Commit, pattern: str | None = None) -> None:
        self._conn = conn
        self._commit = commit
        self._stream: _Stream | None = None if pattern is None else files.get_tree(conn, File(commit, pattern))
        self._reached = ""
        self._passed = 0

    def read(self, info: FileInfo) -> bytes:
        """The file's bytes; raises a `HowdahError`."""
        path = info.file.path
        if self._stream is not None and path > self._reached:
            try:
                found = self._next(self._stream, path)
            except HowdahError:
                self.close()
            else:
                if found is not None:
                    return found
        with closing(files.get(self._conn, File(self._commit, path))) as pieces:
            return b"".join(pieces)

    def _next(self, stream: _Stream, path: str) -> bytes | None:
        """The file's bytes if the stream comes to it; what comes before is passed over."""
        for reached, pieces in stream:
            self._reached = reached
            if reached == path and pieces is not None:
                return b"".join(pieces)
            if reached > path or not self._pass_over(pieces or ()):
                break
        return None

    def _pass_over(self, pieces: Iterable[bytes]) -> bool:
        """Whether what nobody asked for is little enough to go on with the stream."""
        for piece in pieces:
            self._passed += len(piece)
            if self._passed > _PASSED:
                self.close()
                return False
        return True

    def close(self) -> None:
        """End the stream; harmless when repeated."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
