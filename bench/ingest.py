"""Puts many files into one commit, for `bench.crowd`, in a process of its own and without reading any.

`python -m bench.ingest ADDRESS BRANCH FILES BYTES`: so many files of so many bytes, no two alike.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from bench.watched import REPO
from howdah.client import channel, files
from howdah.names import Commit

_PIECE = 1 << 20


def _content(pool: bytes, number: int, size: int) -> Iterator[bytes]:
    """Pieces of which no two are alike: a part of the pool behind a number."""
    for at in range(0, size, _PIECE):
        head = b"%020d" % (number * size + at)
        yield head + pool[len(head) : min(_PIECE, size - at)]


def main() -> None:
    """Put them."""
    address, branch, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    pool = random.Random(1).randbytes(_PIECE)  # noqa: S311 -- the same bytes in every run
    with channel.connect(address) as conn, files.modify(conn, Commit(REPO, branch)) as changes:
        for number in range(count):
            content = _content(pool, number, size)
            changes.put(f"/{number % 100:02d}/{number:07d}", next(content) if size <= _PIECE else content)


if __name__ == "__main__":
    main()
