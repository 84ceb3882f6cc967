"""A crowd at a store that may die at any moment: what each has done for certain, and what may or may not have happened.

Everybody has repos of their own, which a model follows verb by verb, and adds to one branch that all share. When the
store is gone in the midst of a verb, its effect has happened as a whole or not at all; whatever was acknowledged before
has happened. Contents are followed by their hashes.
"""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.client import branches, channel, commits, files, repos, upkeep
from howdah.client.channel import Connection
from howdah.errors import NotFound, Unavailable
from howdah.names import Branch, Commit, File, Project, Repo
from howdah.pfs.rows import FILESETS
from howdah.testing.model import Files, ModelCommit, ModelRepo
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2, transaction_pb2

MASTER, DEV = "master", "dev"
SHARED = Repo(Project(), "shared")
BATCH = 3  # files that are put together
_COMMITS = 10  # a repo with more is deleted, so that looking at all takes no time
_FILESETS = 3
_PIECE = 1 << 20

Put = dict[str, bytes]


@dataclass
class State:
    """What one of the crowd knows: repos, what was put into the shared one, filesets."""

    repos: dict[str, ModelRepo] = field(default_factory=dict)
    batches: set[int] = field(default_factory=set)
    filesets: dict[str, Files] = field(default_factory=dict)


class Verb(NamedTuple):
    """A call that gives the id of what it made, empty if the answer does not tell; and what it does to the state."""

    name: str
    call: Callable[[], str]
    effect: Callable[[State, str], None]


def hashed(data: Iterable[bytes]) -> bytes:
    """What stands for a content in the model."""
    digest = blake2b(digest_size=8)
    for piece in data:
        digest.update(piece)
    return digest.digest()


def hashes(put: Put) -> Files:
    return {path: hashed([data]) for path, data in put.items()}


class Member(threading.Thread):
    """One of the crowd: does one verb after the other until the store is gone."""

    def __init__(self, address: str, number: int, chance: random.Random, state: State) -> None:
        super().__init__(name=f"member {number}")
        self.number = number
        self.state = state
        self.chance = chance
        self.done: list[str] = []
        self.doing: Verb | None = None
        self.is_acknowledged = False
        self.fault: BaseException | None = None
        self.address = address
        self._names = [f"m{number}-a", f"m{number}-b"]

    def run(self) -> None:
        try:
            with channel.connect(self.address) as self.conn:
                while True:
                    self._act()
        except Unavailable:
            return
        except BaseException as error:  # noqa: BLE001 -- told by the test
            self.fault = error

    def begin(self) -> Verb:
        """The next verb, which is going to be called."""
        self.doing, self.is_acknowledged = self._choose(), False
        return self.doing

    def _act(self) -> None:
        verb = self.begin()
        id = verb.call()
        self.is_acknowledged = True
        verb.effect(self.state, id or self._unknown())
        self.doing = None
        self.done.append(verb.name)

    def _unknown(self) -> str:
        """The id of the commit that the last verb made; its answer does not tell it."""
        found: set[str] = set()
        for name, repo in self.state.repos.items():
            try:
                found |= {info.commit.id for info in commits.list(self.conn, _repo(name))} - repo.commits.keys()
            except NotFound:  # the verb deleted it
                continue
        assert len(found) <= 1, f"{self.doing} made {found}"
        return found.pop() if found else ""

    def _choose(self) -> Verb:
        names = [name for name in self._names if name in self.state.repos]
        if len(names) < len(self._names):
            return self._create_repo(next(name for name in self._names if name not in names))
        name = self.chance.choice(names)
        repo = self.state.repos[name]
        if len(repo.commits) > _COMMITS:
            return self._delete_repo(name)
        verbs: list[tuple[Callable[[str, ModelRepo], Verb | None], int]] = [
            (self._put, 6),
            (self._put_singly, 4),
            (self._put_large, 2),
            (self._start, 4),
            (self._finish, 4),
            (self._clear, 1),
            (self._copy, 2),
            (self._make_fileset, 2),
            (self._add_fileset, 2),
            (self._move, 3),
            (self._delete_branch, 1),
            (self._remove, 4),
            (self._remove_set, 5),
            (self._start_both, 6),
            (self._share, 4),
        ]
        while True:
            [make] = self.chance.choices([verb for verb, _ in verbs], [weight for _, weight in verbs])
            verb = make(name, repo)
            if verb is not None:
                return verb

    def _create_repo(self, name: str) -> Verb:
        def call() -> str:
            repos.create(self.conn, _repo(name))
            return "-"

        return Verb("create repo", call, lambda state, _: state.repos.update({name: ModelRepo()}))

    def _delete_repo(self, name: str) -> Verb:
        def call() -> str:
            assert repos.delete(self.conn, _repo(name), force=True)
            return "-"

        def effect(state: State, _: str) -> None:
            del state.repos[name]

        return Verb("delete repo", call, effect)

    def _branch(self, repo: ModelRepo) -> str:
        return self.chance.choice([MASTER, MASTER, DEV])

    def _contents(self) -> Put:
        some = self.chance.sample([f"/{at}" for at in range(4)] + [f"/d/{at}" for at in range(4)], BATCH)
        return {path: self.chance.randbytes(self.chance.choice([0, 10, 5000])) for path in some}

    def _put(self, name: str, repo: ModelRepo) -> Verb:
        branch, put = self._branch(repo), self._contents()

        def call() -> str:
            with files.modify(self.conn, Commit(_repo(name), branch)) as changes:
                for path, data in put.items():
                    changes.put(path, data)
            return self._into_open(repo, branch)

        return Verb("put", call, _written(name, branch, put))

    def _put_large(self, name: str, repo: ModelRepo) -> Verb:
        branch, put = self._branch(repo), {"/large": self.chance.randbytes(self.chance.randrange(1, 5 << 20))}

        def call() -> str:
            with files.modify(self.conn, Commit(_repo(name), branch)) as changes:
                changes.put("/large", put["/large"])
            return self._into_open(repo, branch)

        return Verb("put large", call, _written(name, branch, put))

    def _put_singly(self, name: str, repo: ModelRepo) -> Verb:
        """By the interface that Pachyderm's clients know."""
        branch, put = self._branch(repo), self._contents()
        if self.chance.random() < 0.2:
            put["/large"] = self.chance.randbytes(self.chance.randrange(1, 3 << 20))
        first = pfs_pb2.ModifyFileRequest(set_commit=wire.commit_to_wire(Commit(_repo(name), branch)))

        def call() -> str:
            self._stream(self.conn.pfs.ModifyFile, [first, *_singly(put)])
            return self._into_open(repo, branch)

        return Verb("put singly", call, _written(name, branch, put))

    def _stream(self, method: object, requests: Iterable[object]) -> object:
        try:
            return method(iter(requests))  # type: ignore[operator]
        except grpc.RpcError as error:
            raise self.conn.error(error) from error

    def _into_open(self, repo: ModelRepo, branch: str) -> str:
        """A word if no commit was made."""
        return "-" if branch in repo.branches and repo.head(branch).is_open else ""

    def _start(self, name: str, repo: ModelRepo) -> Verb | None:
        branch = self._branch(repo)
        if branch in repo.branches and repo.head(branch).is_open:
            return None
        return Verb("start", lambda: commits.start(self.conn, Branch(_repo(name), branch)).id, _started([name], branch))

    def _open(self, repo: ModelRepo) -> str | None:
        ids = [id for id, commit in repo.commits.items() if commit.is_open]
        return self.chance.choice(ids) if ids else None

    def _finish(self, name: str, repo: ModelRepo) -> Verb | None:
        id, has_error = self._open(repo), self.chance.random() < 0.2
        if id is None:
            return None

        def call() -> str:
            commits.finish(self.conn, Commit(_repo(name), id), error="given up" if has_error else "")
            return id

        def effect(state: State, _: str) -> None:
            commit = state.repos[name].commits[id]
            commit.is_open, commit.has_error = False, has_error

        return Verb("finish", call, effect)

    def _clear(self, name: str, repo: ModelRepo) -> Verb | None:
        id = self._open(repo)
        if id is None:
            return None

        def call() -> str:
            named = wire.commit_to_wire(Commit(_repo(name), id))
            self.conn.call(self.conn.pfs.ClearCommit, pfs_pb2.ClearCommitRequest(commit=named))
            return id

        def effect(state: State, _: str) -> None:
            commit = state.repos[name].commits[id]
            commit.files = state.repos[name].beginning(commit.parent)

        return Verb("clear", call, effect)

    def _copy(self, name: str, repo: ModelRepo) -> Verb | None:
        other = self.state.repos[self._names[0]]
        sources = [(id, path) for id, commit in other.commits.items() if not commit.is_open for path in commit.files]
        if not sources:
            return None
        (id, path), branch = self.chance.choice(sources), self._branch(repo)

        def call() -> str:
            with files.modify(self.conn, Commit(_repo(name), branch)) as changes:
                changes.copy(File(Commit(_repo(self._names[0]), id), path), "/copied")
            return self._into_open(repo, branch)

        return Verb("copy", call, _put_hashes(name, branch, {"/copied": other.commits[id].files[path]}))

    def _make_fileset(self, _: str, __: ModelRepo) -> Verb:
        put = self._contents()

        def call() -> str:
            made = self._stream(self.conn.pfs.CreateFileSet, _singly(put))
            assert isinstance(made, pfs_pb2.CreateFileSetResponse)
            return made.file_set_id

        def effect(state: State, id: str) -> None:
            if id:
                state.filesets[id] = hashes(put)
                for old in [*state.filesets][:-_FILESETS]:
                    del state.filesets[old]

        return Verb("make fileset", call, effect)

    def _add_fileset(self, name: str, repo: ModelRepo) -> Verb | None:
        if not self.state.filesets:
            return None
        branch, id = self._branch(repo), self.chance.choice([*self.state.filesets])

        def call() -> str:
            named = wire.commit_to_wire(Commit(_repo(name), branch))
            request = pfs_pb2.AddFileSetRequest(commit=named, file_set_id=id)
            self.conn.call(self.conn.pfs.AddFileSet, request, patient=True)
            return self._into_open(repo, branch)

        return Verb("add fileset", call, _put_hashes(name, branch, dict(self.state.filesets[id])))

    def _move(self, name: str, repo: ModelRepo) -> Verb | None:
        ids = [id for id, commit in repo.commits.items() if not commit.is_open]
        branch = self._branch(repo)
        if not ids or (branch in repo.branches and repo.head(branch).is_open):
            return None
        id = self.chance.choice(ids)

        def call() -> str:
            branches.create(self.conn, Branch(_repo(name), branch), head=Commit(_repo(name), id))
            return id

        return Verb("move branch", call, lambda state, _: state.repos[name].branches.update({branch: id}))

    def _delete_branch(self, name: str, repo: ModelRepo) -> Verb | None:
        if DEV not in repo.branches:
            return None

        def call() -> str:
            branches.delete(self.conn, Branch(_repo(name), DEV))
            return "-"

        def effect(state: State, _: str) -> None:
            del state.repos[name].branches[DEV]

        return Verb("delete branch", call, effect)

    def _remove(self, name: str, repo: ModelRepo) -> Verb | None:
        """Squash a commit or drop it."""
        ids = [id for id in repo.commits if not any(child.is_open for child in repo.children(id))]
        if not ids:
            return None
        id = self.chance.choice(ids)
        verb = commits.squash if repo.children(id) else commits.drop

        def call() -> str:
            verb(self.conn, Commit(_repo(name), id))
            return ""

        return Verb(f"{verb.__name__} commit", call, _removed(id, [name]))

    def _remove_set(self, _: str, __: ModelRepo) -> Verb | None:
        """Squash or drop the commits of one id in both repos."""
        first, second = (self.state.repos[name] for name in self._names)
        chains: dict[str, set[bool]] = {
            id: {bool(repo.children(id)) for repo in (first, second)} for id in first.commits.keys() & second.commits
        }
        chosen = [
            (id, has_children.pop())
            for id, has_children in chains.items()
            if len(has_children) == 1
            and not any(child.is_open for repo in (first, second) for child in repo.children(id))
        ]
        if not chosen:
            return None
        id, has_children = self.chance.choice(chosen)
        verb = commits.squash_set if has_children else commits.drop_set

        def call() -> str:
            verb(self.conn, id)
            return ""

        return Verb(verb.__name__, call, _removed(id, self._names))

    def _start_both(self, _: str, __: ModelRepo) -> Verb | None:
        """Open commits in both repos, in a transaction."""
        if any(MASTER in repo.branches and repo.head(MASTER).is_open for repo in self.state.repos.values()):
            return None
        requests = [
            pfs_pb2.StartCommitRequest(branch=wire.branch_to_wire(Branch(_repo(name), MASTER))) for name in self._names
        ]

        def call() -> str:
            service = self.conn.transaction
            started = self.conn.call(service.StartTransaction, transaction_pb2.StartTransactionRequest())
            with channel.connect(self.address, transaction=started.id) as within:
                for request in requests:
                    within.call(within.pfs.StartCommit, request)
            self.conn.call(service.FinishTransaction, transaction_pb2.FinishTransactionRequest(transaction=started))
            return started.id

        return Verb("start both", call, _started(self._names, MASTER))

    def _share(self, _: str, __: ModelRepo) -> Verb:
        batch = max(self.state.batches, default=0) + 1
        put = {path: self.chance.randbytes(100) for path in batch_paths(self.number, batch)}

        def call() -> str:
            with files.modify(self.conn, Commit(SHARED, MASTER)) as changes:
                for path, data in put.items():
                    changes.put(path, data)
            return "-"

        return Verb("share", call, lambda state, _: state.batches.add(batch))


class Cleaner(threading.Thread):
    """Has garbage collected again and again until the store is gone."""

    def __init__(self, address: str) -> None:
        super().__init__(name="cleaner")
        self.done = 0
        self.fault: BaseException | None = None
        self.address = address

    def run(self) -> None:
        try:
            with channel.connect(self.address) as conn:
                while True:
                    upkeep.collect_garbage(conn)
                    self.done += 1
        except Unavailable:
            return
        except BaseException as error:  # noqa: BLE001 -- told by the test
            self.fault = error


def batch_paths(member: int, batch: int) -> list[str]:
    """The files of what somebody shares at once."""
    return [f"/{member}/{batch}-{at}" for at in range(BATCH)]


def possible(member: Member, seen: State) -> list[State]:
    """The states that may be, given what is `seen`: ids of new commits are told by it alone."""
    if member.doing is None:
        return [member.state]
    known = {id for repo in member.state.repos.values() for id in repo.commits}
    new = {id for repo in seen.repos.values() for id in repo.commits} - known
    if len(new) > 1:
        return [member.state]
    after = copy.deepcopy(member.state)
    member.doing.effect(after, new.pop() if new else "")
    return [after] if member.is_acknowledged else [member.state, after]


class Sight:
    """What is really there. Contents of finished commits that were looked at before are not read again."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[str, Files] = {}

    def know(self, state: State) -> None:
        """Take these contents for granted."""
        self._known |= {
            name + id: commit.files
            for name, repo in state.repos.items()
            for id, commit in repo.commits.items()
            if not commit.is_open
        }

    def see(self, number: int, filesets: Iterable[str]) -> State:
        """The state of a member's repos, of the shared one, and of these filesets."""
        found = {info.repo.name for info in repos.list(self._conn)}
        return State(
            {name: self._repo(name) for name in found if name.startswith(f"m{number}-")},
            set(self._batches(number)),
            {id: self._content(Commit(Repo(Project(), FILESETS), id)) for id in filesets},
        )

    def _repo(self, name: str) -> ModelRepo:
        repo = ModelRepo()
        for info in commits.list(self._conn, _repo(name)):
            repo.commits[info.commit.id] = ModelCommit(
                self._known.get(name + info.commit.id) or self._content(info.commit),
                info.parent.id if info.parent is not None else None,
                info.finished is None,
                bool(info.error),
            )
        for branch in branches.list(self._conn, _repo(name)):
            assert branch.head is not None
            repo.branches[branch.branch.name] = branch.head.id
        return repo

    def _content(self, commit: Commit) -> Files:
        found = files.get_tree(self._conn, File(commit, "/"))
        try:
            return {path: hashed(pieces) for path, pieces in found if pieces is not None}
        except NotFound as error:
            if error.kind != "file-not-found":  # which is what a commit without files says
                raise
            return {}

    def _batches(self, member: int) -> Iterator[int]:
        """The numbers of a member's batches in the shared branch, each of which is whole."""
        try:
            found = {info.file.path for info in files.walk(self._conn, File(Commit(SHARED, MASTER), f"/{member}"))}
        except NotFound:
            return
        found.discard(f"/{member}/")
        for batch in {int(path.rpartition("/")[2].partition("-")[0]) for path in found}:
            assert found >= set(batch_paths(member, batch)), f"half of batch {batch} of member {member}"
            yield batch


def shared_line(conn: Connection) -> tuple[int, int]:
    """How many commits and how many files the shared branch has."""
    try:
        line = sum(1 for _ in commits.list(conn, SHARED, to=Commit(SHARED, MASTER)))
        held = sum(not info.file.path.endswith("/") for info in files.walk(conn, File(Commit(SHARED, MASTER), "/")))
    except NotFound:
        return 0, 0
    return line, held


def _repo(name: str) -> Repo:
    return Repo(Project(), name)


def _singly(put: Put) -> Iterator[pfs_pb2.ModifyFileRequest]:
    for path, data in put.items():
        yield pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path=path))
        for at in range(0, max(len(data), 1), _PIECE):
            piece = BytesValue(value=data[at : at + _PIECE])
            yield pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path=path, raw=piece))


def _written(name: str, branch: str, put: Put) -> Callable[[State, str], None]:
    return _put_hashes(name, branch, hashes(put))


def _put_hashes(name: str, branch: str, put: Files) -> Callable[[State, str], None]:
    def effect(state: State, id: str) -> None:
        repo = state.repos[name]
        if branch in repo.branches and repo.head(branch).is_open:
            repo.head(branch).files |= put
        else:
            repo.add(branch, id, repo.base(branch) | put, is_open=False)

    return effect


def _started(names: Iterable[str], branch: str) -> Callable[[State, str], None]:
    def effect(state: State, id: str) -> None:
        for name in names:
            repo = state.repos[name]
            repo.add(branch, id, repo.base(branch), is_open=True)

    return effect


def _removed(id: str, names: Iterable[str]) -> Callable[[State, str], None]:
    def effect(state: State, new: str) -> None:
        for name in names:
            repo = state.repos[name]
            for branch in repo.remove(id):  # it gets an empty commit
                del repo.branches[branch]
                repo.add(branch, new, {}, is_open=False)

    return effect
