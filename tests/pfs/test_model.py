"""Any sequence of a user's verbs leaves the store equal to a model of plain dictionaries."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from howdah.errors import Invalid, NotFound, WrongState
from howdah.infos import FileType
from howdah.names import Branch, Commit, File, is_commit_id
from howdah.pfs import branches, check, commits, commitsets, comparing, files, graph, upkeep, writing
from howdah.pfs.steps import Step
from howdah.testing import model
from tests.pfs.stores import REPO, content, new_store

BRANCHES = st.sampled_from(["master", "dev"])
NAMES = st.sampled_from(["a", "b", "ü (1)", "z"])
PATHS = st.builds("/{}".format, NAMES) | st.builds("/{}/{}".format, NAMES, NAMES)
FOLDERS = st.builds("/{}/".format, NAMES) | st.just("/")
DATA = st.binary(max_size=6) | st.builds(
    lambda byte, size: byte * size, st.sampled_from([b"x", b"y"]), st.just(700_000)
)


class Versions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.data = Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        self.repo = model.ModelRepo()

    @initialize()
    def open(self) -> None:
        self.opened = ExitStack()
        self.store = self.opened.enter_context(new_store(self.data))

    def teardown(self) -> None:
        self.opened.close()
        self.stack.close()

    @rule()
    def reopen(self) -> None:
        self.opened.close()
        self.open()

    @rule(branch=BRANCHES)
    def create_branch(self, branch: str) -> None:
        with graph.step(self.store) as made:
            branches.create(made, Branch(REPO, branch), None)
            head = branches.inspect(made.tx, Branch(REPO, branch)).head
        assert head is not None
        if branch not in self.repo.branches:
            self.repo.add(branch, head.id, {}, is_open=False)
        assert head.id == self.repo.branches[branch]

    @rule(branch=BRANCHES)
    def start(self, branch: str) -> None:
        def verb() -> Commit:
            with graph.step(self.store) as made:
                return commits.start(made, Branch(REPO, branch), "")

        if branch in self.repo.branches and self.repo.head(branch).is_open:
            with pytest.raises(WrongState, match="has not been finished"):
                verb()
        else:
            base = self.repo.base(branch)
            self.repo.add(branch, verb().id, base, is_open=True)

    @rule(branch=BRANCHES, has_error=st.sampled_from([False, False, True]))
    def finish(self, branch: str, has_error: bool) -> None:
        commit = Commit(REPO, branch)
        if branch not in self.repo.branches:
            with pytest.raises(NotFound, match="branch"):
                writing.finish(self.store, commit)
        elif not self.repo.head(branch).is_open:
            with pytest.raises(WrongState, match="already finished"):
                writing.finish(self.store, commit)
        else:
            writing.finish(self.store, commit, error="given up" if has_error else "")
            head = self.repo.head(branch)
            head.is_open, head.has_error = False, has_error or model.collides(head.files)

    @rule(
        branch=BRANCHES,
        steps=st.lists(
            st.tuples(st.sampled_from(["put", "set"]), PATHS, DATA)
            | st.tuples(st.just("delete"), PATHS | FOLDERS, st.none()),
            min_size=1,
            max_size=5,
        ),
    )
    def write(self, branch: str, steps: list[tuple[str, str, bytes | None]]) -> None:
        session = writing.Session(self.store, Commit(REPO, branch))
        after = self.current(branch)
        for verb, path, data in steps:
            if verb != "put":
                session.delete(path)
                model.delete(after, path)
            if data is not None:
                session.put(path, data)
                model.put(after, path, data)
        self.close(session, branch, after)

    @precondition(lambda self: self.repo.branches)
    @rule(branch=BRANCHES, source=BRANCHES, path=PATHS, to=PATHS)
    def copy(self, branch: str, source: str, path: str, to: str) -> None:
        session = writing.Session(self.store, Commit(REPO, branch))
        held = self.repo.head(source).files if source in self.repo.branches else {}
        if path not in held and path + "/" not in model.directories(held):
            with pytest.raises(NotFound):
                session.copy(File(Commit(REPO, source), path), to)
            return
        after = self.current(branch)
        session.copy(File(Commit(REPO, source), path), to)
        model.copy(after, dict(held), path, to)
        self.close(session, branch, after)

    @precondition(lambda self: self.repo.commits)
    @rule(which=st.integers(min_value=0))
    def squash(self, which: int) -> None:
        id = [*self.repo.commits][which % len(self.repo.commits)]
        children = self.repo.children(id)
        if not children or any(child.is_open for child in children):
            with pytest.raises(WrongState, match="cannot squash"):
                self.remove(commitsets.squash_commit, id)
        else:
            self.remove(commitsets.squash_commit, id)
            assert self.repo.remove(id) == []

    @precondition(lambda self: self.repo.commits)
    @rule(which=st.integers(min_value=0))
    def drop(self, which: int) -> None:
        id = [*self.repo.commits][which % len(self.repo.commits)]
        if self.repo.children(id):
            with pytest.raises(WrongState, match="has children"):
                self.remove(commitsets.drop_commit, id)
        else:
            self.remove(commitsets.drop_commit, id)
            for branch in self.repo.remove(id):  # it gets an empty commit
                with self.store.database.read() as tx:
                    head = branches.inspect(tx, Branch(REPO, branch)).head
                assert head is not None
                del self.repo.branches[branch]
                self.repo.add(branch, head.id, {}, is_open=False)

    def remove(self, verb: Callable[[Step, Commit], None], id: str) -> None:
        with graph.step(self.store) as made:
            verb(made, Commit(REPO, id))

    @rule()
    def gc(self) -> None:
        upkeep.collect(self.store)
        assert check.fsck(self.store) == []
        assert upkeep.collect(self.store).freed == 0

    def current(self, branch: str) -> model.Files:
        if branch in self.repo.branches and self.repo.head(branch).is_open:
            return dict(self.repo.head(branch).files)
        return self.repo.base(branch)

    def close(self, session: writing.Session, branch: str, after: model.Files) -> None:
        """End a stream: into the open commit, or as a commit of its own, which refuses what cannot be."""
        if branch in self.repo.branches and self.repo.head(branch).is_open:
            session.close()
            self.repo.head(branch).files = after
        elif model.collides(after):
            with pytest.raises(Invalid, match="collision"):
                session.close()
        else:
            session.close()
            with self.store.database.read() as tx:
                id = commits.inspect(tx, Commit(REPO, branch)).commit.id
            assert is_commit_id(id)
            self.repo.add(branch, id, after, is_open=False)

    @invariant()
    def every_head_holds_what_the_model_holds(self) -> None:
        for branch in self.repo.branches:
            expected = self.repo.head(branch).files
            assert content(self.store, Commit(REPO, branch)) == expected
            walked = [info.file.path for info in files.walk(self.store, File(Commit(REPO, branch), "/"))]
            assert walked == sorted(expected.keys() | model.directories(expected))

    @invariant()
    def a_walk_tells_sizes_and_equal_content_has_an_equal_digest(self) -> None:
        digests: dict[bytes, bytes] = {}
        for branch in self.repo.branches:
            expected = self.repo.head(branch).files
            for info in files.walk(self.store, File(Commit(REPO, branch), "/")):
                if info.type is FileType.FILE:
                    data = expected[info.file.path]
                    assert info.size == len(data)
                    assert digests.setdefault(data, info.digest) == info.digest

    @invariant()
    def finished_commits_never_change(self) -> None:
        for id, commit in list(self.repo.commits.items())[-3:]:
            if not commit.is_open:
                assert content(self.store, Commit(REPO, id)) == commit.files

    @invariant()
    def a_diff_with_the_parent_tells_the_files_that_differ(self) -> None:
        for branch, id in self.repo.branches.items():
            commit = self.repo.commits[id]
            before = self.repo.commits[commit.parent].files if commit.parent else {}
            found = {
                info.file.path
                for change in comparing.diff(self.store, File(Commit(REPO, branch), "/"), None)
                if (info := change.new or change.old) and info.type is FileType.FILE
            }
            both = before.keys() | commit.files.keys()
            assert found == {path for path in both if before.get(path) != commit.files.get(path)}


TestVersions = Versions.TestCase
TestVersions.settings = settings(stateful_step_count=30, deadline=None)
