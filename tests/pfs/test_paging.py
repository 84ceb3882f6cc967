"""Lists that are longer than a page, and change while they are taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.infos import Origin
from howdah.names import Branch, Commit
from howdah.pfs import branches, commits, commitsets, graph
from howdah.pfs.paging import PAGE
from howdah.store.store import Store
from howdah.store.tree import EMPTY
from tests.pfs.stores import HEAD, MASTER, REPO, new_store

MANY = 2 * PAGE + 1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with MANY commits in a line and as many branches."""
    with new_store(tmp_path_factory.mktemp("pages") / "data") as store:
        for number in range(MANY):
            with graph.step(store) as made:
                repo = made.tx.one("SELECT repo FROM repos")
                assert repo is not None
                head = made.tx.one("SELECT max(number) FROM commits")
                new = made.add_commit(
                    repo[0],
                    head[0] if head else None,
                    EMPTY,
                    origin=Origin.USER,
                    description=str(number),
                    is_finished=True,
                )
                made.point(repo[0], f"b{number}", new)
                made.point(repo[0], MASTER.name, new)
        yield store


def numbers(store: Store, number: int = 0, *, reverse: bool = False, to: Commit | None = None) -> list[int]:
    found = commits.list(store.database, REPO, number=number, reverse=reverse, to=to)
    return [int(info.description) for info in found]


@pytest.mark.parametrize("number", [0, 1, PAGE, PAGE + 1])
def test_every_commit_is_listed_once_in_order(store: Store, number: int) -> None:
    newest = list(range(MANY))[::-1]
    told = number or MANY
    assert numbers(store, number) == newest[:told]
    assert numbers(store, number, to=HEAD) == newest[:told]
    assert numbers(store, number, reverse=True) == newest[::-1][:told]


def test_a_line_ends_before_the_commit_that_it_is_told_from(store: Store) -> None:
    since = Commit(REPO, f"{HEAD.id}~{PAGE + 5}")
    assert len([*commits.list(store.database, REPO, to=HEAD, since=since)]) == PAGE + 5


def test_who_follows_a_branch_is_told_its_whole_line(store: Store) -> None:
    with store.database.read() as tx:
        _, line = commits.line_of_branch(tx, MASTER, None)
        assert [int(info.description) for info in commits.numbered(tx, line)] == list(range(MANY))
        assert commits.numbered(tx, [*line[:2], line[-1] + 1]) == commits.numbered(tx, line[:2])


def test_a_negative_number_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match="must not be negative"):
        numbers(store, -1)


def test_every_branch_and_commit_set_is_listed_once_in_order(store: Store) -> None:
    names = [f"b{number}" for number in range(MANY)]
    names.insert(1, "master")
    for repo in (REPO, None):
        assert [info.branch.name for info in branches.list(store.database, repo, reverse=True)] == names
        assert [info.branch.name for info in branches.list(store.database, repo)] == names[::-1]
    assert [int(found.commits[-1].description) for found in commitsets.list(store.database)] == list(range(MANY))[::-1]


def test_what_is_new_or_gone_meanwhile_changes_nothing_else_in_a_list(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        for number in range(PAGE + 10):
            with graph.step(store) as made:
                branches.create(made, Branch(REPO, f"b{number}"), None)
        found = branches.list(store.database, None)
        first = [next(found).branch.name for _ in range(PAGE)]
        with graph.step(store) as made:
            branches.create(made, Branch(REPO, "new"), None)
            branches.delete(made.tx, Branch(REPO, "b5"))
        rest = [info.branch.name for info in found]
    assert first[0] == f"b{PAGE + 9}"
    assert rest == [f"b{number}" for number in (9, 8, 7, 6, 4, 3, 2, 1, 0)]
