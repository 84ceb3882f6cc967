"""People who label: files of tasks beside the host's own view of local files, and twenty at once beside one.

`python -m bench.people` (or `just bench people`). A person asks for the next task, opens its picture, looks at it for a
moment and submits. What all have submitted must be in the next commit.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.measure import (
    Row,
    Sample,
    Series,
    Side,
    alternate,
    at_most,
    machine,
    most,
    parser,
    publish,
    scratch,
    table,
)
from bench.site import BOX, Site, put, site
from howdah.client import files
from howdah.client.channel import Connection
from howdah.names import Commit, File, Project, Repo

_PICTURE, _FILM = 5 << 20, 50 << 20
_LOOK = 3.0  # seconds that a person looks at a picture, half as long to half as long again: a fast one


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    people: int
    each: int  # submits
    rounds: int


QUICK = Size(20, 10, 10)
FULL = Size(20, 500, 30)


class Files:
    """A large picture and a film, as a task's file from the store and from a folder."""

    def __init__(self, where: Site, conn: Connection) -> None:
        self._site = where
        content = {"/picture.jpg": random.Random(1).randbytes(_PICTURE), "/film.mp4": random.Random(2).randbytes(_FILM)}  # noqa: S311
        put(conn, "media", iter(content.items()))
        folder = where.documents / "media"
        folder.mkdir()
        for path, data in content.items():
            (folder / path[1:]).write_bytes(data)
        self._paths = {"ours": self._ours(), "local files": self._stock(folder)}

    def _ours(self) -> dict[str, str]:
        project = self._site.project()
        self._site.sync(self._site.storage("pachyderm", project=project, pach_repo="media"))
        return self._shown(project)

    def _stock(self, folder: Path) -> dict[str, str]:
        project = self._site.project()
        fields: dict[str, Any] = {"path": str(folder), "use_blob_urls": True}
        self._site.sync(self._site.storage("localfiles", project=project, **fields))
        return self._shown(project)

    def _shown(self, project: int) -> dict[str, str]:
        """Where the browser gets each file from, by its ending."""
        tasks = self._site.send("GET", f"/api/tasks?project={project}")["tasks"]
        resolved = [self._site.send("GET", f"/api/tasks/{task['id']}")["data"] for task in tasks]
        paths = [quote(str(next(iter(data.values()))), safe="/?=&%") for data in resolved]
        sizes = {self._size(path): path for path in paths}
        return {"picture": sizes[_PICTURE], "film": sizes[_FILM]}

    def _size(self, path: str) -> int:
        answer = self._site.ask("GET", path)
        return len(answer.read())

    def first_byte(self, side: str) -> Sample:
        """Until the first byte of the picture; the rest is read and not counted."""
        before, started = self._site.cpu(), time.perf_counter()
        answer = self._site.ask("GET", self._paths[side]["picture"])
        answer.read(1)
        seconds = time.perf_counter() - started
        answer.read()
        return Sample(seconds, self._site.cpu() - before)

    def film(self, side: str) -> Sample:
        """All of the film."""
        before, started = self._site.cpu(), time.perf_counter()
        answer = self._site.ask("GET", self._paths[side]["film"])
        while answer.read(1 << 20):
            pass
        return Sample(time.perf_counter() - started, self._site.cpu() - before)


@dataclass
class Person:
    """Labels so many tasks of a project, one after the other."""

    site: Site
    project: int
    count: int
    chance: random.Random
    delays: list[float] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    failure: Exception | None = None

    def work(self) -> None:
        """Next task, its picture, submit, and look; the time of each submit is kept."""
        try:
            time.sleep(self.chance.uniform(0, _LOOK))  # nobody begins with the others in one moment
            for _ in range(self.count):
                self._label()
        except Exception as error:  # told by whoever waits for this thread
            self.failure = error

    def _label(self) -> None:
        task = self.site.send("GET", f"/api/projects/{self.project}/next")
        self.site.ask("GET", quote(task["data"]["image"], safe="/?=&%")).read()
        time.sleep(self.chance.uniform(_LOOK / 2, _LOOK * 3 / 2))
        started = time.perf_counter()
        body = {"result": [BOX], "lead_time": _LOOK}
        made = self.site.send("POST", f"/api/tasks/{task['id']}/annotations", body)
        self.delays.append(time.perf_counter() - started)
        self.made.append(made["id"])


def label(where: Site, conn: Connection, people: int, each: int) -> list[float]:
    """So many people label a project of their own; the time of each submit. All annotations must be in one commit."""
    repo = f"people{people}"
    put(conn, repo, _pictures(people * each + people))
    project = where.project()
    where.sync(where.storage("pachyderm", project=project, pach_repo=repo))
    target = where.storage("export/pachyderm", project=project, pach_repo=f"{repo}-labels")
    crowd = [Person(where, project, each, random.Random(number)) for number in range(people)]  # noqa: S311
    threads = [threading.Thread(target=person.work) for person in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed := [person.failure for person in crowd if person.failure]:
        raise RuntimeError(f"{len(failed)} of {people} people were stopped: {failed[0]}") from failed[0]
    where.sync(target)
    made = {key for person in crowd for key in person.made}
    if missing := made - set(_committed(conn, f"{repo}-labels")):
        raise RuntimeError(f"{len(missing)} of {len(made)} annotations are not in the commit")
    return [delay for person in crowd for delay in person.delays]


def _pictures(count: int) -> Iterator[tuple[str, bytes]]:
    return ((f"/{number:06d}.jpg", b"%d" % number * 2_000) for number in range(count))


def _committed(conn: Connection, repo: str) -> Iterator[int]:
    head = Commit(Repo(Project(), repo), "master")
    for info in files.walk(conn, File(head, "/")):
        if info.file.path.endswith(".json"):
            task = json.loads(b"".join(files.get(conn, info.file)))
            yield from (annotation["id"] for annotation in task["annotations"])


def rows(where: Site, conn: Connection, size: Size) -> list[Row]:
    """All comparisons."""
    shown = Files(where, conn)
    first, film = (
        alternate([Side(name, partial(action, name)) for name in ("ours", "local files")], size.rounds, warm=True)
        for action in (shown.first_byte, shown.film)
    )
    alone = most(label(where, conn, 1, min(size.each, 100)), 95)
    crowd = most(label(where, conn, size.people, size.each), 95)
    return [
        Row("first byte of a picture of 5 MB", first["ours"], first["local files"], at_most(1.2)),
        Row("all of a film of 50 MB", film["ours"], film["local files"], at_most(1.11)),
        Row(
            f"95 in 100 of {size.people * size.each:,} submits of {size.people} people take at most",
            Series("ours", (Sample(crowd),)),
            Series("those of one person", (Sample(alone),)),
            at_most(3),
        ),
    ]


def main() -> None:
    """Measure, and write the section `people`."""
    known = parser("people", __doc__)
    known.add_argument("--each", type=int, help="submits of each person, to end sooner")
    options = known.parse_args()
    size = FULL if options.full else QUICK
    size = replace(size, each=options.each or size.each)
    with scratch(options.folder) as folder:
        where = machine(folder)
        with site(Path(folder)) as (studio, conn):
            found = rows(studio, conn, size)
    text = [
        "## People who label",
        f"On {where}.",
        f"Each person looks at a picture for {_LOOK:g} s. No request failed; all that was submitted is in one commit.",
        "",
        table(found),
    ]
    publish("people", "\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()
