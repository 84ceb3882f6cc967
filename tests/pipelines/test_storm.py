"""Store, worker, fences and code are killed at arbitrary moments of jobs: what comes out is what would have without.

Some kills in the suite; `HOWDAH_STORM=200` has as many as that, `HOWDAH_STORM_SEED` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from howdah.client import channel, commits, files, jobs, pipelines, repos, upkeep
from howdah.client.channel import Connection
from howdah.errors import HowdahError, Unavailable
from howdah.infos import CommitState, JobInfo, JobState
from howdah.names import Commit, File, Pipeline, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.pipelines import processes
from tests.pipelines.processes import Process

KILLS = int(os.environ.get("HOWDAH_STORM", "6"))
SEED = int(os.environ.get("HOWDAH_STORM_SEED", "20261121"))
PATIENCE = 120.0
PIPELINES = ("upper", "letters", "pairs", "total")
STOPPED = JobState.JOB_KILLED, JobState.JOB_UNRUNNABLE  # by an update or a stop, or because what is before it was

# Fails now and then, and takes its time.
FLAKY = "test $(od -An -N1 -tu1 /dev/urandom) -gt 40; sleep 0.0$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')"
NAMES = [f"/{letter}{number}" for letter in "abcd" for number in range(6)]

Files = dict[str, bytes]


def upper(words: Files, mark: str) -> Files:
    return {path: f"{mark} ".encode() + data.upper() for path, data in words.items()}


def letters(upper: Files) -> Files:
    found = defaultdict[str, bytes](bytes)
    for path in sorted(upper):
        found[path[:2]] += upper[path]
    return dict(found)


def pairs(letters: Files, sides: Files) -> Files:
    return {f"{one}-{path[1:]}": data + sides[path] for one, data in letters.items() for path in sides}


def total(pairs: Files) -> Files:
    return {"/total": b"".join(pairs[path] for path in sorted(pairs))} if pairs else {}


def undisturbed(words: Files, sides: Files, mark: str) -> dict[str, Files]:
    """What the pipelines have made of this, if nothing ever happens to them."""
    first = upper(words, mark)
    second = letters(first)
    third = pairs(second, sides)
    return {"upper": first, "letters": second, "pairs": third, "total": total(third)}


class Storm:
    """Somebody who commits and changes pipelines, and knows what was acknowledged; the store may die meanwhile."""

    def __init__(self, data: Path, chance: random.Random) -> None:
        self.data, self.chance = data, chance
        self.server = StoreServer(data, workers=2)
        self.port = self.server.port
        self.repos: dict[str, Files] = {"words": {}, "sides": {}}
        self.mark = "first"
        self.left: list[Process] = []
        self.fault: BaseException | None = None
        with self.conn() as conn:
            for name in self.repos:
                repos.create(conn, Repo(Project(), name))
        self.put("words", dict.fromkeys(NAMES[::2], b"word\n"))
        self.put("sides", {"/x": b"X\n", "/y": b"Y\n"})
        self.pipelines()

    @contextmanager
    def conn(self) -> Iterator[Connection]:
        with channel.connect(f"127.0.0.1:{self.port}") as conn:
            yield conn

    def acknowledged(self, verb: Callable[[Connection], object]) -> None:
        """Do it, again if nobody knows whether it is done: verbs are such that twice is as once."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with self.conn() as conn:
                    verb(conn)
                    return
            except Unavailable:
                assert time.monotonic() < deadline, "the store did not come back"

    def put(self, repo: str, content: Files, *gone: str) -> None:
        """Let files be this, and these files gone."""

        def write(conn: Connection) -> None:
            with files.modify(conn, Commit(Repo(Project(), repo), "master")) as changes:
                for path in gone:
                    changes.delete(path)
                for path, data in content.items():
                    changes.put(path, data)

        self.acknowledged(write)
        self.repos[repo] = {path: data for path, data in (self.repos[repo] | content).items() if path not in gone}

    def pipelines(self, *, update: bool = False, reprocess: bool = False) -> None:
        """Create the pipelines, or give one of them a new version."""
        for name, (given, script, spec) in self.specs().items():
            if not update or name == "upper":
                document = {
                    "pipeline": {"name": name},
                    "input": given,
                    "transform": {"cmd": ["sh", "-e"], "stdin": script},
                    "datum_tries": 1000,
                    **spec,
                }
                create = partial(pipelines.create, specification=json.dumps(document), update=True, reprocess=reprocess)
                self.acknowledged(create)

    def specs(self) -> dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]]:
        mark = f"echo -n '{self.mark} ' > $out; tr a-z A-Z < $words >> $out"
        most = {"datum_set_spec": {"number": self.chance.randrange(1, 5)}}
        group = pfs("upper", "/(?)*", name="upper", group_by="$1")
        return {
            "upper": (pfs("words"), [FLAKY, "out=/pfs/out/$(basename $words)", mark], most),
            "letters": ({"group": [group]}, ["cat /pfs/upper/* > /pfs/out/$PACH_DATUM_upper_GROUP_BY"], {}),
            "pairs": (
                {"cross": [pfs("letters"), pfs("sides")]},
                [FLAKY, "cat $letters $sides > /pfs/out/$(basename $letters)-$(basename $sides)"],
                most,
            ),
            "total": (pfs("pairs", "/"), ["cat /pfs/pairs/* > /pfs/out/total"], {}),
        }

    def act(self, stop: threading.Event) -> None:
        """One thing after the other, until it is time to look."""
        try:
            while not stop.is_set():
                self.chance.choice([self.edit, self.edit, self.edit, self.edit, self.side, self.change, self.rest])()
                stop.wait(self.chance.uniform(0, 1))
        except BaseException as error:  # noqa: BLE001 -- told by the test
            self.fault = error

    def edit(self) -> None:
        some = self.chance.sample(NAMES, 4)
        fresh = {path: b"%s of %d\n" % (path.encode(), self.chance.randrange(3)) for path in some[:3]}
        self.put("words", fresh, *some[3:])

    def side(self) -> None:
        self.put("sides", {"/y": b"%d\n" % self.chance.randrange(10)})

    def change(self) -> None:
        """Another version: of the same code, or of other code for all datums."""
        anew = self.chance.random() < 0.3  # noqa: PLR2004
        if anew:
            self.mark = self.chance.choice(["first", "second", "third"])
        self.pipelines(update=True, reprocess=anew)

    def rest(self) -> None:
        name = Pipeline(Project(), self.chance.choice(PIPELINES))
        self.acknowledged(lambda conn: pipelines.stop(conn, name))
        self.acknowledged(lambda conn: pipelines.start(conn, name))

    def is_alone(self) -> bool:
        """Whether of all workers that there were at most the last one is there."""
        last = processes.worker(self.server.process.pid)
        return not any(each.is_there for each in self.left if each != last)

    def strike(self) -> str:
        """Kill something; returns what."""
        number = self.server.process.pid
        self.left += filter(None, [processes.worker(number)])
        victim = self.chance.choice(["store", "store", "store", "worker", "fence", "run", "code", "code"])
        if victim == "store":
            self.server.kill()
            self.server = StoreServer(self.data, port=self.port, workers=2)
            return victim
        below = {"worker": processes.below, "fence": processes.fences, "run": processes.runs, "code": processes.codes}
        there = below[victim](number)
        if there:
            self.chance.choice(there).kill()
        return victim


def all_jobs(conn: Connection) -> list[JobInfo]:
    return [*jobs.list(conn, history=-1)]


def content(conn: Connection, repo: Repo) -> Files:
    found = files.get_tree(conn, File(Commit(repo, "master"), "/"))
    return {path: b"".join(pieces) for path, pieces in found if pieces is not None}


@pytest.mark.timeout(600 + KILLS * 20)
def test_kills_at_any_moment_change_nothing_of_what_comes_out(tmp_path: Path) -> None:
    print(f"HOWDAH_STORM_SEED={SEED} HOWDAH_STORM={KILLS}")  # shown by a failure
    chance = random.Random(SEED)
    storm = Storm(tmp_path / "data", random.Random(chance.random()))
    try:
        stop = threading.Event()
        person = threading.Thread(target=storm.act, args=(stop,))
        person.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0, 1.5))  # any moment will do
            print(storm.strike())
        stop.set()
        person.join(PATIENCE * 2)
        assert not person.is_alive()
        if storm.fault is not None:
            raise storm.fault
        with storm.conn() as conn:
            settle(conn)
            check(storm, conn)
            again(storm, conn)
        until(storm.is_alone, PATIENCE, "the end of former workers")
    finally:
        storm.server.stop()


def settle(conn: Connection) -> None:
    """Wait until no job is left."""
    open_jobs: list[JobInfo] = []

    def is_settled() -> bool:
        open_jobs[:] = [info for info in all_jobs(conn) if not info.state.is_over]
        return not open_jobs

    try:
        until(is_settled, PATIENCE + KILLS)
    except AssertionError:
        raise AssertionError(f"jobs were left: {open_jobs}") from None


def check(storm: Storm, conn: Connection) -> None:
    """All is as if nothing had happened."""
    wanted = undisturbed(storm.repos["words"], storm.repos["sides"], storm.mark)
    for name, expected in wanted.items():
        assert content(conn, Repo(Project(), name)) == expected, name
        kept = content(conn, Repo(Project(), name, "meta"))
        outputs = [(path.split("/out", 1)[1], data) for path, data in kept.items() if path.startswith("/pfs/")]
        assert sorted(outputs) == sorted(expected.items()), f"meta of {name}"
        for type in ("user", "meta"):
            history = [*commits.list(conn, Repo(Project(), name, type))]
            assert all(info.state is CommitState.FINISHED for info in history)
    for info in all_jobs(conn):
        done = info.processed + info.skipped + info.failed + info.recovered
        is_well = info.state is JobState.JOB_SUCCESS
        assert is_well or info.state in STOPPED, info
        assert done == info.total if is_well else done <= info.total, info
    assert [*upkeep.fsck(conn)] == []


def again(storm: Storm, conn: Connection) -> None:
    """What was done is known to be done: a job for what is there works on nothing."""
    mill = Mill(conn)
    for name in PIPELINES:
        pipelines.rerun(conn, Pipeline(Project(), name))
        settle(conn)
        told = mill.wait(name)
        assert (told.state, told.processed, told.skipped) == (JobState.JOB_SUCCESS, 0, told.total), told
    check(storm, conn)
    try:
        upkeep.collect_garbage(conn)
    except HowdahError as error:
        pytest.fail(f"gc: {error.message}")
    check(storm, conn)
