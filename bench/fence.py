"""What it costs to run a program that does nothing, fenced in, beside the same fence made by hand.

`python -m bench.fence` (or `just bench fence`) on Linux. It only prints: nothing is offered yet that runs datums. By
hand is `unshare` with a shell that mounts, or bubblewrap where it is installed; both make all of the fence each time,
where ours makes its root once. Few at a time, in turns; times are of one run, ours without starting the slot.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Row, Sample, Series, Side, alternate, at_most, machine, measure, parser, scratch, table
from howdah.worker import layout, users
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Place, Slot

_COUNT = 20
_ROUNDS = 7
_MOUNTS = """
mount --bind "$1/pfs/out" /mnt && mount --bind "$1/tmp" /tmp && mount -t proc proc /proc &&
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all true
"""


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fenced(folder: Path, count: int, *, plain: bool) -> Sample:
    """So many runs in one slot; the processor's time includes the slot's own."""
    before = _spent()
    user = None if plain else users.of_slot(0)
    with Slot(Place(folder / "slot", covered=(folder,), plain=plain, user=user)) as slot:
        layout.make(slot.place.folder / "x", user)
        layout.give(slot.place.folder / "x", [])
        begun = time.perf_counter()
        for _ in range(count):
            ended = slot.run("x", ["true"], {"PATH": "/usr/bin:/bin"}, limits=Limits(reserve=0), tell=print)
            assert (ended.how, ended.code) == ("exited", 0), ended.why
        seconds = time.perf_counter() - begun
    layout.remove(slot.place.folder / "x")
    return Sample(seconds, _spent() - before)


def _ours(folder: Path, count: int, *, plain: bool = False) -> Callable[[], Sample]:
    def run() -> Sample:
        idle, found = _fenced(folder, 0, plain=plain), _fenced(folder, count, plain=plain)
        return Sample(found.seconds / count, (found.cpu - idle.cpu) / count)

    return run


def _by_hand(words: list[str], count: int) -> Callable[[], Sample]:
    def run() -> Sample:
        found = measure(lambda: [subprocess.run(words, check=True) for _ in range(count)])
        return Sample(found.seconds / count, found.cpu / count)

    return run


def _unshare(folder: Path) -> list[str]:
    kinds = ["--user", "--map-root-user", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
    return ["unshare", *kinds, "sh", "-c", _MOUNTS, "sh", str(folder)]


def _bubblewrap(folder: Path) -> list[str]:
    tops = [path for path in Path("/").iterdir() if path.name not in {"proc", "dev", "tmp", "pfs"}]
    binds = [
        word for path in tops if path.is_dir() and not path.is_symlink() for word in ("--ro-bind", *[str(path)] * 2)
    ]
    links = [word for path in tops if path.is_symlink() for word in ("--symlink", str(path.readlink()), str(path))]
    own = ["--proc", "/proc", "--dev", "/dev", "--ro-bind", f"{folder}/pfs", "/pfs", "--bind", f"{folder}/pfs/out"]
    rest = ["/pfs/out", "--bind", f"{folder}/tmp", "/tmp", "--unshare-user", "--unshare-pid", "--unshare-ipc", "true"]
    return ["bwrap", *binds, *links, *own, *rest]


def run(folder: Path, count: int = _COUNT, rounds: int = _ROUNDS) -> str:
    """The table."""
    layout.make(folder / "hand")
    sides = [Side("fenced", _ours(folder, count)), Side("unshare by hand", _by_hand(_unshare(folder / "hand"), count))]
    if shutil.which("bwrap"):
        sides.append(Side("bubblewrap", _by_hand(_bubblewrap(folder / "hand"), count)))
    sides += [Side("plain by hand", _by_hand(["true"], count)), Side("unfenced", _ours(folder, count, plain=True))]
    found = alternate(sides, rounds, warm=True)
    return table([_row("a run, fenced in", found, name) for name in found if name not in {"fenced", "unfenced"}]
                 + [Row("a run, unfenced", found["unfenced"], found["plain by hand"])])  # fmt: skip


def _row(what: str, found: dict[str, Series], peer: str) -> Row:
    return Row(what, found["fenced"], found[peer], None if peer == "plain by hand" else at_most(1))


def main() -> None:
    """Print the table."""
    options = parser("fence", __doc__).parse_args()
    with scratch(options.folder) as folder:
        print(f"{machine(folder)}\n")
        print(run(folder, _COUNT * (5 if options.full else 1)))


if __name__ == "__main__":
    main()
