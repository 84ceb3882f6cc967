"""Plans from a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from howdah.errors import NotFound
from howdah.names import Branch, Commit
from howdah.pfs import commits
from howdah.pps import datums, listing, work
from howdah.pps.inputs import Input, PfsInput
from tests.pfs.stores import MASTER, REPO, ids, new_store, write


def images(glob: str, *, name: str = "images", branch: str = "master") -> Input:
    """An input of the repo that these tests write to."""
    source = PfsInput(project="default", name=name, repo="images", repo_type="user", branch=branch, glob=glob)
    return Input(pfs=source)


def paths(plan: datums.Plan) -> set[tuple[str, ...]]:
    """What each datum consists of."""
    return {tuple(file.path for file in datum.files) for datum in plan}


def test_a_glob_makes_datums_of_files_and_directories(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        write(store, {"/a.jpg": b"1", "/d/b.jpg": b"22", "/d/c.jpg": b"333"})
        read = listing.of(store)

        assert paths(datums.plan(images("/*"), read)) == {("/a.jpg",), ("/d/",)}
        assert paths(datums.plan(images("/d/*"), read)) == {("/d/b.jpg",), ("/d/c.jpg",)}
        assert paths(datums.plan(images("/"), read)) == paths(datums.plan(images(""), read)) == {("/",)}
        assert datums.plan(images("/"), read).size(0) == 6
        assert paths(datums.plan(images("/nothing*"), read)) == set()


def test_a_job_reads_the_commits_that_it_is_made_from(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        write(store, {"/a": b"1", "/b": b"1"})
        write(store, {"/b": b"2", "/c": b"1"})
        new, old = (listing.of(store, {MASTER: Commit(REPO, id)}) for id in ids(store))
        first, second = datums.plan(images("/*"), old), datums.plan(images("/*"), new)
        done = work.successes(first, work.compare(first), range(len(first)))
        told = work.compare(second, done)

        assert paths(first) == {("/a",), ("/b",)}
        assert {second[number].files[0].path for number in told.skip} == {"/a"}
        assert {second[number].files[0].path for number in told.run} == {"/b", "/c"}
        assert paths(datums.plan(images("/*"), listing.of(store))) == paths(second)


def test_a_directory_is_another_datum_when_anything_in_it_is(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        write(store, {"/d/x/a": b"1", "/e/a": b"1"})
        before = datums.plan(images("/*"), listing.of(store))
        write(store, {"/d/x/a": b"2"})
        after = datums.plan(images("/*"), listing.of(store))

        assert [datum.id for datum in before] == [datum.id for datum in after]
        changed = {old.files[0].path for old, new in zip(before, after, strict=True) if old.hash != new.hash}
        assert changed == {"/d/"}
        assert {file.source.name for datum in after for file in datum.files} == {"images"}


@pytest.mark.parametrize("glob", ["/", "/*", "/**", ""])
def test_an_empty_commit_has_no_datums(tmp_path: Path, glob: str) -> None:
    with new_store(tmp_path) as store:
        write(store, {"/a": b"1"})
        write(store, {"/a": None})
        assert next(iter(commits.list(store.database, REPO, number=1))).size == 0

        assert len(datums.plan(images(glob), listing.of(store))) == 0
        assert len(datums.plan(Input(cross=(images(glob), images(glob, name="more"))), listing.of(store))) == 0


def test_a_missing_branch_is_told(tmp_path: Path) -> None:
    with new_store(tmp_path) as store, pytest.raises(NotFound, match="other"):
        datums.plan(images("/", branch="other"), listing.of(store))


def test_a_commit_counts_for_its_branch_alone(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        write(store, {"/a": b"1"})
        read = listing.of(store, {Branch(REPO, "else"): Commit(REPO, "no-such")})
        plan = datums.plan(images("/*"), read)

        assert [file.path for datum in plan for file in datum.files] == ["/a"]
