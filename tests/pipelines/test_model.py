"""Any pipelines and any edits, against a world where every job works on everything from scratch.

Some worlds in the suite; `HOWDAH_WORLDS=100` has as many as that, `HOWDAH_WORLD_SEED` begins with another one.
"""

from __future__ import annotations

import os
import random
from itertools import count

import pytest

from howdah.client import commits, jobs, pipelines, upkeep
from howdah.infos import CommitState, JobInfo, JobState
from howdah.names import Commit, Pipeline, Project, Repo
from howdah.testing.pipelines import Mill
from tests.pipelines.world import BAD, GLOBS, KEYED, NAMES, SCRIPT, WRITE, Expected, Input, Leaf, Pipe, World

WORLDS = int(os.environ.get("HOWDAH_WORLDS", "2"))
SEED = int(os.environ.get("HOWDAH_WORLD_SEED", "1"))
STEPS = 8
REPOS, PIPES = 2, 4
PATHS = [f"/{letter}{digit}" for letter in "abc" for digit in "01"] + [
    f"/{letter}/{digit}" for letter in "DE" for digit in "01"
]
_numbers = count(1)


class Change:
    """Random changes of a world, and of the store that is to be the same."""

    def __init__(self, mill: Mill, chance: random.Random) -> None:
        self.mill, self.chance = mill, chance
        self.world = World([mill.repo() for _ in range(REPOS)])
        self.expected: list[tuple[str, dict[str, Expected]]] = []
        self.log: list[str] = []
        for repo in self.world.repos:
            self.put(repo)
        for _ in range(PIPES):
            self.create()
            self.compare()

    def step(self) -> None:
        """Several commits in a row, or one thing that ends jobs, and a look at all that comes of it."""
        act = self.chance.choice([self.edit, self.edit, self.edit, self.update, self.reprocess, self.rest])
        for _ in range(self.chance.randrange(1, 4) if act == self.edit else 1):
            act()
        self.compare()

    def edit(self) -> None:
        self.put(self.chance.choice([*self.world.repos][:REPOS]))

    def put(self, repo: str) -> None:
        some = self.chance.sample(PATHS, 3)
        content = {path: self.content() for path in some[:2]}
        gone = [path for path in some[2:] if path in self.world.repos[repo]]
        id = self.mill.put(repo, content, delete=gone)
        before = self.world.repos[repo]
        self.world.repos[repo] = {path: data for path, data in (before | content).items() if path not in gone}
        self.happened(f"put {repo} {content} without {gone}", id, repo)

    def content(self) -> bytes:
        return BAD if self.chance.random() < 0.03 else b"%d\n" % self.chance.randrange(3)  # noqa: PLR2004

    def create(self) -> None:
        given = self.input([*self.world.repos])
        pipe = Pipe(given, self.chance.choice([*NAMES]))
        name = f"world{next(_numbers)}"
        self.world.pipes[name] = pipe
        self.world.repos[name] = {}
        self.tell(name, update=False, reprocess=False)

    def input(self, repos: list[str], depth: int = 0) -> Input:
        """Any input: its leaves have names of their own."""
        kind = self.chance.choice(["one", "one", "cross", "union", "join", "group"])
        keyed = kind in {"join", "group"}
        below: list[Leaf | Input] = []
        for _ in range(1 if kind == "one" else 2):
            if not depth and not keyed and self.chance.random() < 0.2:  # noqa: PLR2004
                below.append(self.input(repos, depth + 1))
                continue
            glob = self.chance.choice(KEYED if keyed else [*GLOBS])
            outer = kind == "join" and self.chance.random() < 0.3  # noqa: PLR2004
            below.append(Leaf(f"n{next(_numbers)}", self.chance.choice(repos), glob, outer))
        return Input("union" if kind == "one" else kind, tuple(below))

    def update(self, *, reprocess: bool = False) -> None:
        """Another input, which keeps what it can of what was done; or other code, for all."""
        name = self.chance.choice([*self.world.pipes])
        pipe = self.world.pipes[name]
        if reprocess:
            pipe.naming = self.chance.choice([*NAMES])
            pipe.done = set()
        elif self.chance.random() < 0.5:  # noqa: PLR2004
            names = [*self.world.repos]
            pipe.given = self.input(names[: names.index(name)])
        self.tell(name, update=True, reprocess=reprocess)

    def reprocess(self) -> None:
        self.update(reprocess=True)

    def tell(self, name: str, *, update: bool, reprocess: bool) -> None:
        """Give the store a pipeline as it is in the world."""
        pipe = self.world.pipes[name]
        spec = {"datum_tries": 1, "datum_set_spec": {"number": self.chance.randrange(1, 4)}}
        script = [*SCRIPT.splitlines(), NAMES[pipe.naming], WRITE]
        self.mill.pipeline(pipe.given.document(), *script, name=name, update=update, reprocess=reprocess, **spec)
        told = f"{name} is {pipe.given.document()} by {pipe.naming} ({update=}, {reprocess=})"
        self.happened(told, self.mill.jobs(name)[0].job.id, name)

    def rest(self) -> None:
        """Stop a pipeline, commit what it does not see, and start it."""
        name = self.chance.choice([*self.world.pipes])
        pipelines.stop(self.mill.conn, Pipeline(Project(), name))
        self.world.pipes[name].stopped = True
        self.log.append(f"stop {name}")
        self.edit()
        self.compare()
        pipelines.start(self.mill.conn, Pipeline(Project(), name))
        self.world.pipes[name].stopped = False
        self.happened(f"start {name}", self.mill.jobs(name)[0].job.id, name)

    def happened(self, what: str, id: str, *moved: str) -> None:
        expected = self.world.moved(*moved)
        self.log.append(f"{what} -> {id}: { {name: each[:3] for name, each in expected.items()} }")
        self.expected.append((id, expected))

    def compare(self) -> None:
        """Everything that happened, in the store and in the world."""
        for id, expected in self.expected:
            infos = [*commits.inspect_set(self.mill.conn, id, wait=True)]
            assert all(info.state is CommitState.FINISHED for info in infos), self.log
            told = {info.job.pipeline.name: info for info in jobs.inspect_set(self.mill.conn, id)}
            assert {*told} == {*expected}, self.log
            for name, each in expected.items():
                self.compare_job(told[name], each)
        self.expected.clear()

    def compare_job(self, told: JobInfo, expected: Expected) -> None:
        name = told.job.pipeline.name
        log = "\n".join([f"{name}: {told}", *self.log])
        assert (told.state, told.total, told.skipped) == expected[:3], log
        for type in ("user", "meta"):
            commit = commits.inspect(self.mill.conn, Commit(Repo(Project(), name, type), told.job.id))
            assert bool(commit.error) == (told.state is not JobState.JOB_SUCCESS), log
        if expected.files is not None:
            assert told.processed == told.total - told.skipped, log
            assert self.mill.read(name, told.job.id) == expected.files, log


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEED, SEED + WORLDS))
def test_any_world_is_as_if_everything_were_done_anew_each_time(mill: Mill, seed: int) -> None:
    change = Change(mill, random.Random(seed))
    for _ in range(STEPS):
        change.step()
    assert [*upkeep.fsck(mill.conn)] == []
