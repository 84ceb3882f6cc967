"""A repo of a million files: what the common verbs take, in time and in the server's memory.

`python -m bench.million` (or `just bench million`) has 100,000 files; `--full` a million. All have the same content, so
that what lies in packs is the tree.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from bench.measure import at_most, grid, machine, parser, publish, scratch, told
from bench.watched import REPO, Watched, watched
from howdah.client import files
from howdah.client.channel import Connection
from howdah.names import Commit, File

_BRANCH = Commit(REPO, "master")
_FOLDER = File(_BRANCH, "/images")
_PAGE = 1000
_COMMITS = 20
_MEMORY = at_most(400)
_SHARE = at_most(0.1)


def _put(conn: Connection, count: int) -> None:
    with files.modify(conn, _BRANCH) as changes:
        for number in range(count):
            changes.put(f"/images/{number:07d}.jpg", b"the same")


def _page(conn: Connection, count: int) -> None:
    after: str | None = None
    seen = 0
    while infos := list(files.list(conn, _FOLDER, after=after, number=_PAGE)):
        seen += len(infos)
        after = infos[-1].file.path
    assert seen == count, f"{seen} files of {count}"


def _exhaust(found: object) -> None:
    deque(found, 0)  # type: ignore[call-overload]  # any iterable


def _commit(conn: Connection) -> None:
    for number in range(_COMMITS):
        with files.modify(conn, _BRANCH) as changes:
            changes.put(f"/images/{number * 4999:07d}.jpg", b"another")


class Run:
    """One store, and what was seen of it."""

    def __init__(self, server: Watched, conn: Connection) -> None:
        self._server = server
        self._conn = conn
        self.cells: list[list[str]] = []

    def step(self, what: str, action: Callable[[], object], parts: int = 1) -> None:
        """One line of the table."""
        os.sync()  # what the step before left to be written is not this one's
        self._server.forget()
        sample = self._server.ours(action)
        times = f"{told(sample.seconds / parts)} ({told(sample.cpu / parts)})"
        self.cells.append([what, times, f"{sample.memory:.0f} MB", _MEMORY.judge(sample.memory)])
        print(*self.cells[-1], flush=True)

    def all(self, count: int) -> str:
        """All steps; what one commit writes."""
        conn, server = self._conn, self._server
        before = server.packed()
        self.step(f"commit {count:,} files", lambda: _put(conn, count))
        tree = server.packed() - before
        self.step("diff with the parent, all new", lambda: _exhaust(files.diff(conn, File(_BRANCH, "/"))))
        self.step(f"page through the folder, {_PAGE} a page", lambda: _page(conn, count))
        self.step("walk", lambda: _exhaust(files.walk(conn, File(_BRANCH, "/"))))
        self.step("glob, one in 10 fits", lambda: _exhaust(files.glob(conn, _BRANCH, "/images/*7.jpg")))
        packed, written = server.packed(), server.written()
        self.step("commit one file", lambda: _commit(conn), _COMMITS)
        packed, written = (server.packed() - packed) // _COMMITS, (server.written() - written) // _COMMITS
        self.step("diff with the parent, one changed", lambda: _exhaust(files.diff(conn, File(_BRANCH, "/"))))
        share, whole = 100 * packed / tree, 100 * written / tree
        return (
            f"The tree takes {tree / 1e6:.1f} MB. A commit of one file puts {packed / 1e3:.1f} KB into packs, "
            f"{share:.3f} % of it ({_SHARE.judge(share)}); with the rows and whole pages it writes "
            f"{written / 1e3:.1f} KB, {whole:.3f} %."
        )


def run(count: int, folder: Path) -> str:
    """The section `million`, measured in this folder."""
    where = machine(folder)
    with watched(folder) as (server, conn):
        measured = Run(server, conn)
        facts = measured.all(count)
    return "\n".join(
        [
            f"## A repo of {count:,} files",
            f"On {where}.",
            "All files lie in one folder. The processor's time is the client's and the server's.",
            facts,
            "",
            grid(["", "time (processor)", "server's memory, at most", "aim, in MB"], measured.cells),
        ]
    )


def main() -> None:
    """Measure, and write the section `million`."""
    chosen = parser("million", __doc__).parse_args()
    with scratch(chosen.folder) as folder:
        text = run(1_000_000 if chosen.full else 100_000, folder)
    publish("million", text)
    print(text)


if __name__ == "__main__":
    main()
