"""How the cost of common verbs grows with the repo: at best not at all.

`python -m bench.growth` (or `just bench growth`) has repos of up to 100,000 files; `--full` up to a million. Beside the
table it draws docs/images/growth.svg.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import plot
from bench.measure import ROOT, Sample, at_most, grid, machine, parser, publish, scratch, told
from bench.watched import REPO, Watched, watched
from howdah.client import files
from howdah.client.channel import Connection
from howdah.names import Commit, File

_BRANCH = Commit(REPO, "master")
_IN_FOLDER = 100
_TIMES = 40
_AIM = at_most(1.5)
IMAGE = ROOT / "docs/images/growth.svg"

Costs = dict[str, Sample]


def _exhaust(found: Iterable[object]) -> None:
    deque(found, 0)


def _path(number: int) -> str:
    return f"/d{number // _IN_FOLDER:05d}/f{number:07d}.json"


def _verbs(conn: Connection, count: int) -> dict[str, Callable[[], object]]:
    """What is measured, each time on another file or folder."""
    source = random.Random(count)  # noqa: S311 -- the same in every run

    def any_file() -> File:
        return File(_BRANCH, _path(source.randrange(count)))

    def any_folder() -> str:
        return any_file().path.rpartition("/")[0]

    def commit() -> None:
        with files.modify(conn, _BRANCH) as changes:
            changes.put(any_file().path, source.randbytes(1000))

    return {
        "commit one file of 1 KB": commit,
        "diff with the parent": lambda: _exhaust(files.diff(conn, File(_BRANCH, "/"))),
        f"list a folder of {_IN_FOLDER}": lambda: _exhaust(files.list(conn, File(_BRANCH, any_folder()))),
        f"glob a folder of {_IN_FOLDER}": lambda: _exhaust(files.glob(conn, _BRANCH, f"{any_folder()}/*.json")),
        "inspect a file": lambda: files.inspect(conn, any_file()),
        "read a file": lambda: _exhaust(files.get(conn, any_file())),
    }


@dataclass(frozen=True, slots=True)
class Repo:
    """A repo of so many files, in a store of its own."""

    count: int
    server: Watched
    conn: Connection

    def fill(self) -> None:
        """Make the files."""
        with files.modify(self.conn, _BRANCH) as changes:
            for number in range(self.count):
                changes.put(_path(number), b"%d" % number)


def measured(folder: Path, counts: Sequence[int]) -> dict[int, Costs]:
    """What each verb costs in repos of so many files, in turns."""
    with ExitStack() as stack:
        repos = [Repo(count, *stack.enter_context(watched(folder / str(count)))) for count in counts]
        for repo in repos:
            repo.fill()
        verbs = {repo.count: _verbs(repo.conn, repo.count) for repo in repos}
        return _costs(repos, verbs)


def _costs(repos: Sequence[Repo], verbs: dict[int, dict[str, Callable[[], object]]]) -> dict[int, Costs]:
    found: dict[int, Costs] = {repo.count: {} for repo in repos}
    for name in verbs[repos[0].count]:
        samples: dict[int, list[Sample]] = {repo.count: [] for repo in repos}
        for number in range(_TIMES + 1):
            for repo in repos:
                sample = repo.server.ours(verbs[repo.count][name])
                if number:  # the first is not counted
                    samples[repo.count].append(sample)
        for count, some in samples.items():
            found[count][name] = _typical(some)
    return found


def _typical(samples: Sequence[Sample]) -> Sample:
    """The median time, and the processor's on the average, which a clock of hundredths tells no better."""
    return Sample(median(one.seconds for one in samples), sum(one.cpu for one in samples) / len(samples))


def section(found: dict[int, Costs], where: str) -> str:
    """The section `growth`."""
    sizes = sorted(found)
    cells = []
    for name in found[sizes[0]]:
        series = [found[size][name] for size in sizes]
        ratio = series[-1].seconds / series[0].seconds
        times = [f"{told(one.seconds)} ({told(one.cpu)})" for one in series]
        cells.append([name, *times, f"{ratio:.2f}", _AIM.judge(ratio) if name.startswith("commit") else ""])
    heads = ["", *(f"{size:,} files" for size in sizes), f"{sizes[-1]:,} beside {sizes[0]:,}", "aim"]
    return "\n".join(
        [
            "## What grows with the repo",
            f"On {where}.",
            f"Medians of {_TIMES}, in turns, each on another file or folder; in brackets the processor's time.",
            "",
            grid(heads, cells),
            "",
            "![Time of each verb by the number of files](../images/growth.svg)",
        ]
    )


def draw(found: dict[int, Costs]) -> str:
    """The same as a picture."""
    lines = {
        name: [(size, found[size][name].seconds * 1000) for size in sorted(found)]
        for name in next(iter(found.values()))
    }
    return plot.svg(lines, across="files in the repo", up="milliseconds")


def main() -> None:
    """Measure, write the section `growth` and draw it."""
    chosen = parser("growth", __doc__).parse_args()
    with scratch(chosen.folder) as folder:
        where = machine(folder)
        found = measured(folder, (1000, 10_000, 100_000, *((1_000_000,) if chosen.full else ())))
    IMAGE.write_text(draw(found), encoding="utf-8")
    text = section(found, where)
    publish("growth", text)
    print(text)


if __name__ == "__main__":
    main()
