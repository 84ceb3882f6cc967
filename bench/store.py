"""Files and commits: eight workloads through our own client and server, each beside its peers in turns.

`python -m bench.store` (or `just bench store`) takes minutes; `--full` is ten times as much, and a tree of a
million files. Every round has a new store and new peers, since what was stored once is stored faster. The client is
this process; the server's processor time counts too. Peers that are not installed are left out, and named.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bench.measure import Row, Sample, Series, command, machine, measure, publish, table, told
from howdah.cli import put
from howdah.cli.get import write_tree
from howdah.client import channel, commits, files, repos
from howdah.client.channel import Connection
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer

_FOLDERS = 100
_CHANGED = 100
_SIZE = 10 << 10
_OURS = "Howdah"
_TICKS = os.sysconf("SC_CLK_TCK")
_REPO = Repo(Project(), "files")
_MANY, _LARGE = Commit(_REPO, "many"), Commit(_REPO, "large")
_OPTIONAL = ("restic", "borg")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    files: int
    megabytes: int  # each of four large files
    commits: int
    tree: int  # files in the larger of the trees that small commits are measured on


SMALL = Scale(10_000, 64, 200, 100_000)
FULL = Scale(100_000, 256, 1000, 1_000_000)


@dataclass
class Ground:
    """One round's store, peers and folders, all of them new; the sources are shared."""

    scale: Scale
    sources: Path
    folder: Path
    server: StoreServer
    conn: Connection
    delays: dict[str, list[float]] = field(default_factory=dict)

    @property
    def many(self) -> Path:
        """Many small files."""
        return self.sources / "many"

    @property
    def large(self) -> Path:
        """A few large files."""
        return self.sources / "large"

    def ours(self, action: Callable[[], object]) -> Sample:
        """One run of ours: the client's and the server's processor time, and the server's memory."""
        before = self._server_time()
        sample = measure(action)
        return Sample(sample.seconds, sample.cpu + self._server_time() - before, self.memory())

    def _server_time(self) -> float:
        stat = Path(f"/proc/{self.server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS

    def memory(self) -> float:
        """The most that the server has had, in MB."""
        lines = Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def put(self, folder: Path, to: Commit, below: str = "/") -> Sample:
        """Ours: all files of a folder in one commit."""

        def work() -> None:
            with files.modify(self.conn, to) as changes:
                for upload in put.plan([str(folder)], below, into=True, recursive=True):
                    with open(upload.source, "rb") as file:
                        changes.put(upload.target, file)

        return self.ours(work)

    def git(self, *words: str) -> Sample:
        """One git command in the round's repository."""
        return command(["git", "-c", "gc.auto=0", "-c", "core.fsync=all", "-C", self.folder / "git", *words])

    def shell(self, line: str, *words: str | Path) -> Sample:
        """One line of the shell with these arguments."""
        return command(["sh", "-euc", line, "sh", *words])


Sides = dict[str, Callable[[], Sample]]
Workload = Callable[[Ground], Sides]


def many_put(ground: Ground) -> Sides:
    copy, repository = ground.folder / "copy", ground.folder / "git"
    shutil.copytree(ground.many, repository)
    ground.git("init", "--quiet")
    ground.git("config", "user.email", "bench@example.com")
    ground.git("config", "user.name", "bench")
    sides: Sides = {
        _OURS: lambda: ground.put(ground.many, _MANY),
        "cp -r, sync": lambda: ground.shell('cp -r "$1" "$2"; sync -f "$2"', ground.many, copy),
        "git": lambda: ground.shell('cd "$1"; git add -A; git commit -qm all', repository),
    }
    return sides | _archives(ground, "many", ground.many)


def _archives(ground: Ground, name: str, source: Path) -> Sides:
    """Those of the optional peers that are installed, each with a new archive."""
    place = str(ground.folder / f"{name}-archive-")
    sides: Sides = {}
    if shutil.which("restic"):
        options = '--password-command "echo bench" -q -r "$1"'
        ground.shell(f"restic {options} init", place + "restic")
        line = f'restic {options} --compression off --no-cache backup "$2"'
        sides["restic"] = lambda: ground.shell(line, place + "restic", source)
    if shutil.which("borg"):
        ground.shell('borg init -e none "$1"', place + "borg")
        sides["borg"] = lambda: ground.shell('borg create -C none "$1::all" "$2"', place + "borg", source)
    return sides


def large_put(ground: Ground) -> Sides:
    copy = ground.folder / "large-copy"
    sides: Sides = {
        _OURS: lambda: ground.put(ground.large, _LARGE),
        "cp -r, sync": lambda: ground.shell('cp -r "$1" "$2"; sync -f "$2"', ground.large, copy),
    }
    return sides | _archives(ground, "large", ground.large)


def change(ground: Ground) -> Sides:
    changed = [path for path in sorted((ground.folder / "git").glob("*/*.bin"))][:: ground.scale.files // _CHANGED]
    for path in changed:
        path.write_bytes(b"changed" + os.urandom(100))

    def ours() -> None:
        with files.modify(ground.conn, _MANY) as changes:
            for path in changed:
                changes.put(f"/{path.parent.name}/{path.name}", path.read_bytes())

    return {
        _OURS: lambda: ground.ours(ours),
        "git": lambda: ground.shell('cd "$1"; git add -A; git commit -qm some', ground.folder / "git"),
        "find -ls": lambda: command(["find", ground.many, "-ls"]),
    }


def list_all(ground: Ground) -> Sides:
    return {
        _OURS: lambda: ground.ours(lambda: [*files.walk(ground.conn, File(_MANY, "/"))]),
        "find -ls": lambda: command(["find", ground.many, "-ls"]),
        "git ls-tree": lambda: ground.git("ls-tree", "-r", "-l", "HEAD"),
    }


def diff(ground: Ground) -> Sides:
    return {
        _OURS: lambda: ground.ours(lambda: [*files.diff(ground.conn, File(_MANY, "/"))]),
        "git diff --name-status": lambda: ground.git("diff", "--name-status", "HEAD^", "HEAD"),
    }


def many_get(ground: Ground) -> Sides:
    return _get(ground, "many", ground.many, _MANY)


def large_get(ground: Ground) -> Sides:
    return _get(ground, "large", ground.large, _LARGE)


def _get(ground: Ground, name: str, source: Path, commit: Commit) -> Sides:
    out = ground.folder / f"{name}-out"
    return {
        _OURS: lambda: ground.ours(lambda: write_tree(ground.conn, File(commit, "/"), out)),
        "cp -r": lambda: command(["cp", "-r", source, ground.folder / f"{name}-out-copy"]),
    }


def commit_small(ground: Ground) -> Sides:
    """A sample is one commit, on the average, on a tree of the round's many files."""
    few = max(10, ground.scale.commits // 10)

    def ours() -> Sample:
        return _each(ground.ours(lambda: _commit(ground, _MANY, "small")), ground.scale.commits)

    def git() -> Sample:
        line = 'cd "$1"; for i in $(seq "$2"); do echo $i > $i.json; git add $i.json; git commit -qm x; done'
        return _each(ground.shell(line, ground.folder / "git", str(few)), few)

    return {_OURS: ours, "git": git}


def _commit(ground: Ground, to: Commit, name: str) -> None:
    delays = ground.delays.setdefault(name, [])
    for number in range(ground.scale.commits):
        started = time.perf_counter()
        with files.modify(ground.conn, to) as changes:
            changes.put(f"/labels/{number}.json", b"%08d" % number * 128)
        delays.append(time.perf_counter() - started)


def _each(sample: Sample, count: int) -> Sample:
    return Sample(sample.seconds / count, sample.cpu / count, sample.memory)


def large_again(ground: Ground) -> Sides:
    copy = ground.folder / "again-copy"
    return {
        _OURS: lambda: ground.put(ground.large, _LARGE, "/again"),
        "cp -r, sync": lambda: ground.shell('cp -r "$1" "$2"; sync -f "$2"', ground.large, copy),
    }


def commit_on_trees(ground: Ground) -> Sides:
    """The same small commits on a thousand files, and on very many: what is compared is ours with ours."""
    sides: Sides = {}
    for name, count in ((f"on {ground.scale.tree:,} files", ground.scale.tree), ("on 1,000 files", 1000)):
        tree = Commit(_REPO, f"tree{count}")
        with files.modify(ground.conn, tree) as changes:
            for number in range(count):
                changes.put(f"/{number % 1000:03d}/{number:07d}.json", b"%d" % number)

        def run(tree: Commit = tree, name: str = name) -> Sample:
            return _each(ground.ours(lambda: _commit(ground, tree, name)), ground.scale.commits)

        sides[name] = run
    return sides


_WORKLOADS: tuple[tuple[str, Workload], ...] = (
    ("W1 put {files:,} files of 10 KB, one commit", many_put),
    ("W2 put 4 files of {megabytes} MB", large_put),
    ("W3 change 100 files, commit", change),
    ("W4 list all files", list_all),
    ("W5 diff the two commits", diff),
    ("W6 get all small files", many_get),
    ("W6 get the large files", large_get),
    ("W7 one commit of one file of 1 KB", commit_small),
    ("W7 the same on {tree:,} files", commit_on_trees),
    ("W8 put W2 again under other names", large_again),
)


def _make_sources(folder: Path, scale: Scale) -> None:
    source = random.Random(1)  # noqa: S311 -- the same bytes in every run
    for number in range(_FOLDERS):
        (folder / "many" / f"d{number:03d}").mkdir(parents=True)
    for number in range(scale.files):
        path = folder / "many" / f"d{number % _FOLDERS:03d}" / f"f{number:06d}.bin"
        path.write_bytes(source.randbytes(_SIZE))
    (folder / "large").mkdir()
    for number in range(4):
        with (folder / "large" / f"{number}.bin").open("wb") as file:
            for _ in range(scale.megabytes):
                file.write(source.randbytes(1 << 20))


@contextmanager
def _ground(scale: Scale, folder: Path, number: int) -> Iterator[Ground]:
    place = folder / f"round-{number}"
    place.mkdir()
    with StoreServer(place / "data") as server, channel.connect(server.address) as conn:
        repos.create(conn, _REPO)
        next(iter(commits.list(conn, _REPO)), None)  # connected, and the ways warm
        yield Ground(scale, folder / "sources", place, server, conn)


def _round(ground: Ground, found: dict[str, dict[str, list[Sample]]], number: int) -> None:
    for what, workload in _WORKLOADS:
        sides = list(workload(ground).items())
        for name, run in sides if number % 2 == 0 else reversed(sides):
            os.sync()  # what others left to be written is not this one's
            found.setdefault(what, {}).setdefault(name, []).append(run())
            print(f"round {number + 1}: {what[:30]:30} {name:24} {told(found[what][name][-1].seconds)}", flush=True)


def _rows(found: dict[str, dict[str, list[Sample]]], scale: Scale) -> Iterator[Row]:
    numbers = {"files": scale.files, "megabytes": scale.megabytes, "tree": scale.tree}
    for what, sides in found.items():
        series = [Series(name, tuple(samples)) for name, samples in sides.items()]
        ours = next((one for one in series if one.name == _OURS), series[0])
        for peer in series:
            if peer is not ours:
                yield Row(what.format(**numbers), ours, peer)


def _spread(delays: list[float]) -> str:
    return f"half of them take {told(median(delays))} at most, 99 in 100 {told(quantiles(delays, n=100)[98])}"


def run(scale: Scale, rounds: int, folder: Path) -> str:
    """The section `store`, measured in this folder."""
    found: dict[str, dict[str, list[Sample]]] = {}
    delays: list[float] = []
    memory = 0.0
    where = machine(folder)
    _make_sources(folder / "sources", scale)
    for number in range(rounds):
        with _ground(scale, folder, number) as ground:
            _round(ground, found, number)
            delays += ground.delays["small"]
            memory = max(memory, ground.memory())
    absent = [name for name in _OPTIONAL if not shutil.which(name)]
    return "\n".join(
        [
            "## Files and commits",
            f"On {where}.",
            f"Medians of {rounds} rounds. A time of W7 is one commit's; {_spread(delays)}.",
            "All of ours is durable when it is answered, and git is set to sync as much; what is got, or copied",
            f"without sync, is not. The server's memory was {memory:.0f} MB at most.",
            f"Peers that were not installed: {', '.join(absent) or 'none'}.",
            "",
            table([*_rows(found, scale)]),
        ]
    )


def main() -> None:
    """Measure, and write the section `store`."""
    parser = argparse.ArgumentParser(prog="bench.store", description=__doc__)
    parser.add_argument("--full", action="store_true", help="100,000 files, and a tree of a million")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work: the disk that is measured")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="howdah-bench-", dir=chosen.folder, ignore_cleanup_errors=True) as folder:
        text = run(FULL if chosen.full else SMALL, chosen.rounds, Path(folder))
    publish("store", text)
    print(text)


if __name__ == "__main__":
    main()
