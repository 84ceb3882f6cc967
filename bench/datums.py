"""What it takes to plan a job's datums, beside listing its inputs.

`python -m bench.datums` (or `just bench datums`) plans 20,000 datums, with `--full` 100,000. It only prints: nothing is
offered yet that plans datums. Each plan is made in a process of its own, whose largest memory counts.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import ROOT, Aim, at_most, grid, machine, measure, parser, scratch, told
from howdah.names import Commit, Project, Repo
from howdah.pfs import repos, writing
from howdah.pps import datums, listing, work
from howdah.pps.inputs import Input, PfsInput
from howdah.server.folder import open_store

_REPO = Repo(Project(), "images")
_MEMORY = Aim(300, "at most 300 MB")
_TIME = at_most(5)
_FOLDERS = 100
_SOURCE = PfsInput(project="default", name="a", repo="images", repo_type="user", branch="master", glob="/*/(*)_(*).jpg")
_KEYED = replace(_SOURCE, join_on="$2", group_by="$2")
_FEW = replace(_SOURCE, glob="/(*)-class/*", group_by="$1")


def _two(source: PfsInput) -> tuple[Input, ...]:
    return Input(pfs=source), Input(pfs=replace(source, name="b"))


_ONE_FILE = replace(_SOURCE, name="b", glob="/00-class/img_000000.jpg")
INPUTS = {
    "one input": Input(pfs=_SOURCE),
    "join of two": Input(join=_two(_KEYED)),
    "group of two into as many": Input(group=_two(_KEYED)),
    "group of two into a hundred": Input(group=_two(_FEW)),
    "cross with one file": Input(cross=(Input(pfs=_SOURCE), Input(pfs=_ONE_FILE))),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One plan: its datums, and the processor's seconds for listing, for planning with that, for finding the work."""

    count: int
    listed: float
    planned: float
    compared: float
    memory: float


def fill(data: Path, count: int) -> None:
    """A store with so many files."""
    with open_store(data) as store:
        with store.database.write() as tx:
            repos.create(tx, _REPO, "", now=store.now())
        session = writing.Session(store, Commit(_REPO, "master"))
        for number in range(count):
            session.put(f"/{number % _FOLDERS:02d}-class/img_{number:06d}.jpg", b"%d" % number)
        session.close()


def plan(data: Path, name: str) -> Planned:
    """List and plan in this process."""
    given = INPUTS[name]
    with open_store(data) as store:
        read = listing.of(store)
        listed = measure(lambda: [deque(read(leaf), 0) for leaf in given.leaves()])
        gc.collect()
        begun = time.process_time()
        found = datums.plan(given, read)
        planned = time.process_time() - begun
        first = work.compare(found)
        again = measure(lambda: work.compare(found, work.successes(found, first, first.run)))
        return Planned(len(found), listed.cpu, planned, again.cpu, again.memory)


def apart(data: Path, name: str) -> Planned:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.datums", "--one", name, str(data)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return Planned(**json.loads(done.stdout))


def run(folder: Path, count: int) -> str:
    """The table."""
    fill(folder / "data", count)
    cells = []
    for name in INPUTS:
        one = apart(folder / "data", name)
        ratio = one.planned / max(one.listed, 1e-9)
        cells.append(
            [name, f"{one.count:,}", told(one.listed), told(one.planned), f"{ratio:.2f}", _TIME.judge(ratio)]
            + [told(one.compared), f"{one.memory:.0f} MB", _MEMORY.judge(one.memory)]
        )
    heads = ["", "datums", "listing", "planning", "ratio", "aim", "work found", "memory", "aim"]
    return grid(heads, cells)


def main() -> None:
    """Measure and print."""
    options = parser("datums", __doc__)
    options.add_argument("--one", nargs=2, metavar=("NAME", "DATA"), help="a single plan, told as JSON")
    chosen = options.parse_args()
    if chosen.one:
        name, data = chosen.one
        one = plan(Path(data), name)
        print(json.dumps({field: getattr(one, field) for field in Planned.__slots__}))
        return
    with scratch(chosen.folder) as folder:
        print(f"On {machine(folder)}. Times are the processor's.\n")
        print(run(folder, 100_000 if chosen.full else 20_000))


if __name__ == "__main__":
    main()
