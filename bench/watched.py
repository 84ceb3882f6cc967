"""A store's process that is looked at while it works: its processor time, its memory, what it writes."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.measure import Sample, measure
from howdah.cli.get import write_tree
from howdah.client import channel, files, repos
from howdah.client.channel import Connection
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer

REPO = Repo(Project(), "files")
_TICKS = os.sysconf("SC_CLK_TCK")


class Watched(StoreServer):
    """A store on a folder of its own."""

    def cpu(self) -> float:
        """The processor time until now, in seconds."""
        return cpu(self.process.pid)

    def memory(self) -> float:
        """The most memory that was resident since the start or `forget`, in MB."""
        return self._value("status", "VmHWM") / 1024

    def forget(self) -> None:
        """Let `memory` tell the most from now on."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def written(self) -> int:
        """Bytes that went to the file system until now, whole pages."""
        return self._value("io", "write_bytes")

    def stored(self) -> int:
        """Bytes that the data folder takes."""
        return sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())

    def packed(self) -> int:
        """Bytes in packs: contents and trees, without what the database keeps of them."""
        with closing(sqlite3.connect(f"{(self.data / 'rows.db').absolute().as_uri()}?mode=ro", uri=True)) as rows:
            small: int = rows.execute("SELECT coalesce(sum(length(bytes)), 0) FROM small_packs").fetchone()[0]
        return small + sum(path.stat().st_size for path in (self.data / "bytes").rglob("*") if path.is_file())

    def ours(self, action: Callable[[], object]) -> Sample:
        """One run of ours: the client's and the server's processor time, and the server's memory."""
        before = self.cpu()
        sample = measure(action)
        return Sample(sample.seconds, sample.cpu + self.cpu() - before, self.memory())

    def _value(self, file: str, name: str) -> int:
        lines = self._proc(file).splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

    def _proc(self, file: str) -> str:
        return Path(f"/proc/{self.process.pid}/{file}").read_text()


def cpu(process: int) -> float:
    """The processor time of a process until now, in seconds."""
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICKS


@contextmanager
def watched(folder: Path) -> Iterator[tuple[Watched, Connection]]:
    """A new store in the folder with an empty repo, and a client that is connected; both have done a little of all."""
    server = Watched(folder / "data")
    with server, channel.connect(server.address) as conn:
        _warm(conn, Commit(Repo(Project(), "warm"), "master"), folder / "warm")
        repos.create(conn, REPO)
        yield server, conn


def _warm(conn: Connection, commit: Commit, folder: Path) -> None:
    """What is used first is slow: modules and memory."""
    repos.create(conn, commit.repo)
    for number in range(2):
        with files.modify(conn, commit) as changes:
            for name in range(2000):
                changes.put(f"/{name}", b"%d" % (name + number) * 1000)
            changes.put("/large", b"%d" % number * (16 << 20))
        top = File(commit, "/")
        write_tree(conn, top, folder / str(number))
        for infos in (files.walk(conn, top), files.diff(conn, top), files.glob(conn, commit, "/*")):
            deque(infos, 0)
