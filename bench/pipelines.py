"""What running code on datums costs, beside starting the same code in the same fence by hand.

`python -m bench.pipelines` (or `just bench pipelines`) on Linux. By hand is a slot of ours that is ready: what is
measured is all that a commit, a job and its datums add to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median

from bench.measure import (
    Aim,
    Row,
    Sample,
    Series,
    at_most,
    machine,
    measure,
    most,
    parser,
    publish,
    scratch,
    table,
)
from howdah.client import channel, commits, files
from howdah.names import Branch, Project, Repo
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from howdah.worker import layout, users
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Place, Slot

_CHANGED = 10
_SLOTS = 2
_NOW = ["date +%s%N > /pfs/out/now"]
_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything: commits whose jobs are waited for, datums of `true`, datums of which few change."""

    starts: int
    datums: int
    many: int


QUICK = Size(30, 300, 1000)
FULL = Size(200, 1000, 10_000)


class ByHand:
    """Slots of our own, outside of any store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def starts(self) -> Iterator[float]:
        """Seconds until the code has started, each time anew, in one slot."""
        place = self._place(0)
        with Slot(place) as slot:
            for number in count():
                folder = place.folder / str(number)
                layout.make(folder, place.user)
                layout.give(folder, _NOW)
                begun = time.time()
                slot.run(folder.name, ["sh"], _ENVIRONMENT, limits=Limits(reserve=0), tell=print)
                yield int((folder / "pfs/out/now").read_text()) / 1e9 - begun
                layout.remove(folder)

    def runs(self, count: int) -> Sample:
        """`true` so many times, in as many slots as a store has."""
        ready = threading.Barrier(_SLOTS + 1)
        threads = [
            threading.Thread(target=self._run, args=(number, count // _SLOTS, ready)) for number in range(_SLOTS)
        ]
        for thread in threads:
            thread.start()
        ready.wait()
        begun = time.perf_counter()
        for thread in threads:
            thread.join()
        return Sample(time.perf_counter() - begun)

    def _run(self, number: int, count: int, ready: threading.Barrier) -> None:
        place = self._place(number)
        with Slot(place) as slot:
            ready.wait()
            for each in range(count):
                folder = place.folder / str(each)
                layout.make(folder, place.user)
                layout.give(folder, [])
                slot.run(folder.name, ["true"], _ENVIRONMENT, limits=Limits(reserve=0), tell=print)
                layout.remove(folder)

    def _place(self, number: int) -> Place:
        return Place(self._folder / f"slot-{number}", number, covered=(self._folder,), user=users.of_slot(number))


class Ours:
    """A store that runs pipelines."""

    def __init__(self, mill: Mill) -> None:
        self._mill = mill

    def starts(self) -> Iterator[float]:
        """Seconds from the end of a commit until the code has started, each time anew; the first is not counted."""
        mill = self._mill
        repo = mill.repo({"/a": b""})
        pipeline = mill.pipeline(pfs(repo, name="in"), *_NOW, transform={"cmd": ["sh"]})
        mill.wait(pipeline)
        for number in count():
            commit = commits.start(mill.conn, Branch(Repo(Project(), repo), "master"))
            with files.modify(mill.conn, commit) as changes:
                changes.put("/a", b"%d" % number)
            commits.finish(mill.conn, commit)
            finished = time.time()
            mill.wait(pipeline, commit.id)
            yield int(mill.read(pipeline)["/now"]) / 1e9 - finished

    def runs(self, count: int, changed: int = 0) -> list[Sample]:
        """A job of so many datums of `true`, and if some change one more with these."""
        mill = self._mill
        repo = mill.repo({f"/{number:06}": b"%d" % number for number in range(count)})
        begun = time.perf_counter()
        pipeline = mill.pipeline(pfs(repo, name="in"), transform={"cmd": ["true"]})
        mill.wait(pipeline)
        first = Sample(time.perf_counter() - begun)
        if not changed:
            return [first]
        id = mill.put(repo, {f"/{number:06}": b"changed" for number in range(changed)})
        return [first, measure(lambda: mill.wait(pipeline, id))]


def _one(name: str, seconds: float) -> Series:
    return Series(name, (Sample(seconds),))


def _starts(found: Sequence[tuple[float, float]]) -> list[Row]:
    """Of ours and of those by hand, in turns: a fence that has just worked starts code sooner than one that has not."""
    ours, hand = zip(*found, strict=True)
    by_hand = _one("started by hand", median(hand))
    half, all = _one("ours", median(ours)), _one("ours", most(ours, 99))
    return [
        Row(f"from a commit's end to the start of code, half of {len(found)} at most", half, by_hand, at_most(3)),
        Row("99 in 100 at most", all, by_hand, at_most(8)),
    ]


def run(folder: Path, size: Size) -> str:
    """The table."""
    hand = ByHand(folder / "hand")
    with (
        StoreServer(folder / "data", workers=_SLOTS) as server,
        channel.connect(server.address) as conn,
    ):
        ours = Ours(Mill(conn))
        rows = _starts(list(islice(zip(ours.starts(), hand.starts(), strict=False), size.starts)))
        [each] = ours.runs(size.datums)
        by_hand = Series("by hand", (hand.runs(size.datums),))
        rows.append(Row(f"{size.datums:,} datums of `true`", Series("ours", (each,)), by_hand, at_most(3)))
        first, second = ours.runs(size.many, _CHANGED)
    before = _one("the job before", first.seconds)
    aim = Aim(0.02, "at most 0.02")
    rows.append(Row(f"{size.many:,} datums of which {_CHANGED} changed", _one("ours", second.seconds), before, aim))
    return table(rows)


def main() -> None:
    """Measure and publish."""
    options = parser("pipelines", __doc__).parse_args()
    with scratch(options.folder) as folder:
        about = f"On {machine(folder)}."
        text = f"## Pipelines\n{about}\n\n{run(folder, FULL if options.full else QUICK)}"
    print(text)
    publish("pipelines", text)


if __name__ == "__main__":
    main()
