"""Many at once: writers beside one writer, and small reads while much is put.

`python -m bench.crowd` (or `just bench crowd`). Writers are threads of this process with a connection each, as many
users' would be; what is put meanwhile comes from a process of its own, `bench.ingest`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.ground import each
from bench.measure import (
    ROOT,
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

_READ = 1000
_PAUSE = 0.002  # between two reads: a user reads, not a loop
_AIM = at_most(0.05)
_SMALL = Commit(REPO, "small")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    commits: int  # of all writers together
    rounds: int
    many: int  # files of 10 KB
    large: int  # megabytes of each of four files


QUICK = Size(320, 3, 20_000, 128)
FULL = Size(1600, 3, 200_000, 1024)


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


def _read(conn: Connection, goes_on: Callable[[], bool]) -> list[float]:
    """What reads took: a file's info and its bytes, of one of some files."""
    delays: list[float] = []
    while goes_on() or len(delays) < 10:
        file = File(_SMALL, f"/{len(delays) * 7 % _READ}.json")
        started = time.perf_counter()
        files.inspect(conn, file)
        b"".join(files.get(conn, file))
        delays.append(time.perf_counter() - started)
        time.sleep(_PAUSE)
    return delays


def _during_put(server: Watched, conn: Connection, branch: str, count: int, size: int) -> tuple[list[float], float]:
    """What reads took until so many files of so many bytes were put, and how long that was."""
    words = [sys.executable, "-m", "bench.ingest", server.address, branch, str(count), str(size)]
    started = time.perf_counter()
    process = subprocess.Popen(words, cwd=ROOT)
    delays = _read(conn, lambda: process.poll() is None)
    if process.wait():
        raise RuntimeError(f"putting {count} files failed")
    return delays, time.perf_counter() - started


def reads(server: Watched, conn: Connection, size: Size) -> list[list[str]]:
    """Lines about small reads: alone, and during each kind of long upload."""
    with files.modify(conn, _SMALL) as changes:
        for number in range(_READ):
            changes.put(f"/{number}.json", b"%08d" % number * 128)
    end = time.perf_counter() + 2
    found = {
        "nobody else": (_read(conn, lambda: time.perf_counter() < end), 2.0),
        f"{size.many:,} files of 10 KB are put": _during_put(server, conn, "many", size.many, 10 << 10),
        f"4 files of {size.large} MB are put": _during_put(server, conn, "large", 4, size.large << 20),
    }
    lines = []
    for name, (delays, seconds) in found.items():
        half, slow = most(delays, 50), most(delays, 99)
        lines.append(
            [name, told(seconds), f"{len(delays):,}", told(half), told(slow), told(max(delays)), _AIM.judge(slow)]
        )
    return lines


def run(size: Size, folder: Path) -> str:
    """The section `crowd`, measured in this folder."""
    where = machine(folder)
    with watched(folder) as (server, conn):
        rows, delays = writers(server, size)
        found = reads(server, conn, size)
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
            "A read is a file's info and its 1 KB, by one reader, while another process puts files in one commit.",
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
