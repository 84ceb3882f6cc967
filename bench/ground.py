"""Where the workloads of `bench.store` work: sources that are the same in every run, and new folders for each round."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import Sample, command, measure
from bench.peers import Peer, Place
from bench.watched import REPO, Watched, watched
from howdah.cli import put
from howdah.client import files
from howdah.client.channel import Connection
from howdah.names import Commit

MANY, LARGE, SMALL = Commit(REPO, "many"), Commit(REPO, "large"), Commit(REPO, "small")
_FOLDERS = 100
SIZE = 10 << 10
_CHANGED = 100


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    files: int
    megabytes: int  # each of four large files
    commits: int
    tree: int  # files in the larger of the trees that small commits are measured on


@dataclass
class Ground:
    """One round's store, peers and folders, all of them new. `folder / "many"` is the round's own copy of the files."""

    scale: Scale
    sources: Path
    folder: Path
    server: Watched
    conn: Connection
    peers: list[Peer]
    delays: dict[str, list[float]] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def many(self) -> Path:
        """Many small files."""
        return self.folder / "many"

    @property
    def large(self) -> Path:
        """A few large files."""
        return self.sources / "large"

    def place(self, peer: Peer, kind: str) -> Place:
        """The peer's folder for files of this kind, made at the first time."""
        key = (peer.name, kind)
        if key not in self.places:
            source = self.sources / "none" if kind == "small" else getattr(self, kind)
            self.places[key] = Place.new(peer, source, self.folder / f"{kind}-{peer.name}")
        return self.places[key]

    def put(self, folder: Path, to: Commit, below: str = "/") -> Sample:
        """Ours: all files of a folder in one commit, as `howdah put file` does it."""

        def work() -> None:
            with files.modify(self.conn, to) as changes:
                put.send(changes, put.plan([str(folder)], below, into=True, recursive=True), lambda _: None)

        return self.server.ours(work)

    def copy(self, source: Path, name: str, *, durable: bool) -> Sample:
        """What the machine takes for a copy."""
        line = 'cp -r "$1" "$2"' + ('; sync -f "$2"' if durable else "")
        return command(["sh", "-euc", line, "sh", source, self.folder / name])

    def create(self, name: str) -> Sample:
        """What the machine takes to make as many files as large in as many folders, of bytes that are in memory."""
        content, top = os.urandom(SIZE), self.folder / name

        def work() -> None:
            for folder in range(_FOLDERS):
                (top / f"d{folder:03d}").mkdir(parents=True)
                for number in range(folder, self.scale.files, _FOLDERS):
                    place = f"{top}/d{folder:03d}/f{number:06d}.bin"
                    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
                    os.write(handle, content)
                    os.close(handle)

        return measure(work)

    def drop(self, name: str) -> None:
        """Remove a copy of the large files; removing many small ones would slow what follows."""
        shutil.rmtree(self.folder / name)

    def look(self) -> list[str]:
        """The names of the files of the round's copy that are not as they were at the last look."""
        changed = []
        for place, _, names in os.walk(self.many):
            for name in names:
                path = f"{place}/{name}"
                told = os.stat(path)
                now = (told.st_mtime_ns, told.st_size)
                if self.seen.get(path) != now:
                    self.seen[path] = now
                    changed.append(path)
        return changed

    def change(self, folder: Path) -> None:
        """Give some of the files below other contents."""
        for path in sorted(folder.glob("*/*.bin"))[:: max(1, self.scale.files // _CHANGED)]:
            path.write_bytes(b"changed" + os.urandom(100))

    def commit_small(self, to: Commit, name: str) -> Sample:
        """Ours: commits of one file of a kilobyte, one after the other; what one takes, on the average."""
        delays = self.delays.setdefault(name, [])

        def work() -> None:
            for number in range(self.scale.commits):
                started = time.perf_counter()
                with files.modify(self.conn, to) as changes:
                    changes.put(f"/labels/{number}.json", b"%08d" % number * 128)
                delays.append(time.perf_counter() - started)

        return each(self.server.ours(work), self.scale.commits)


def each(sample: Sample, count: int) -> Sample:
    """One of so many."""
    return Sample(sample.seconds / count, sample.cpu / count, sample.memory)


def make_sources(folder: Path, scale: Scale) -> None:
    """The files that everybody puts."""
    source = random.Random(1)  # noqa: S311 -- the same bytes in every run
    (folder / "none").mkdir(parents=True)
    for number in range(_FOLDERS):
        (folder / "many" / f"d{number:03d}").mkdir(parents=True)
    for number in range(scale.files):
        path = folder / "many" / f"d{number % _FOLDERS:03d}" / f"f{number:06d}.bin"
        path.write_bytes(source.randbytes(SIZE))
    (folder / "large").mkdir()
    for number in range(4):
        with (folder / "large" / f"{number}.bin").open("wb") as file:
            for _ in range(scale.megabytes):
                file.write(source.randbytes(1 << 20))


@contextmanager
def ground(scale: Scale, folder: Path, number: int, peers: list[Peer]) -> Iterator[Ground]:
    """The round of this number."""
    place = folder / f"round-{number}"
    place.mkdir()
    subprocess.run(["cp", "-r", folder / "sources" / "many", place / "many"], check=True)
    with watched(place) as (server, conn):
        made = Ground(scale, folder / "sources", place, server, conn, peers)
        made.look()
        yield made
