"""Every verb of the client against a store: values in, values and categories out."""

from __future__ import annotations

from contextlib import closing

import pytest

from howdah.client import branches, cluster, commits, files, projects, repos
from howdah.client.channel import Connection
from howdah.errors import AlreadyExists, Invalid, NotFound, WrongState
from howdah.infos import CommitState, FileInfo, FileType, Origin, Version
from howdah.names import Branch, Commit, File, Project, Repo


@pytest.fixture
def tree(conn: Connection, master: Commit) -> Commit:
    """A finished commit with four files."""
    with files.modify(conn, master) as changes:
        for path, data in {"/a": b"1", "/d/b": b"22", "/d/e/c": b"333", "/z": b""}.items():
            changes.put(path, data)
    return commits.inspect(conn, master).commit


def names(infos: object) -> list[str]:
    assert hasattr(infos, "__iter__")
    return [info.file.path for info in infos]


def test_server_tells_its_version_and_ids(conn: Connection) -> None:
    assert cluster.version(conn) == Version(2, 12, 2)
    assert cluster.inspect(conn).id


def test_projects_are_created_changed_listed_and_deleted(conn: Connection) -> None:
    project = Project("verbs")
    projects.create(conn, project, "one")
    with pytest.raises(AlreadyExists):
        projects.create(conn, project)
    projects.create(conn, project, "two", update=True)
    repos.create(conn, Repo(project, "a"))

    assert projects.inspect(conn, project).description == "two"
    assert project in [info.project for info in projects.list(conn)]
    assert [info.repo.name for info in repos.list(conn, project=project)] == ["a"]
    with pytest.raises(WrongState):
        projects.delete(conn, project)
    projects.delete(conn, project, force=True)
    with pytest.raises(NotFound):
        projects.inspect(conn, project)


def test_repos_are_created_changed_listed_and_deleted(conn: Connection, repo: Repo, tree: Commit) -> None:
    repos.create(conn, repo, "new", update=True)
    info = repos.inspect(conn, repo)

    assert (info.repo, info.description, info.size, info.branches) == (repo, "new", 6, (Branch(repo, "master"),))
    assert repo in [info.repo for info in repos.list(conn)]
    assert list(repos.list(conn, type="spec")) == []
    with pytest.raises(AlreadyExists):
        repos.create(conn, repo)
    assert repos.delete(conn, repo) is True
    assert repos.delete(conn, repo) is False
    with pytest.raises(NotFound):
        repos.inspect(conn, repo)


def test_branches_are_created_moved_listed_and_deleted(conn: Connection, repo: Repo, tree: Commit) -> None:
    other = Branch(repo, "other")
    branches.create(conn, other)
    assert branches.inspect(conn, other).head != tree
    branches.create(conn, other, head=tree)

    assert branches.inspect(conn, other).head == tree
    assert [info.branch.name for info in branches.list(conn, repo)] == ["other", "master"]
    branches.delete(conn, other)
    with pytest.raises(NotFound):
        branches.inspect(conn, other)
    with pytest.raises(NotFound):
        list(branches.list(conn, Repo(Project(), "missing")))


def test_commits_are_started_finished_listed_and_inspected(conn: Connection, branch: Branch, tree: Commit) -> None:
    commit = commits.start(conn, branch, "draft")
    assert commits.inspect(conn, commit).state < CommitState.FINISHING
    with pytest.raises(WrongState, match="has not been finished"):
        commits.start(conn, branch)
    commits.finish(conn, commit, "final", error="broken")
    info = commits.inspect(conn, commit, wait=CommitState.FINISHED)

    assert (info.commit, info.parent, info.origin) == (commit, tree, Origin.USER)
    assert (info.description, info.error) == ("final", "broken")
    assert [i.commit for i in commits.list(conn, branch.repo)] == [commit, tree]
    assert [i.commit for i in commits.list(conn, branch.repo, reverse=True, number=1)] == [tree]
    assert [i.commit for i in commits.list(conn, branch.repo, to=commit, since=tree)] == [commit]


def test_commit_builds_on_the_parent_that_is_given(conn: Connection, branch: Branch, tree: Commit) -> None:
    with files.modify(conn, Commit(branch.repo, "master")) as changes:
        changes.delete("/")
    commit = commits.start(conn, branch, parent=tree)
    commits.finish(conn, commit)

    assert names(files.list(conn, File(commit, "/"))) == ["/a", "/d/", "/z"]


def test_subscription_gives_what_is_there_and_then_what_comes(conn: Connection, branch: Branch, tree: Commit) -> None:
    with closing(commits.subscribe(conn, branch, state=CommitState.FINISHED)) as stream:  # type: ignore[type-var]
        assert next(stream).commit == tree
        commit = commits.start(conn, branch)
        commits.finish(conn, commit)
        assert next(stream).commit == commit
    since = commits.subscribe(conn, branch, since=tree)
    assert next(since).commit == commit


def test_dropped_commit_is_gone_and_its_branch_falls_back(conn: Connection, branch: Branch, tree: Commit) -> None:
    commit = commits.start(conn, branch)
    with pytest.raises(WrongState, match="cannot drop a commit that has children"):
        commits.drop(conn, tree)
    commits.drop(conn, commit)

    assert branches.inspect(conn, branch).head == tree
    with pytest.raises(NotFound):
        commits.inspect(conn, commit)


def test_directory_is_listed_and_paged(conn: Connection, tree: Commit) -> None:
    root = File(tree, "/")

    assert names(files.list(conn, root)) == ["/a", "/d/", "/z"]
    assert names(files.list(conn, root, after="/a", number=1)) == ["/d/"]
    assert names(files.list(conn, root, after="/d/")) == ["/z"]
    assert names(files.list(conn, root, number=2, reverse=True)) == ["/z", "/d/"]
    assert names(files.list(conn, File(tree, "/missing"))) == []
    with pytest.raises(Invalid, match="number must be > 0"):
        list(files.list(conn, root, reverse=True))


def test_tree_is_walked_globbed_and_inspected(conn: Connection, tree: Commit) -> None:
    info = files.inspect(conn, File(tree, "/d"))

    assert names(files.walk(conn, File(tree, "/d"))) == ["/d/", "/d/b", "/d/e/", "/d/e/c"]
    assert names(files.glob(conn, tree, "/d/*")) == ["/d/b", "/d/e/"]
    assert (info.file.commit, info.file.path, info.type, info.size) == (tree, "/d/", FileType.DIR, 5)
    assert len(info.digest) == 32
    with pytest.raises(NotFound, match="file /missing not found in repo"):
        files.inspect(conn, File(tree, "/missing"))


def test_file_is_read_from_an_offset_and_left_early(conn: Connection, master: Commit) -> None:
    with files.modify(conn, master) as changes:
        changes.put("/big", b"x" * 12_000_000)
    for _ in range(40):
        with closing(files.get(conn, File(master, "/big"))) as pieces:
            assert next(pieces)

    assert b"".join(files.get(conn, File(master, "/big"), offset=11_999_997)) == b"xxx"
    with pytest.raises(NotFound):
        next(files.get(conn, File(master, "/missing")))


def test_diff_pairs_what_changed(conn: Connection, master: Commit, tree: Commit) -> None:
    with files.modify(conn, master) as changes:
        changes.put("/a", b"changed")
        changes.delete("/z")
    pairs = [(side(change.new), side(change.old)) for change in files.diff(conn, File(master, "/"))]

    assert pairs == [("/", "/"), ("/a", "/a"), (None, "/z")]
    assert list(files.diff(conn, File(tree, "/"), File(tree, "/"))) == []


def side(info: FileInfo | None) -> str | None:
    return None if info is None else info.file.path
