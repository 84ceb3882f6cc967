"""Files and commits: eight workloads through our own client and server, each beside its peers in turns.

`python -m bench.store` (or `just bench store`) takes two minutes; `--full` is ten times as much, and a tree of a
million files. Every round has a new store and new peers, since what was stored once is stored faster. The client is
this process, which is connected already; the server's processor time counts too. git and what tells the machine's
limits take part in every round, the slower peers in the first ones.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.ground import LARGE, MANY, SIZE, SMALL, Ground, Scale, each, ground, make_sources
from bench.measure import (
    Aim,
    Row,
    Sample,
    Series,
    ahead,
    at_most,
    command,
    machine,
    most,
    parser,
    publish,
    scratch,
    table,
    told,
)
from bench.peers import BORG, DVC, GIT, OXEN, RESTIC, Peer, absent, there
from bench.watched import REPO
from howdah import memory
from howdah.cli.get import write_tree
from howdah.client import files
from howdah.names import Commit, File

QUICK = Scale(5_000, 64, 200, 50_000)
FULL = Scale(100_000, 256, 1000, 1_000_000)
_OURS = "Howdah"


@dataclass(frozen=True, slots=True)
class Side:
    """One that does the work, and what is wanted of ours beside it; `ready` is not measured."""

    name: str
    run: Callable[[], Sample]
    aim: Aim | None = None
    ready: Callable[[], object] = lambda: None


Found = dict[str, dict[str, list[Sample]]]


def _peers(on: Ground, step: str, kind: str, aims: Mapping[Peer, Aim | None], count: int = 0) -> Iterator[Side]:
    """Those of the peers that take part in this round."""
    for peer, aim in aims.items():
        if peer in on.peers:
            place = on.place(peer, kind)
            yield Side(peer.name, lambda place=place: place.run(step, count), aim)  # type: ignore[misc]  # bound now


def many_put(on: Ground) -> Iterator[Side]:
    def ours() -> Sample:
        before = on.server.stored()
        sample = on.put(on.many, MANY)
        taken = (on.server.stored() - before) / (on.scale.files * SIZE)
        on.facts.append(f"What W1 put takes {taken:.2f} times its bytes on disk.")
        return sample

    yield Side(_OURS, ours)
    yield Side("cp -r, sync", lambda: on.copy(on.many, "copy", durable=True), at_most(1.6))
    aims = {RESTIC: ahead(2), BORG: ahead(2.5), DVC: ahead(5), GIT: ahead(6), OXEN: ahead(20)}
    yield from _peers(on, "put", "many", aims, 1)


def large_put(on: Ground) -> Iterator[Side]:
    yield Side(_OURS, lambda: on.put(on.large, LARGE))
    yield Side("cp, sync", lambda: on.copy(on.large, "large-copy", durable=True), at_most(0.6))
    yield from _peers(on, "put", "large", {DVC: ahead(1.8), RESTIC: ahead(3), BORG: None, OXEN: None}, 1)


def change(on: Ground) -> Iterator[Side]:
    on.change(on.many)

    def ours() -> None:
        with files.modify(on.conn, MANY) as changes:
            for path in on.look():
                with open(path, "rb") as file:
                    changes.put(path.removeprefix(str(on.many)), file)

    yield Side(_OURS, lambda: on.server.ours(ours))
    yield Side("find -ls", lambda: command(["find", on.many, "-ls"]), at_most(3))
    for side in _peers(on, "put", "many", {DVC: ahead(10), GIT: ahead(1), RESTIC: None, BORG: None}, 2):
        place = next(place for (name, kind), place in on.places.items() if (name, kind) == (side.name, "many"))
        if place.peer.copies:
            on.change(place.files)
        yield side


def list_all(on: Ground) -> Iterator[Side]:
    yield Side(_OURS, lambda: on.server.ours(lambda: deque(files.walk(on.conn, File(MANY, "/")), 0)))
    yield Side("find -ls", lambda: command(["find", on.many, "-ls"]), at_most(2))
    yield from _peers(on, "list", "many", {GIT: ahead(3), DVC: ahead(10)})


def diff(on: Ground) -> Iterator[Side]:
    def ours() -> Sample:
        return on.server.ours(lambda: deque(files.diff(on.conn, File(MANY, "/")), 0))

    yield Side(_OURS, ours, ready=ours)
    aims: dict[Peer, Aim | None] = {GIT: at_most(2), BORG: ahead(50), RESTIC: ahead(50), DVC: ahead(50)}
    for side in _peers(on, "diff", "many", aims):
        yield Side(side.name, side.run, side.aim, side.run if side.name == GIT.name else side.ready)


def many_get(on: Ground) -> Iterator[Side]:
    yield Side(_OURS, lambda: on.server.ours(lambda: write_tree(on.conn, File(MANY, "/"), on.folder / "out")))
    yield Side("cp -r", lambda: on.copy(on.many, "out-copy", durable=False), at_most(1.2))
    yield Side("such files made of memory", lambda: on.create("out-made"), at_most(3))
    yield from _peers(on, "get", "many", {DVC: ahead(10)})


def large_get(on: Ground) -> Iterator[Side]:
    out = on.folder / "large-out"
    yield Side(_OURS, lambda: on.server.ours(lambda: write_tree(on.conn, File(LARGE, "/"), out)))
    yield Side("cp", lambda: on.copy(on.large, "large-out-copy", durable=False), at_most(0.6))


def commit_small(on: Ground) -> Iterator[Side]:
    """In new repos on all sides. A sample is one commit, on the average; slow ones make fewer."""
    yield Side(_OURS, lambda: on.commit_small(SMALL, "small"))
    parts: dict[Peer, tuple[Aim, int]] = {GIT: (at_most(0.35), 5), OXEN: (ahead(8), 10), DVC: (ahead(150), 200)}
    for peer, (aim, part) in parts.items():
        count = max(3, on.scale.commits // part)
        for side in _peers(on, "small", "small", {peer: aim}, count):
            yield Side(side.name, lambda run=side.run, count=count: each(run(), count), aim)  # type: ignore[misc]


def commit_on_trees(on: Ground) -> Iterator[Side]:
    """The same small commits on very many files and on a thousand: what is compared is ours with ours."""
    for count, aim in ((on.scale.tree, None), (1000, at_most(1.5))):
        tree = Commit(REPO, f"tree{count}")
        with files.modify(on.conn, tree) as changes:
            for number in range(count):
                changes.put(f"/{number % 1000:03d}/{number:07d}.json", b"%d" % number)
        name = f"on {count:,} files"
        yield Side(name, lambda tree=tree, name=name: on.commit_small(tree, name), aim)  # type: ignore[misc]


def large_again(on: Ground) -> Iterator[Side]:
    for name in ("large-out", "large-out-copy", "large-copy"):
        if (on.folder / name).exists():
            on.drop(name)

    def ours() -> Sample:
        before = on.server.stored()
        sample = on.put(on.large, LARGE, "/again")
        more = (on.server.stored() - before) / 1000
        on.facts.append(f"Putting the large files again stored {more:,.0f} KB more.")
        return sample

    yield Side(_OURS, ours)
    yield Side("cp, sync", lambda: on.copy(on.large, "again-copy", durable=True), at_most(0.4))


@dataclass(frozen=True, slots=True)
class Workload:
    """One of the eight, what of it is done, and which others must have been done before."""

    name: str
    what: str
    sides: Callable[[Ground], Iterator[Side]]
    needs: tuple[str, ...] = ()

    def title(self, scale: Scale) -> str:
        """As tables show it."""
        return f"{self.name} {self.what}".format(files=scale.files, megabytes=scale.megabytes, tree=scale.tree)


_WORKLOADS = (
    Workload("W1", "put {files:,} files of 10 KB, one commit", many_put),
    Workload("W2", "put 4 files of {megabytes} MB", large_put),
    Workload("W3", "change 100 files, look for them, commit", change, ("W1",)),
    Workload("W4", "list all files", list_all, ("W1",)),
    Workload("W5", "diff the two commits", diff, ("W1", "W3")),
    Workload("W6", "get all small files", many_get, ("W1",)),
    Workload("W6", "get the large files", large_get, ("W2",)),
    Workload("W7", "one commit of one file of 1 KB", commit_small),
    Workload("W7", "the same on {tree:,} files", commit_on_trees),
    Workload("W8", "put W2 again under other names", large_again, ("W2",)),
)
NAMES = sorted({one.name for one in _WORKLOADS})


class Run:
    """All rounds, and what they found."""

    def __init__(self, only: list[str]) -> None:
        self._only = only
        needed = {*only, *(need for one in _WORKLOADS if one.name in only for need in one.needs)}
        self._workloads = [one for one in _WORKLOADS if one.name in needed]
        self._found: Found = {}
        self._aims: dict[tuple[str, str], Aim | None] = {}
        self._delays: list[float] = []
        self.facts: list[str] = []

    def round(self, on: Ground, number: int) -> None:
        """Each workload, its sides in turns, every second round the other way."""
        for workload in self._workloads:
            sides, what = list(workload.sides(on)), workload.title(on.scale)
            for side in sides if number % 2 == 0 else reversed(sides):
                side.ready()
                os.sync()  # what others left to be written is not this one's
                sample = side.run()
                self._aims[what, side.name] = side.aim
                self._found.setdefault(what, {}).setdefault(side.name, []).append(sample)
                print(f"round {number + 1}: {what[:34]:34} {side.name:16} {told(sample.seconds)}", flush=True)
        self._delays += on.delays.get("small", [])
        self.facts = [*on.facts, f"The server's memory was {on.server.memory():.0f} MB at most."]

    def rows(self) -> Iterator[Row]:
        """What was asked for, beside each of the others."""
        for what, sides in self._found.items():
            if what[:2] not in self._only:
                continue
            ours, *others = [Series(name, tuple(samples)) for name, samples in _ours_first(sides).items()]
            for other in others:
                yield Row(what, ours, other, self._aims[what, other.name])
        if self._delays and "W7" in self._only:
            parts = {"99 in 100": most(self._delays, 99), "half of them": median(self._delays)}
            slow, half = (Series(f"{name} take at most", (Sample(seconds),)) for name, seconds in parts.items())
            yield Row("W7, 99 in 100 commits take at most", slow, half, at_most(4))


def _ours_first(sides: dict[str, list[Sample]]) -> dict[str, list[Sample]]:
    first = next((name for name in sides if name == _OURS), None) or max(sides)
    return {first: sides[first], **sides}


def run(scale: Scale, rounds: int, folder: Path, only: list[str], slow: int = 1) -> str:
    """The section `store`, measured in this folder; the slow peers take part in so many rounds."""
    where = machine(folder)
    make_sources(folder / "sources", scale)
    measured = Run(only)
    for number in range(rounds):
        peers = [peer for peer in there() if peer is GIT or number < slow]
        with ground(scale, folder, number, peers) as on:
            measured.round(on, number)
    lines = [
        "## Files and commits",
        f"On {where}.",
        f"Medians of {rounds} rounds; restic, borg, dvc and oxen took part in {min(slow, rounds)}. A time of W7 is one",
        "commit's. All of ours is durable when it is answered, and what is beside it too; what is got is not.",
        *measured.facts,
        f"Peers that were not installed: {absent()}.",
        "",
        table([*measured.rows()]),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the section `store`."""
    options = parser("store", __doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--slow", type=int, default=1, help="rounds in which restic, borg, dvc and oxen take part")
    options.add_argument("--only", help="some of the workloads, as W2,W6; their figures are printed and not written")
    chosen = options.parse_args()
    only = chosen.only.split(",") if chosen.only else NAMES
    memory.keep()  # as the commands `put file` and `get file` do
    with scratch(chosen.folder) as folder:
        text = run(FULL if chosen.full else QUICK, chosen.rounds, folder, only, chosen.slow)
        if only == NAMES:
            publish("store", text)
        print(text, flush=True)  # before very many files are removed


if __name__ == "__main__":
    main()
