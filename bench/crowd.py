"""Many at once: writers beside one writer, and small reads while much is put.

`python -m bench.crowd` (or `just bench crowd`). Writers are threads of this process with a connection each, as many
users' would be; what is put meanwhile comes from `howdah put file` in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.ground import Scale, each, make_sources
from bench.measure import (
    Row,
    Sample,
    Side,
    alternate,
    at_most,
    grid,
    machine,
    most,
    parser,
    publish,
    scratch,
    table,
    told,
)
from bench.watched import REPO, Watched, watched
from howdah.client import channel, files
from howdah.client.channel import Connection
from howdah.names import Commit, File

_PAUSE = 0.002  # between two reads: a user reads, not a loop
_AIM = at_most(0.05)
_SMALL = Commit(REPO, "small")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    commits: int  # of all writers together
    rounds: int
    put: Scale


QUICK = Size(320, 3, Scale(5000, 128, 0, 0))
FULL = Size(1600, 3, Scale(100_000, 512, 0, 0))


class Writers:
    """So many writers that share a number of commits, to a branch each or all to one."""

    def __init__(self, server: Watched, count: int, *, apart: bool) -> None:
        self._server = server
        self._count = count
        self._apart = apart
        self.delays: list[float] = []

    def run(self, commits: int) -> Sample:
        """All of them at once; what one commit takes, on the average."""
        ready = threading.Barrier(self._count + 1)
        each_one = commits // self._count
        threads = [threading.Thread(target=self._write, args=(who, each_one, ready)) for who in range(self._count)]
        for thread in threads:
            thread.start()

        def work() -> None:
            ready.wait()
            for thread in threads:
                thread.join()

        return each(self._server.ours(work), each_one * self._count)

    def _write(self, who: int, count: int, ready: threading.Barrier) -> None:
        branch = f"writers{self._count}-{who if self._apart else 'all'}"
        with channel.connect(self._server.address) as conn:
            conn.offers_bulk()
            ready.wait()
            for number in range(count):
                started = time.perf_counter()
                with files.modify(conn, Commit(REPO, branch)) as changes:
                    changes.put(f"/{who}/{number}.json", b"%08d" % number * 128)
                self.delays.append(time.perf_counter() - started)


def writers(server: Watched, size: Size) -> tuple[list[Row], list[list[str]]]:
    """Many writers beside one, and how long their commits took."""
    sides = {
        "one writer": Writers(server, 1, apart=True),
        "32 writers, a branch each": Writers(server, 32, apart=True),
        "8 writers to one branch": Writers(server, 8, apart=False),
    }
    runs = [Side(name, lambda side=side: side.run(size.commits)) for name, side in sides.items()]  # type: ignore[misc]
    found = alternate(runs, size.rounds, warm=True)
    one, *many = found
    delays = [[name, told(most(side.delays, 50)), told(most(side.delays, 99))] for name, side in sides.items()]
    return [Row(f"{name}: a commit, on the average", found[name], found[one]) for name in many], delays


def _read(conn: Connection, count: int, goes_on: Callable[[], bool]) -> list[float]:
    """What reads took: a file's info and its bytes, of one of `count` files."""
    delays: list[float] = []
    while goes_on() or len(delays) < 10:
        file = File(_SMALL, f"/{len(delays) * 7 % count}.json")
        started = time.perf_counter()
        files.inspect(conn, file)
        b"".join(files.get(conn, file))
        delays.append(time.perf_counter() - started)
        time.sleep(_PAUSE)
    return delays


def _during_put(server: Watched, conn: Connection, count: int, source: Path) -> tuple[list[float], float]:
    """What reads took until all files of `source` were put, and how long that was."""
    words = [sys.executable, "-m", "howdah", "put", "file", f"files@{source.name}", "-r", "-f", str(source)]
    started = time.perf_counter()
    process = subprocess.Popen(words, env={**os.environ, "HOWDAH_ADDRESS": server.address})
    delays = _read(conn, count, lambda: process.poll() is None)
    if process.wait():
        raise RuntimeError(f"putting {source.name} failed")
    return delays, time.perf_counter() - started


def reads(server: Watched, conn: Connection, sources: Path) -> list[list[str]]:
    """Lines about small reads: alone, and during each kind of long upload."""
    count = 1000
    with files.modify(conn, _SMALL) as changes:
        for number in range(count):
            changes.put(f"/{number}.json", b"%08d" % number * 128)
    end = time.perf_counter() + 2
    found = {"nobody else": (_read(conn, count, lambda: time.perf_counter() < end), 2.0)}
    for name in ("many", "large"):
        found[f"{name} files are put"] = _during_put(server, conn, count, sources / name)
    return [
        [
            name,
            told(seconds),
            f"{len(delays):,}",
            told(most(delays, 50)),
            told(most(delays, 99)),
            told(max(delays)),
            judged,
        ]
        for name, (delays, seconds) in found.items()
        for judged in [_AIM.judge(most(delays, 99))]
    ]


def run(size: Size, folder: Path) -> str:
    """The section `crowd`, measured in this folder."""
    where = machine(folder)
    make_sources(folder / "sources", size.put)
    with ExitStack() as stack:
        server, conn = stack.enter_context(watched(folder))
        rows, delays = writers(server, size)
        found = reads(server, conn, folder / "sources")
    return "\n".join(
        [
            "## Many at once",
            f"On {where}.",
            f"A commit is one file of 1 KB; {size.commits} commits in all, medians of {size.rounds} rounds.",
            "",
            table(rows),
            "",
            grid(["commits of", "half take at most", "99 in 100"], delays),
            "",
            "A read is a file's info and its 1 KB, one reader, while another process puts "
            f"{size.put.files:,} files of 10 KB, then 4 of {size.put.megabytes} MB.",
            "",
            grid(["while", "took", "reads", "half take at most", "99 in 100", "the longest", "aim, in seconds"], found),
        ]
    )


def main() -> None:
    """Measure, and write the section `crowd`."""
    chosen = parser("crowd", __doc__).parse_args()
    with scratch(chosen.folder) as folder:
        text = run(FULL if chosen.full else QUICK, folder)
    publish("crowd", text)
    print(text)


if __name__ == "__main__":
    main()
