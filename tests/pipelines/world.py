"""Pipelines as nobody would build them: every job works on everything, from scratch, in dictionaries.

Globs are expressions written by hand, files are what `find` tells, code is one program in two languages. What is
skipped is counted beside that.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any, NamedTuple

from howdah.infos import JobState

Files = dict[str, bytes]

BAD = b"bad\n"
# What each glob means: the whole path of a file or directory, and the group that a key is made of.
GLOBS = {
    "/": re.compile("/"),
    "/*": re.compile("/[^/]+"),
    "/*/*": re.compile("/[^/]+/[^/]+"),
    "/(?)*": re.compile("/([^/])[^/]*"),
    "/[a-z](?)*": re.compile("/[a-z]([^/])[^/]*"),
    "/(?)*/*": re.compile("/([^/])[^/]*/[^/]+"),
}
KEYED = [glob for glob in GLOBS if "(" in glob]
# How code names its output by the first of its files: that may be the name of another datum's, or not.
SCRIPT = """
cd /pfs
set -- $(find * -type f ! -path 'out/*' | LC_ALL=C sort)
test $# -gt 0 || exit 0
if grep -qx bad "$@"; then exit 1; fi
base=${1##*/}
sign=${base%"${base#?}"}
own=$(echo $* | md5sum | cut -c1-6)
"""
NAMES = {"first": "out=$base", "own": "out=$sign$own", "folder": "mkdir out/$sign; out=$sign/$own"}
WRITE = 'md5sum "$@" > out/$out'


class Leaf(NamedTuple):
    """Files of a repo."""

    name: str
    repo: str
    glob: str
    outer: bool = False

    def document(self) -> dict[str, Any]:
        keyed = {"join_on": "$1", "group_by": "$1"} if self.glob in KEYED else {}
        told = {"repo": self.repo, "name": self.name, "glob": self.glob, "outer_join": self.outer, **keyed}
        return {"pfs": told}


class Input(NamedTuple):
    """One leaf, or several inputs together; those of a join or a group are leaves."""

    kind: str
    below: tuple[Leaf | Input, ...]

    def document(self) -> dict[str, Any]:
        return {self.kind: [each.document() for each in self.below]}

    def leaves(self) -> Iterator[Leaf]:
        for each in self.below:
            yield from each.leaves() if isinstance(each, Input) else [each]


class Seen(NamedTuple):
    """A file or directory of a datum, with all that is below it."""

    leaf: Leaf
    path: str
    content: tuple[tuple[str, bytes], ...]

    def key(self) -> str:
        found = GLOBS[self.leaf.glob].fullmatch(self.path)
        assert found is not None
        return found.group(1)


Datum = frozenset[Seen]


def seen(leaf: Leaf, files: Files) -> list[Datum]:
    """What a leaf's glob matches."""
    if not files:
        return []
    folders = {path[:at] or "/" for path in files for at, sign in enumerate(path) if sign == "/"}
    return [
        frozenset([Seen(leaf, path, tuple(sorted((one, files[one]) for one in files if is_below(one, path))))])
        for path in {*files, *folders}
        if GLOBS[leaf.glob].fullmatch(path)
    ]


def is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def datums(given: Leaf | Input, repos: dict[str, Files]) -> set[Datum]:
    """All datums of an input."""
    if isinstance(given, Leaf):
        return {*seen(given, repos[given.repo])}
    sides = [datums(each, repos) for each in given.below]
    if given.kind == "union":
        return set().union(*sides)
    if given.kind == "cross":
        return {frozenset().union(*parts) for parts in itertools.product(*sides)}
    found = set()
    for key in {file.key() for side in sides for datum in side for file in datum}:
        of_key = [[datum for datum in side if all(file.key() == key for file in datum)] for side in sides]
        if given.kind == "group":
            found.add(frozenset().union(*itertools.chain(*of_key)))
            continue
        if not all(of_key):
            outer = [isinstance(each, Leaf) and each.outer for each in given.below]
            of_key = [side for side, keeps in zip(of_key, outer, strict=True) if keeps and side]
        found |= {frozenset().union(*parts) for parts in itertools.product(*of_key)} if of_key else set()
    return found


def run(datum: Datum, naming: str) -> Files | None:
    """What the script makes of a datum; None if it fails."""
    files = {f"{each.leaf.name}{path}": data for each in datum for path, data in each.content}
    if not files:
        return {}
    if BAD in files.values():
        return None
    names = sorted(files)
    base = names[0].rpartition("/")[2]
    own = md5(f"{' '.join(names)}\n".encode()).hexdigest()[:6]  # noqa: S324 -- what the script has at hand
    path = {"first": f"/{base}", "own": f"/{base[0]}{own}", "folder": f"/{base[0]}/{own}"}[naming]
    return {path: "".join(f"{md5(files[name]).hexdigest()}  {name}\n" for name in names).encode()}  # noqa: S324


class Expected(NamedTuple):
    """What is to be told of a job, and what its output is to be where it succeeds."""

    state: JobState
    total: int = 0
    skipped: int = 0
    files: Files | None = None


@dataclass
class Pipe:
    """A pipeline: what it is told, and which datums its last success had."""

    given: Input
    naming: str
    stopped: bool = False
    is_broken: bool = False
    done: set[Datum] = field(default_factory=set)

    def job(self, repos: dict[str, Files]) -> Expected:
        """The next job, all inputs being well."""
        found = datums(self.given, repos)
        skipped = found & self.done
        made = [run(datum, self.naming) for datum in found]
        outputs = [(path, data) for each in made for path, data in (each or {}).items()]
        files = dict(outputs)
        below = any(is_below(path, one) for path in files for one in files if path != one)
        self.is_broken = None in made or below or len(files) < len(outputs)
        if self.is_broken:
            return Expected(JobState.JOB_FAILURE, len(found), len(skipped))
        self.done = found
        return Expected(JobState.JOB_SUCCESS, len(found), len(skipped), files)


class World:
    """Repos that somebody writes, and pipelines in an order in which each reads only what is before it."""

    def __init__(self, repos: list[str]) -> None:
        self.repos: dict[str, Files] = {name: {} for name in repos}
        self.pipes: dict[str, Pipe] = {}

    def moved(self, *names: str) -> dict[str, Expected]:
        """The jobs that follow when these repos have a new head, or these pipelines a new version."""
        moved, found = {*names}, dict[str, Expected]()
        for name, pipe in self.pipes.items():
            reads = {leaf.repo for leaf in pipe.given.leaves()}
            if pipe.stopped or not moved & {name, *reads}:
                continue
            moved.add(name)
            broken = [one for one in reads if one in self.pipes and self.pipes[one].is_broken]
            if broken:
                pipe.is_broken = True
                found[name] = Expected(JobState.JOB_UNRUNNABLE)
                continue
            found[name] = pipe.job(self.repos)
            if found[name].files is not None:
                self.repos[name] = found[name].files or {}
        return found
