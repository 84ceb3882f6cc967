"""What all benchmarks share: measured actions, ours and a peer's in turns, and the document that tells the ratios.

A figure never stands alone: each is measured beside a peer or a physical limit, alternately and in the same run, since
machines differ and are noisy. The ratio is the median of the rounds' own ratios, so that a slow minute spoils one round
and not the comparison.

A benchmark is a module `bench/NAME.py` with a `main`; it ends with `publish("NAME", ...)`, which replaces its own
section of docs/reference/performance.md and leaves the others alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from howdah import filesystems

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs/reference/performance.md"
_MILLI = 1e-3
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds by the wall's clock and of the processor, and the largest resident memory in MB (0: not known).

    The processor's seconds are what a busy machine leaves unchanged; they count ended child processes too.
    """

    seconds: float
    cpu: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared. `run` prepares what it needs, and gives the sample of the part that counts."""

    name: str
    run: Callable[[], Sample]


@dataclass(frozen=True, slots=True)
class Series:
    """One side's samples, in the order of the rounds."""

    name: str
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """The median time."""
        return median(sample.seconds for sample in self.samples)

    @property
    def cpu(self) -> float:
        """The median processor time."""
        return median(sample.cpu for sample in self.samples)

    @property
    def memory(self) -> float:
        """The most that any round took."""
        return max(sample.memory for sample in self.samples)

    def ratio(self, other: Series, of: Callable[[Sample], float] = lambda sample: sample.seconds) -> float:
        """How many times the other's this is: the median of the rounds' ratios, by time unless `of` takes another.

        Where one took part in fewer rounds, these were the first.
        """
        pairs = zip(self.samples, other.samples, strict=False)
        return median(of(mine) / max(of(theirs), 1e-9) for mine, theirs in pairs)


def measure(action: Callable[[], object]) -> Sample:
    """One run of `action` in this process."""
    before, started = _used(), time.perf_counter()
    action()
    seconds = time.perf_counter() - started
    return Sample(seconds, _used() - before, _megabytes(resource.getrusage(resource.RUSAGE_SELF)))


def _used() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def command(words: Sequence[str | Path], *, environ: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Sample:
    """One run of a command, whose output is dropped; `CalledProcessError` if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, words)),
        env=None if environ is None else dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # it is gone; the object must know
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(map(str, words)))
    return Sample(seconds, used.ru_utime + used.ru_stime, _megabytes(used))


def alternate(sides: Sequence[Side], rounds: int, *, warm: bool = False) -> dict[str, Series]:
    """All sides in turns, `rounds` times, each round in the other order; `warm` runs each once before, not counted."""
    found: dict[str, list[Sample]] = {side.name: [] for side in sides}
    if warm:
        for side in sides:
            side.run()
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            found[side.name].append(side.run())
    return {name: Series(name, tuple(samples)) for name, samples in found.items()}


def most(delays: Sequence[float], percent: int) -> float:
    """What so many in 100 take at most."""
    return quantiles(delays, n=100, method="inclusive")[percent - 1] if len(delays) > 1 else delays[0]


def told(seconds: float) -> str:
    """A time as documents show it, by two or three figures."""
    if seconds < 1:
        return f"{seconds / _MILLI:.3g} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of a ratio: at most `limit`, told so or, for a peer, by how many times we are to be ahead."""

    limit: float
    text: str

    def judge(self, ratio: float) -> str:
        """The aim, and whether it is met."""
        return f"{self.text}: {'yes' if ratio <= self.limit else 'no'}"


def at_most(limit: float) -> Aim:
    """The aim beside a limit of the machine or a like."""
    return Aim(limit, f"at most {limit:g}")


def ahead(times: float) -> Aim:
    """The aim beside a peer: it takes so many times as long."""
    return Aim(1 / times, f"{times:g}x ahead")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison of a table: what was done, ours, the peer's or the limit's, and what is wanted of the ratio."""

    what: str
    ours: Series
    peer: Series
    aim: Aim | None = None

    @property
    def cells(self) -> list[str]:
        """As the table shows it."""
        times = [told(one.seconds) + (f" ({told(one.cpu)})" if one.cpu else "") for one in (self.ours, self.peer)]
        ratio = self.ours.ratio(self.peer)
        shown = _short(ratio)
        if self.peer.cpu:
            shown += f" ({_short(self.ours.ratio(self.peer, lambda sample: sample.cpu))})"
        ahead = f"{1 / ratio:.1f}x" if ratio < 1 else ""
        return [self.what, times[0], self.peer.name, times[1], shown, ahead, self.aim.judge(ratio) if self.aim else ""]


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.1g}"


def table(rows: Sequence[Row]) -> str:
    """A Markdown table of the comparisons: times with the processor's behind them, and so the ratios; then the aims."""
    heads = ["", "Howdah (processor)", "beside", "time (processor)", "ratio (processor)", "ahead", "aim"]
    return grid(heads, [row.cells for row in rows])


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Any Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine(folder: Path) -> str:
    """What this machine is, in one sentence that names neither it nor any path; `folder` tells the file system."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    kind = filesystems.kind_of(folder.resolve(), filesystems.read_mounts())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores ({platform.machine()}), {round(pages * size / _GIB)} GB of memory, {kind} file system, "
        f"{platform.system()}, Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f} at the start"
    )


def parser(name: str, text: str | None) -> argparse.ArgumentParser:
    """The options that most benchmarks have."""
    made = argparse.ArgumentParser(prog=f"bench.{name}", description=text)
    made.add_argument("--full", action="store_true", help="as much as the aims speak of")
    made.add_argument("--folder", type=Path, help="where to work: the disk that is measured")
    return made


@contextmanager
def scratch(folder: Path | None) -> Iterator[Path]:
    """A new folder for one run, there or where the system has them; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="howdah-bench-", dir=folder, ignore_cleanup_errors=True) as made:
        yield Path(made)
    os.sync()  # whoever measures next need not wait for it


def publish(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Put `text` into the document as the section of this name, in place of the last run's."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
    there = document.read_text("utf-8") if document.exists() else ""
    section = f"{begin}{text.rstrip()}\n{end}"
    if begin in there:
        before, _, rest = there.partition(begin)
        whole = before + section + rest.partition(end)[2]
    else:
        whole = f"{there.rstrip()}\n\n{section}" if there else section
    document.write_text(whole, encoding="utf-8")
