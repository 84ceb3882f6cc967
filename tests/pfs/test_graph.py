"""Branches that follow others: what one change leads to is one commit set, there from the beginning."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Invalid, NotFound, WrongState
from howdah.infos import BranchInfo, CommitInfo, CommitState, Origin
from howdah.names import Branch, Commit, Project, Repo
from howdah.pfs import branches, check, commits, commitsets, graph, repos, writing
from howdah.store.store import Store
from tests.pfs.stores import content, new_store, write

A, B, C, D = (Branch(Repo(Project(), name)) for name in "abcd")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as opened:
        with opened.database.write() as tx:
            for branch in (A, B, C, D):
                repos.create(tx, branch.repo, "", now=opened.now())
        yield opened


def follow(store: Store, branch: Branch, *upstream: Branch, never: bool = False) -> None:
    with graph.step(store) as made:
        branches.create(made, branch, None, provenance=dict.fromkeys(upstream, never))


def start(store: Store, branch: Branch) -> Commit:
    with graph.step(store) as made:
        return commits.start(made, branch, "")


def info(store: Store, branch: Branch) -> BranchInfo:
    with store.database.read() as tx:
        return branches.inspect(tx, branch)


def head(store: Store, branch: Branch) -> CommitInfo:
    with store.database.read() as tx:
        return commits.inspect(tx, Commit(branch.repo, branch.name))


def members(store: Store, id: str) -> list[str]:
    with store.database.read() as tx:
        return [each.commit.repo.name for each in commitsets.inspect(tx, id)]


def test_branch_that_follows_others_has_an_open_commit_made_from_their_heads(store: Store) -> None:
    write(store, {"/x": b"x"}, Commit(A.repo, "master"))
    follow(store, C, A, B)

    found = head(store, C)
    assert found.origin is Origin.AUTO
    assert found.finished is None
    assert set(found.direct_provenance) == {head(store, A).commit, head(store, B).commit}
    assert head(store, B).state is CommitState.FINISHED  # it was missing and has been made
    assert head(store, A).direct_subvenance == (found.commit,)


def test_commit_leads_to_commits_of_its_id_all_the_way_down_at_once(store: Store) -> None:
    follow(store, B, A)
    follow(store, C, B)
    follow(store, D, C, A)
    id = start(store, A).id

    assert [head(store, branch).commit.id for branch in (A, B, C, D)] == [id] * 4
    assert set(head(store, D).direct_provenance) == {Commit(C.repo, id), Commit(A.repo, id)}
    assert members(store, id) == ["a", "b", "c", "d"]


def test_a_commit_may_fail_while_the_one_before_it_is_open(store: Store) -> None:
    write(store, {"/x": b"x"}, Commit(A.repo, "master"))
    follow(store, B, A)
    first = head(store, B).commit
    ids = [head(store, A).commit.id]
    for name in ("/y", "/z"):
        write(store, {name: b"y"}, Commit(A.repo, "master"))
        ids.append(head(store, A).commit.id)
    second, third = (Commit(B.repo, id) for id in ids[1:])
    write(store, {"/lost": b"lost"}, second)
    writing.finish(store, second, error="failed")
    with pytest.raises(WrongState, match=f"base commit {first.id} for commit {third.id} unfinished"):
        writing.finish(store, third)

    write(store, {"/made": b"made"}, first)
    writing.finish(store, first)
    write(store, {"/more": b"more"}, third)
    writing.finish(store, third)
    assert content(store, third) == {"/made": b"made", "/more": b"more"}
    assert check.fsck(store) == []


def test_one_stream_of_writes_leads_to_commits_too(store: Store) -> None:
    follow(store, B, A)
    write(store, {"/x": b"x"}, Commit(A.repo, "master"))

    assert head(store, B).commit.id == head(store, A).commit.id


def test_branch_info_tells_what_is_up_and_down_stream(store: Store) -> None:
    follow(store, B, A)
    follow(store, C, B)

    assert info(store, C).direct_provenance == (B,)
    assert set(info(store, C).provenance) == {A, B}
    assert set(info(store, A).subvenance) == {B, C}


def test_same_provenance_again_changes_nothing_and_another_opens_a_commit(store: Store) -> None:
    follow(store, C, A)
    before = head(store, C).commit
    follow(store, C, A)
    assert head(store, C).commit == before

    follow(store, C, A, B)
    after = head(store, C)
    assert after.parent == before
    assert set(after.direct_provenance) == {head(store, A).commit, head(store, B).commit}


def test_moved_branch_leads_to_a_new_set_and_no_commit_of_its_own(store: Store) -> None:
    write(store, {"/x": b"1"}, Commit(A.repo, "master"))
    write(store, {"/x": b"2"}, Commit(A.repo, "master"))
    follow(store, B, A)
    first = head(store, A).parent
    with graph.step(store) as made:
        branches.create(made, A, first)

    found = head(store, B)
    assert found.commit.id not in {head(store, A).commit.id, first.id if first else ""}
    assert found.direct_provenance == (first,)
    assert members(store, found.commit.id) == ["a", "b"]  # the commit of another id is in it as what it is made from


def test_branch_moved_to_where_it_is_leads_to_nothing(store: Store) -> None:
    follow(store, B, A)
    before = head(store, B).commit
    with graph.step(store) as made:
        branches.create(made, A, head(store, A).commit)

    assert head(store, B).commit == before


def test_commit_that_a_set_is_made_from_is_found_by_the_sets_id(store: Store) -> None:
    write(store, {"/x": b"x"}, Commit(A.repo, "master"))
    follow(store, B, A)
    id = head(store, B).commit.id
    with store.database.read() as tx:
        assert commits.inspect(tx, Commit(A.repo, id)).commit == head(store, A).commit
        with pytest.raises(NotFound, match="not found"):
            commits.inspect(tx, Commit(C.repo, id))


def test_edge_that_never_propagates_leads_to_no_commit(store: Store) -> None:
    follow(store, B, A, never=True)
    before = head(store, B).commit
    start(store, A)

    assert head(store, B).commit == before


def test_nobody_commits_to_an_output_branch(store: Store) -> None:
    follow(store, B, A)
    writing.finish(store, Commit(B.repo, "master"))
    with pytest.raises(WrongState, match="cannot start a commit on an output branch"):
        start(store, B)
    with pytest.raises(WrongState, match="cannot start a commit on an output branch"):
        write(store, {"/x": b"x"}, Commit(B.repo, "master"))


def test_commit_is_ready_when_all_that_it_is_made_from_has_finished(store: Store) -> None:
    follow(store, B, A)
    writing.finish(store, Commit(B.repo, "master"))
    id = start(store, A).id
    assert head(store, B).state is CommitState.STARTED

    writing.finish(store, Commit(A.repo, id))
    assert head(store, B).state is CommitState.READY


def test_commit_on_an_unfinished_one_begins_with_what_that_ends_with(store: Store) -> None:
    follow(store, B, A)
    first = head(store, B).commit
    write(store, {"/x": b"x"}, Commit(A.repo, "master"))
    second = head(store, B).commit
    with pytest.raises(WrongState, match=f"base commit {first.id} for commit {second.id} unfinished"):
        content(store, second)

    write(store, {"/out": b"1"}, first)
    writing.finish(store, first)
    assert content(store, second) == {"/out": b"1"}


def test_graph_has_no_circle_and_each_repo_once(store: Store) -> None:
    follow(store, B, A)
    with pytest.raises(Invalid, match="default/a@master cannot be in its own provenance"):
        follow(store, A, B)
    with pytest.raises(Invalid, match="repo default/a cannot be in the provenance of its own branch"):
        follow(store, A, Branch(A.repo, "dev"))
    with pytest.raises(Invalid, match='multiple branches from the same repo, "default/a", cannot participate'):
        follow(store, C, A, Branch(A.repo, "dev"))
    assert not info(store, A).provenance


def test_branch_and_repo_that_others_follow_are_deleted_only_by_force(store: Store) -> None:
    follow(store, B, A)
    with store.database.write() as tx:
        with pytest.raises(WrongState, match="in the direct provenance of default/b@master"):
            branches.delete(tx, A)
        with pytest.raises(WrongState, match="in the direct provenance of default/b@master"):
            repos.delete(tx, A.repo)
        assert repos.delete(tx, A.repo, force=True)
    assert info(store, B).provenance == ()
    assert head(store, B).direct_provenance == ()


def squash(store: Store, id: str) -> None:
    with graph.step(store) as made:
        commitsets.squash(made, id)


def drop(store: Store, id: str) -> None:
    with graph.step(store) as made:
        commitsets.drop(made, id)


def versions(store: Store, *contents: dict[str, bytes | None]) -> list[str]:
    """Commits to A, oldest first."""
    found = []
    for changes in contents:
        write(store, changes, Commit(A.repo, "master"))
        found.append(head(store, A).commit.id)
    return found


def test_squashed_changes_stay_in_what_came_after(store: Store) -> None:
    first, second, third = versions(store, {"/x": b"1"}, {"/y": b"2"}, {"/z": b"3"})
    squash(store, second)

    assert content(store, Commit(A.repo, third)) == {"/x": b"1", "/y": b"2", "/z": b"3"}
    assert head(store, A).parent == Commit(A.repo, first)
    with pytest.raises(NotFound):
        members(store, second)


def test_newest_commit_is_dropped_and_not_squashed(store: Store) -> None:
    first, second = versions(store, {"/x": b"1"}, {"/y": b"2"})
    with pytest.raises(WrongState, match="no children as that would cause data loss, use the drop operation"):
        squash(store, second)
    with pytest.raises(WrongState, match="cannot drop a commit that has children"):
        drop(store, first)

    drop(store, second)
    assert head(store, A).commit.id == first
    drop(store, first)
    assert content(store, Commit(A.repo, "master")) == {}
    assert head(store, A).commit.id not in {first, second}


def test_squash_waits_for_the_child(store: Store) -> None:
    (first,) = versions(store, {"/x": b"1"})
    start(store, A)
    with pytest.raises(WrongState, match="cannot squash until child commit"):
        squash(store, first)


def test_set_that_others_are_made_from_stays(store: Store) -> None:
    first, second = versions(store, {"/x": b"1"}, {"/y": b"2"})
    follow(store, B, A)
    with pytest.raises(WrongState, match="because it has subvenant commit sets"):
        drop(store, second)
    with graph.step(store) as made:
        commitsets.drop_commit(made, Commit(A.repo, second), recursive=True)
    assert head(store, A).commit.id == first


def test_sets_are_listed_newest_first_with_what_they_are_made_from(store: Store) -> None:
    first, second = versions(store, {"/x": b"1"}, {"/y": b"2"})
    follow(store, B, A)
    found = [*commitsets.list(store.database, Project())]
    assert [*commitsets.list(store.database)] == found
    assert [*commitsets.list(store.database, Project("other"))] == []
    assert [each.id for each in found] == [head(store, B).commit.id, second, first]
    assert [each.commit for each in found[0].commits] == [head(store, A).commit, head(store, B).commit]


def test_walks_go_breadth_first_as_deep_and_far_as_told(store: Store) -> None:
    follow(store, B, A)
    follow(store, C, B)
    follow(store, D, C, A)
    with store.database.read() as tx:
        assert [*branches.walk(tx, [D], graph.Way.UP)] == [info(store, each) for each in (A, C, B)]
        assert [*branches.walk(tx, [D], graph.Way.UP, depth=1)] == [info(store, each) for each in (A, C)]
        assert [*branches.walk(tx, [D], graph.Way.UP, number=1)] == [info(store, A)]
        assert [*branches.walk(tx, [A], graph.Way.DOWN)] == [info(store, each) for each in (B, D, C)]

        last = head(store, D).commit
        assert {each.commit.repo.name for each in commits.walk(tx, [last], graph.Way.UP)} == {"a", "b", "c"}
        assert {each.commit.repo.name for each in commits.walk(tx, [last], graph.Way.UP, depth=1)} == {"a", "c"}
        first = head(store, A).commit
        assert {each.commit.repo.name for each in commits.walk(tx, [first], graph.Way.DOWN)} == {"b", "c", "d"}


def test_branch_is_made_together_with_what_it_follows(store: Store) -> None:
    follow(store, B, A)

    id = head(store, A).commit.id
    assert head(store, B).direct_provenance == (Commit(A.repo, id),)
    assert members(store, id) == ["a", "b"]
    assert check.fsck(store) == []


def test_commit_set_in_which_the_downstream_commit_came_first_is_told_upstream_first(store: Store) -> None:
    with graph.step(store) as made:
        branches.create(made, C, None, provenance={B: False})
        branches.create(made, B, None, provenance={A: False})
        commits.start(made, D, "")

    assert members(store, made.id) == ["a", "b", "c", "d"]
    assert check.fsck(store) == []
