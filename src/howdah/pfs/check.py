"""Fsck: rows against each other, rows against trees, trees against the bytes; each fault told, what can be repaired.

Every pack is read, every node looked at once. Others go on working; only gc waits. What comes to be meanwhile may be
left out.
"""

# ruff: noqa: S608 -- statements are put together of constants alone
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from howdah.db.database import Tx
from howdah.digest import Digest
from howdah.errors import Corrupt, HowdahError
from howdah.pfs import changes
from howdah.pfs.changes import Put
from howdah.pfs.rows import FILESETS
from howdah.store import check, node
from howdah.store.check import Sound
from howdah.store.node import Leaf, Range
from howdah.store.store import Store

_MOST = 1000  # of the files told one by one

_REPO = "projects.name || '/' || repos.name || CASE repos.type WHEN 'user' THEN '' ELSE '.' || repos.type END"
_COMMIT = f"coalesce({_REPO}, 'a repo that is gone') || '@' || c.id"
_COMMITS = "commits AS c LEFT JOIN repos USING (repo) LEFT JOIN projects USING (project)"
# Each gives one text a fault.
_ROWS = (
    f"SELECT 'commit ' || {_COMMIT} || ' is in no repo' FROM {_COMMITS} WHERE projects.project IS NULL",
    f"SELECT 'commit ' || {_COMMIT} || ' has a parent that is missing or not an older one of its repo' FROM {_COMMITS}"
    " LEFT JOIN commits AS p ON p.number = c.parent WHERE c.parent IS NOT NULL"
    " AND (p.number IS NULL OR p.repo != c.repo OR p.number >= c.number)",
    f"SELECT 'commit ' || {_COMMIT} || ' is finished and has edits that wait' FROM {_COMMITS}"
    " WHERE finished IS NOT NULL AND EXISTS (SELECT 1 FROM edits WHERE edits.number = c.number)",
    f"SELECT 'branch ' || coalesce({_REPO}, 'a repo that is gone') || '@' || b.name || ' has no head in its repo'"
    " FROM branches AS b LEFT JOIN repos USING (repo) LEFT JOIN projects USING (project)"
    " LEFT JOIN commits AS c ON c.number = b.head WHERE c.number IS NULL OR c.repo != b.repo",
    f"SELECT 'commit ' || coalesce({_COMMIT}, 'that is gone') || ' is made from a commit that is missing or not older'"
    " FROM provenance AS e LEFT JOIN commits AS c ON c.number = e.number LEFT JOIN repos USING (repo)"
    " LEFT JOIN projects USING (project) LEFT JOIN commits AS u ON u.number = e.upstream"
    " WHERE c.number IS NULL OR u.number IS NULL OR (u.number >= c.number AND u.id != c.id)",
    "SELECT 'branch ' || coalesce(b.name, 'that is gone') || ' follows a branch that is gone'"
    " FROM branch_provenance AS e LEFT JOIN branches AS b ON b.branch = e.branch"
    " LEFT JOIN branches AS u ON u.branch = e.upstream WHERE b.branch IS NULL OR u.branch IS NULL",
    f"SELECT 'pipeline ' || {_REPO} || ' has no version' FROM pipelines JOIN repos USING (repo)"
    " JOIN projects USING (project) WHERE repo NOT IN (SELECT repo FROM pipeline_versions)",
    f"SELECT 'job ' || {_COMMIT} || ' is over and its commit is open' FROM {_COMMITS}"
    " WHERE c.finished IS NULL AND c.number IN (SELECT number FROM jobs WHERE finished IS NOT NULL)",
    "SELECT 'repo ' || name || ' is in no project' FROM repos WHERE project NOT IN (SELECT project FROM projects)",
)


class Finding(NamedTuple):
    """A fault, or what was done about some."""

    text: str
    is_fixed: bool = False


class _Commit(NamedTuple):
    """A commit, or a fileset, which is in repo 0 and says nothing of its files."""

    name: str
    repo: int
    tree: Digest | None
    said: tuple[int, int] | None


@dataclass(slots=True)
class _Trees:
    """Looks at each node once. `bad`: nodes below which something cannot be read."""

    store: Store
    sound: Sound
    bad: set[Digest] = field(default_factory=set)
    known: dict[Digest, Range | None] = field(default_factory=dict)
    odd: set[Digest] = field(default_factory=set)

    def look(self, digest: Digest) -> Range | None:
        """What a parent should keep of the node; None if it cannot be read."""
        if digest not in self.known:
            self.known[digest] = self._look(digest)
        return self.known[digest]

    def _look(self, digest: Digest) -> Range | None:
        try:
            found = node.decode(self.store.blobs.read(digest))
        except HowdahError:  # damaged, or on a part of the disk that cannot be read
            self.bad.add(digest)
            return None
        if isinstance(found, Leaf):
            if any(piece.digest not in self.sound for entry in found.entries() for piece in entry.pieces):
                self.bad.add(digest)
            keys = [entry.key for entry in found.entries()]
            if keys != sorted(set(keys)):
                self.odd.add(digest)
            return found.range(digest)
        for child in found.ranges():
            held = self.look(child.digest)
            if held is None or child.digest in self.bad:
                self.bad.add(digest)
            if held not in {None, child}:
                self.odd.add(digest)
        return found.range(digest)

    def lost(self, digest: Digest) -> Iterator[tuple[str, Digest]]:
        """What cannot be read below a node: paths, and the blob that each lacks."""
        if digest not in self.bad:
            return
        if self.known[digest] is None:
            yield "every file", digest
            return
        found = node.decode(self.store.blobs.read(digest))
        if isinstance(found, Leaf):
            for entry in found.entries():
                lost = [piece.digest for piece in entry.pieces if piece.digest not in self.sound]
                if lost:
                    yield entry.path, lost[0]
            return
        for child in found.ranges():
            if self.known[child.digest] is None:
                yield f"{child.first} to {child.last} ({child.files} files)", child.digest
            else:
                yield from self.lost(child.digest)


def fsck(store: Store, *, fix: bool = False) -> list[Finding]:
    """Every fault; with `fix`, what was repaired, and the faults that remain: index from packs, counts of commits.

    Where the database itself is damaged, nothing that it says can be compared with anything, and nothing is repaired.
    """
    with store.upkeep:
        amiss = store.database.check()
        if amiss:
            return [Finding(f"database is damaged ({amiss}): restore it from a backup")]
        found = _examine(store)
        if not fix or not found.faults:
            return found.faults
        done = check.repair(store, found.sound)
        done += _recount(store, found.counts)
        return [*(Finding(text, is_fixed=True) for text in done), *_examine(store).faults]


@dataclass(slots=True)
class _Found:
    sound: Sound
    faults: list[Finding]
    counts: dict[Digest, Range]


def _examine(store: Store) -> _Found:
    with store.database.read() as tx:
        rows = [text for statement in _ROWS for (text,) in tx.all(statement)]
        commits = _commits(tx)
        waiting = _waiting(tx, rows)
    sound = Sound(store)
    trees = _Trees(store, sound)
    counts: dict[Digest, Range] = {}
    told = [*rows, *sound.told]
    for commit in commits:
        held = trees.look(commit.tree) if commit.tree is not None else None
        if held is not None and commit.said is not None and (held.files, held.size) != commit.said:
            counts[held.digest] = held
            told.append(
                f"commit {commit.name} says {commit.said[0]} files of {commit.said[1]} bytes,"
                f" its tree holds {held.files} of {held.size}"
            )
    told.extend(f"tree node {digest.hex()} does not say what is below it" for digest in sorted(trees.odd))
    told.extend(_lost(trees, commits))
    told.extend(f"{text}: {sound.why(digest)}" for text, digest in waiting if digest not in sound)
    return _Found(sound, [Finding(text) for text in told], counts)


def _commits(tx: Tx) -> list[_Commit]:
    """Every commit, the newest first, then every fileset."""
    rows = tx.all(f"SELECT {_COMMIT}, c.repo, tree, files, size FROM {_COMMITS} ORDER BY c.number DESC")
    found = [_Commit(name, repo, tree, (files, size)) for name, repo, tree, files, size in rows]
    rows = tx.all("SELECT id, tree FROM filesets ORDER BY created DESC, id")
    return found + [_Commit(f"{FILESETS}@{id}", 0, tree, None) for id, tree in rows]


def _waiting(tx: Tx, told: list[str]) -> list[tuple[str, Digest]]:
    """The chunks of edits that wait, and what to say if one cannot be read; edits that cannot be are told."""
    found = []
    rows = tx.all(f"SELECT {_COMMIT}, edits FROM {_COMMITS} JOIN edits ON edits.number = c.number")
    rows += tx.all("SELECT ? || id, edits FROM fileset_edits", f"{FILESETS}@")
    for name, data in rows:
        try:
            puts = [operation for operation in changes.decode(data) if isinstance(operation, Put)]
        except Corrupt as error:
            told.append(f"commit {name}: {error.message}")
            continue
        found += [(f"file {name}:{put.path} waits", piece.digest) for put in puts for piece in put.pieces]
    return found


def _lost(trees: _Trees, commits: list[_Commit]) -> Iterator[str]:
    """What cannot be read, each once for its repo: at the newest commit, with the number of others."""
    others: dict[tuple[int, str, Digest], int] = {}
    names: dict[tuple[int, str, Digest], str] = {}
    more = 0
    for commit in commits:
        for what, digest in trees.lost(commit.tree) if commit.tree is not None else ():
            key = (commit.repo, what, digest)
            if key in names:
                others[key] += 1
            elif len(names) < _MOST:
                names[key], others[key] = commit.name, 0
            else:
                more += 1
    for key, name in names.items():
        _, what, digest = key
        also = f" (and in {others[key]} commits before)" if others[key] else ""
        yield f"file {name}:{what} cannot be read{also}: {trees.sound.why(digest)}"
    if more:
        yield f"{more} times more, files of commits cannot be read"


def _recount(store: Store, counts: dict[Digest, Range]) -> list[str]:
    with store.database.write() as tx:
        changed = sum(
            tx.run(
                "UPDATE commits SET files = ?, size = ? WHERE tree = ? AND (files != ? OR size != ?)",
                *(held.files, held.size, tree, held.files, held.size),
            )
            for tree, held in counts.items()
        )
    return [f"commits: {changed} counts of files and bytes set right"] if changed else []
