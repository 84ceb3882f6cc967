"""One bit of one file of a store is another: what is read is right or an error, and fsck names the pack."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.errors import HowdahError
from howdah.names import Commit, Project, Repo
from howdah.pfs import check, commits, repos, upkeep
from howdah.server.folder import open_store
from howdah.store.store import Store
from tests.pfs.stores import REPO, content, new_store, start, write

OTHER = Repo(Project(), "other")
Contents = dict[Commit, dict[str, bytes]]


def fill(store: Store) -> None:
    """Commits in two repos, large and small files, many files, an open commit with edits that wait; several packs."""
    chance = random.Random(4)
    with store.database.write() as tx:
        repos.create(tx, OTHER, "", now=store.now())
    for at in range(3):
        write(store, {f"/{at}": chance.randbytes(3000), "/last": b"%d" % at})
    write(store, {"/large": chance.randbytes(400_000)})
    write(store, {f"/many/{at:04}": b"%d" % (at % 7) for at in range(600)}, Commit(OTHER, "master"))
    start(store)
    write(store, {"/waits": b"w" * 2000})


def contents(store: Store) -> Iterator[tuple[Commit, dict[str, bytes] | None]]:
    """Each commit that is listed, with its files if they can be read."""
    for repo in (REPO, OTHER):
        try:
            infos = list(commits.list(store.database, repo))
        except Exception:  # noqa: BLE001 -- rows that are damaged can hold anything
            continue
        for info in infos:
            try:
                yield info.commit, content(store, info.commit)
            except Exception:  # noqa: BLE001 -- as above
                yield info.commit, None


class Filled:
    """A folder, and what is in it: too much to be shown by a failure."""

    def __init__(self, data: Path, contents: Contents) -> None:
        self.data = data
        self.contents = contents


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    data = tmp_path_factory.mktemp("filled") / "data"
    with new_store(data) as store:
        fill(store)
        upkeep.collect(store)
        write(store, {"/new": b"n" * 100}, Commit(OTHER, "master"))
        found = {commit: files for commit, files in contents(store) if files is not None}
    assert len(found) == 7
    return Filled(data, found)


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


BITS = st.one_of(st.integers(0, 64 * 8), st.integers(0, 1 << 30))  # the first ones say what a file is


@settings(max_examples=60, deadline=None)
@given(which=st.integers(min_value=0), bit=BITS)
def test_a_flipped_bit_in_a_pack_never_gives_wrong_bytes_and_is_found(filled: Filled, which: int, bit: int) -> None:
    data, expected = filled.data, filled.contents
    packs = sorted((data / "bytes" / "packs").glob("*/*"))
    pack = packs[which % len(packs)]
    flip(pack, bit)
    try:
        with open_store(data) as store:
            seen = dict(contents(store))
            assert seen.keys() == expected.keys()
            assert all(files in (None, expected[commit]) for commit, files in seen.items())
            told = [finding.text for finding in check.fsck(store)]
        assert any(pack.name in text for text in told)
        for repo in (REPO, OTHER):  # a repo is well unless fsck says otherwise
            is_told = any(f"{repo}@" in text for text in told)
            assert is_told or all(seen[commit] is not None for commit in seen if commit.repo == repo)
    finally:
        flip(pack, bit)


@settings(max_examples=40, deadline=None)
@given(bit=BITS)
def test_a_flipped_bit_in_the_rows_never_gives_bytes_that_nobody_wrote(
    filled: Filled, tmp_path_factory: pytest.TempPathFactory, bit: int
) -> None:
    data, expected = filled.data, filled.contents
    copied = tmp_path_factory.mktemp("flipped") / "data"
    shutil.copytree(data, copied)
    flip(copied / "rows.db", bit)
    try:
        with open_store(copied) as store:
            for commit, files in contents(store):
                assert files is None or all(expected[commit].get(path) == found for path, found in files.items()), (
                    commit
                )
            told = check.fsck(store)
            assert told or dict(contents(store)) == expected
    except HowdahError as error:
        assert re.search("database .* (is damaged|cannot be used)", str(error))  # noqa: PT017 -- both ways are right
    finally:
        shutil.rmtree(copied)
