"""Branches that move by themselves: with how much, how many or how late, and what follows from it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.infos import BranchInfo, Trigger
from howdah.names import Branch, Commit, Project, Repo
from howdah.pfs import branches, commits, graph, repos, triggers, writing
from howdah.pfs.triggers import News, fires, parse_size
from howdah.store.store import Store
from tests.pfs.stores import HEAD, MASTER, REPO, new_store, write

STAGING = Branch(REPO, "staging")
MINUTE = 60_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as opened:
        yield opened


def create(
    store: Store, branch: Branch, trigger: Trigger | None = None, *, provenance: tuple[Branch, ...] = ()
) -> None:
    with graph.step(store) as made:
        branches.create(made, branch, None, provenance=dict.fromkeys(provenance, False), trigger=trigger)


def info(store: Store, branch: Branch) -> BranchInfo:
    with store.database.read() as tx:
        return branches.inspect(tx, branch)


def is_at_master(store: Store, branch: Branch = STAGING) -> bool:
    return info(store, branch).head == info(store, MASTER).head


NEWS = News(size=2000, commits=3, old_finished=0, new_finished=90_000_000)


@pytest.mark.parametrize(
    ("trigger", "fired"),
    [
        (Trigger("m"), False),
        (Trigger("m", all=True), True),
        (Trigger("m", size="2K"), True),
        (Trigger("m", size="2001"), False),
        (Trigger("m", commits=3), True),
        (Trigger("m", commits=4), False),
        (Trigger("m", rate_limit_spec="* * * * *"), True),
        (Trigger("m", rate_limit_spec="*/2 * * * *"), False),
        (Trigger("m", rate_limit_spec="@never"), False),
        (Trigger("m", size="1G", commits=2), True),
        (Trigger("m", all=True, size="1G", commits=2), False),
        (Trigger("m", all=True, size="1k", commits=2, rate_limit_spec="@every 1m"), True),
        (Trigger("m", all=True, cron_spec="* * * * *"), False),
    ],
)
def test_trigger_fires_with_one_condition_or_with_all(trigger: Trigger, *, fired: bool) -> None:
    assert fires(trigger, NEWS) is fired


def test_sizes_are_read_as_people_write_them() -> None:
    texts = ("5", "2K", "1.5 MB", "1gb", "64KiB", "3TiB")
    assert [parse_size(text) for text in texts] == [5, 2000, 1_500_000, 10**9, 65536, 3 * 2**40]
    for text in ("", "M", "-1K", "1X", "1e3"):
        with pytest.raises(Invalid, match="trigger size"):
            parse_size(text)


def test_branch_moves_when_enough_bytes_are_new(store: Store) -> None:
    create(store, STAGING, Trigger("master", size="100"))
    write(store, {"/a": b"x" * 60})
    assert not is_at_master(store)
    write(store, {"/b": b"x" * 60})
    assert is_at_master(store)
    write(store, {"/c": b"x" * 60})
    assert not is_at_master(store)


def test_branch_moves_with_every_so_many_commits(store: Store) -> None:
    create(store, STAGING, Trigger("master", commits=2))
    moved = []
    for name in "abcd":
        write(store, {f"/{name}": b"x"})
        moved.append(is_at_master(store))
    assert moved == [False, True, False, True]


def test_branch_moves_at_most_as_often_as_it_may(store: Store) -> None:
    create(store, STAGING, Trigger("master", rate_limit_spec="@every 1m"))
    begun = store.now()
    for after, moved in ((30, False), (70, True), (100, False), (140, True)):
        store.now = partial(int, begun + after * 1_000_000)
        write(store, {"/a": str(after).encode()})
        assert is_at_master(store) is moved


def test_started_commit_fires_when_it_finishes_and_one_with_an_error_does_not(store: Store) -> None:
    create(store, STAGING, Trigger("master", commits=1))
    before = info(store, STAGING).head
    for error in ("broken", ""):
        with graph.step(store) as made:
            commits.start(made, MASTER, "")
        write(store, {"/a": b"x"})
        assert info(store, STAGING).head == before
        writing.finish(store, HEAD, error=error)
        assert is_at_master(store) is not bool(error)


def test_what_follows_a_moved_branch_is_a_commit_set_of_its_own(store: Store) -> None:
    output = Branch(Repo(Project(), "out"))
    with store.database.write() as tx:
        repos.create(tx, output.repo, "", now=store.now())
    create(store, STAGING, Trigger("master", commits=1))
    create(store, output, provenance=(STAGING,))
    write(store, {"/a": b"x"})

    with store.database.read() as tx:
        made = commits.inspect(tx, Commit(output.repo, output.name))
    assert made.commit.id != (info(store, MASTER).head or HEAD).id
    assert made.direct_provenance == (info(store, MASTER).head,)


def test_triggers_form_chains_and_no_loops(store: Store) -> None:
    create(store, STAGING, Trigger("master", commits=1))
    live = Branch(REPO, "live")
    create(store, live, Trigger("staging", commits=2))
    with pytest.raises(Invalid, match="triggers cannot form a loop"):
        create(store, MASTER, Trigger("live", commits=1))
    with pytest.raises(Invalid, match="triggers cannot form a loop"):
        create(store, MASTER, Trigger("master", commits=1))

    write(store, {"/a": b"x"})
    write(store, {"/b": b"x"})
    assert is_at_master(store, STAGING)
    assert is_at_master(store, live)


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (Trigger("", commits=1), "triggers must specify a branch to trigger on"),
        (Trigger("a/b", commits=1), r"name \(a/b\) invalid"),
        (Trigger("master", size="much"), r"trigger size \(much\) invalid"),
        (Trigger("master", commits=-1), "can't trigger on a negative number of commits"),
        (Trigger("master", rate_limit_spec="often"), r"schedule \(often\) invalid"),
        (Trigger("master", cron_spec="* * * * *", commits=1), "a trigger with a cron spec takes no other condition"),
    ],
)
def test_trigger_by_which_nothing_can_move_is_refused(store: Store, trigger: Trigger, text: str) -> None:
    with pytest.raises(Invalid, match=text):
        create(store, STAGING, trigger)


def test_branch_has_either_provenance_or_a_trigger(store: Store) -> None:
    source = Branch(Repo(Project(), "source"))
    with store.database.write() as tx:
        repos.create(tx, source.repo, "", now=store.now())
    with pytest.raises(Invalid, match="a branch cannot have both provenance and a trigger"):
        create(store, STAGING, Trigger("master", commits=1), provenance=(source,))
    create(store, STAGING, Trigger("master", commits=1))
    with pytest.raises(Invalid, match="a branch cannot have both provenance and a trigger"):
        create(store, STAGING, provenance=(source,))


def test_trigger_stays_until_another_is_given(store: Store) -> None:
    first, second = Trigger("master", all=True, size="1M", commits=3), Trigger("other", cron_spec="@daily")
    create(store, STAGING, first)
    create(store, STAGING)
    assert info(store, STAGING).trigger == first
    create(store, STAGING, second)
    assert info(store, STAGING).trigger == second


def test_branch_moves_with_the_clock_once_for_all_instants_that_passed(store: Store) -> None:
    begun = store.now()
    create(store, STAGING, Trigger("master", cron_spec="@every 1m"))
    write(store, {"/a": b"x"})

    def turn(at: int) -> int | None:
        store.now = lambda: begun + at
        writing.step(store, triggers.fire_due)
        with store.database.read() as tx:
            return triggers.next_due(tx)

    assert turn(MINUTE // 2) == (begun + MINUTE) // 1_000_000 * 1_000_000
    assert not is_at_master(store)
    after = turn(5 * MINUTE)
    assert is_at_master(store)
    assert after is not None
    assert after > begun + 5 * MINUTE
