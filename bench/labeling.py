"""Label Studio on a repo beside Label Studio on a folder: Syncs of sources and targets, and saves of annotations.

`python -m bench.labeling` (or `just bench labeling`). The peer is the host's own local-files storage in the same
process, asked through the same REST interface. Another person turns pages all the while a large Sync runs.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import (
    ROOT,
    Row,
    Sample,
    Series,
    Side,
    ahead,
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
from bench.site import BOX, Site, put, site
from howdah.client.channel import Connection

_PAUSE = 0.05  # between two pages: a person turns them, not a loop
_IDLE = 10.0
_DJANGO = {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "howdah.labelstudio.settings"}
_GROWTH = 150  # megabytes


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    files: int
    many: int
    annotations: int
    saves: int
    rounds: int


QUICK = Size(2_000, 20_000, 2_000, 50, 2)
FULL = Size(10_000, 100_000, 10_000, 200, 3)


def _named(count: int, edition: str = "") -> Iterator[tuple[str, bytes]]:
    return ((f"/{number % 100:02d}/{number:06d}.jpg", b"%d %s" % (number, edition.encode())) for number in range(count))


class Sources:
    """First Syncs of the same files into new projects, from the store and from a folder."""

    def __init__(self, where: Site, conn: Connection, count: int) -> None:
        self._site, self.count = where, count
        self._folder = where.documents / str(count)
        for path, data in _named(count):
            file = self._folder / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self.repo = f"files{count}"
        put(conn, self.repo, _named(count))
        self.last: dict[str, str] = {}

    def ours(self) -> Sample:
        """From the store."""
        return self._first("pachyderm", pach_repo=self.repo)

    def stock(self) -> Sample:
        """From a folder."""
        return self._first("localfiles", path=str(self._folder), use_blob_urls=True, recursive_scan=True)

    def _first(self, kind: str, **fields: Any) -> Sample:
        project = self._site.project()
        self.last[kind] = self._site.storage(kind, project=project, **fields)
        sample = self._site.synced(self.last[kind])
        found = self._site.send("GET", f"/api/projects/{project}/")["task_number"]
        if found != self.count:
            raise RuntimeError(f"{found} tasks of {self.count} files")
        return sample

    def again(self, kind: str) -> Sample:
        """The last one once more."""
        return self._site.synced(self.last[kind])

    def stock_again(self) -> Sample:
        """A folder whose files are tasks already."""
        if "localfiles" not in self.last:
            fields = {"path": str(self._folder), "use_blob_urls": True, "recursive_scan": True}
            storage = self._site.storage("localfiles", project=self._site.project(), **fields)
            words = [sys.executable, "-m", "bench.stock_rows", storage.rpartition("/")[2]]
            subprocess.run(words, check=True, cwd=ROOT, env=self._site.environ() | _DJANGO)
            self.last["localfiles"] = storage
        return self.again("localfiles")


class Pages:
    """A person who asks for the next task of a project of their own until the block ends; how long each took."""

    def __init__(self, where: Site) -> None:
        self._site = where
        self._project = where.project()
        tasks = [{"data": {"image": f"/static/{number}.jpg"}} for number in range(200)]
        where.send("POST", f"/api/projects/{self._project}/import", tasks)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._turn)
        self.delays: list[float] = []

    def _turn(self) -> None:
        while not self._ended.wait(_PAUSE):
            started = time.perf_counter()
            self._site.send("GET", f"/api/projects/{self._project}/next")
            self.delays.append(time.perf_counter() - started)

    def __enter__(self) -> Pages:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _one(name: str, sample: Sample, share: float = 1.0) -> Series:
    return Series(name, (Sample(sample.seconds / share, sample.cpu / share),))


def sources(where: Site, conn: Connection, size: Size) -> tuple[list[Row], list[list[str]]]:
    """The rows on sources, and what else was seen while the large one was taken in."""
    small, large = Sources(where, conn, size.files), Sources(where, conn, size.many)
    sides = alternate([Side("ours", small.ours), Side("local files", small.stock)], size.rounds)
    first, seen = _beside_a_person(where, large)
    whole, few = _one("its first Sync", first), f"{size.files:,} files"
    again = alternate([Side("ours", lambda: large.again("pachyderm")), Side("local files", large.stock_again)], 2)
    put(conn, large.repo, _edited(size.many))
    changed = _one("ours", large.again("pachyderm"))
    return [
        Row(f"first Sync of {few}", sides["ours"], sides["local files"], ahead(25)),
        Row(
            f"{few} of a first Sync of {size.many:,}",
            _one("ours", first, size.many / size.files),
            Series(f"at {few}", sides["ours"].samples),
            at_most(1.25),
        ),
        Row(f"Sync {size.many:,} again, nothing new", again["ours"], again["local files"], at_most(0.01)),
        Row(f"Sync {size.many:,} again, 100 changed", changed, whole, at_most(0.03)),
    ], seen


def _beside_a_person(where: Site, large: Sources) -> tuple[Sample, list[list[str]]]:
    """A large first Sync, and what it does to somebody who turns pages meanwhile."""
    with Pages(where) as idle:
        time.sleep(_IDLE)
    before = where.forget()
    with Pages(where) as busy:
        first = large.ours()
    delays = [most(one.delays, 95) for one in (busy, idle)]
    grown = first.memory - before
    return first, [
        ["95 in 100 pages take at most", *map(told, delays), at_most(2).judge(delays[0] / delays[1])],
        [
            "memory of Label Studio", f"{first.memory:.0f} MB", f"{before:.0f} MB",
            f"{_GROWTH} MB more: {'yes' if grown <= _GROWTH else 'no'}",
        ],
    ]  # fmt: skip


def _edited(count: int) -> Iterator[tuple[str, bytes]]:
    step = count // 100
    return (pair for number, pair in enumerate(_named(count, "edited")) if number % step == 0)


def targets(where: Site, size: Size) -> list[Row]:
    """The rows on commits of annotations."""
    project = where.project()
    tasks = [
        {"data": {"image": f"/static/{number}.jpg"}, "annotations": [{"result": [BOX]}]}
        for number in range(size.annotations)
    ]
    for start in range(0, len(tasks), 1000):
        where.send("POST", f"/api/projects/{project}/import", tasks[start : start + 1000])
    target = where.storage("export/pachyderm", project=project, pach_repo="labels")
    first = where.synced(target)
    some = where.send("GET", f"/api/tasks?project={project}&page_size=10&fields=all")["tasks"]
    for task in some:
        key = task["annotations"][0]["id"]
        where.send("PATCH", f"/api/annotations/{key}", {"result": [BOX, BOX | {"id": "other"}]})
    second, nothing = where.synced(target), where.synced(target)
    shown = Series("a request that shows the target", tuple(_asked(where, target) for _ in range(5)))
    out = where.documents / "labels"
    out.mkdir()
    stock = where.storage("export/localfiles", project=project, path=str(out))
    peer = Series("local files", (where.synced(stock),))
    ours = Series("ours", (first,))
    changed = Series("ours", (second,))
    return [
        Row(f"first Sync of {size.annotations:,} annotations", ours, peer, ahead(30)),
        Row("Sync of 10 changed ones", changed, Series("the first", (first,)), at_most(0.01)),
        Row("Sync of 10 changed ones", changed, Series("a Sync of none", (nothing,)), None),
        Row("Sync of 10 changed ones", changed, shown, None),
    ]


def _asked(where: Site, path: str) -> Sample:
    before, started = where.cpu(), time.perf_counter()
    where.send("GET", path)
    return Sample(time.perf_counter() - started, where.cpu() - before)


def _saver(where: Site, *, target: bool) -> Callable[[], Sample]:
    """Saves one annotation after the other in a project of its own."""
    project = where.project()
    where.send("POST", f"/api/projects/{project}/import", [{"data": {"image": "/static/1.jpg"}}])
    (task,) = where.send("GET", f"/api/tasks?project={project}")["tasks"]
    if target:
        where.storage("export/pachyderm", project=project, pach_repo="saved")

    def save() -> Sample:
        before, started = where.cpu(), time.perf_counter()
        for _ in range(10):
            where.send("POST", f"/api/tasks/{task['id']}/annotations", {"result": [BOX], "lead_time": 1.0})
        return Sample((time.perf_counter() - started) / 10, (where.cpu() - before) / 10)

    return save


def saves(where: Site, size: Size) -> Row:
    """The row on saving an annotation with and without a target."""
    sides = [Side("with a target", _saver(where, target=True)), Side("without", _saver(where, target=False))]
    found = alternate(sides, size.saves // 10, warm=True)
    return Row("save an annotation, with a target", found["with a target"], found["without"], at_most(1.1))


def main() -> None:
    """Measure, and write the section `labeling`."""
    options = parser("labeling", __doc__).parse_args()
    size = FULL if options.full else QUICK
    with scratch(options.folder) as folder:
        where = machine(folder)
        with site(Path(folder)) as (studio, conn):
            saved = saves(studio, size)
            rows, seen = sources(studio, conn, size)
            rows += [*targets(studio, size), saved]
    text = [
        "## Labeling",
        f"On {where}.",
        "Label Studio on SQLite, asked through its REST interface; the peer is its own local-files storage.",
        "",
        table(rows),
        "",
        grid([f"While {size.many:,} files are taken in", "then", "idle", "aim"], seen),
    ]
    publish("labeling", "\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()
