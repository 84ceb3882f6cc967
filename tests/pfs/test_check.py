"""Fsck names what is wrong, by the files that suffer, and repairs what can be had again from what is there."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.names import Branch, Commit, Project, Repo
from howdah.pfs import branches, check, commitsets, filesets, graph, repos, upkeep
from howdah.server.folder import open_store
from howdah.store.store import Store
from tests.pfs.stores import REPO, content, ids, new_store, start, write

OTHER = Repo(Project(), "other")
PHOTO = os.urandom(50_000)


def fill(data: Path) -> None:
    """Two repos, several commits, an open one with edits that wait."""
    with new_store(data) as store:
        with store.database.write() as tx:
            repos.create(tx, OTHER, "", now=store.now())
        write(store, {"/other": b"o" * 1000}, Commit(OTHER, "master"))
        write(store, {"/photo": PHOTO, "/d/a": b"a" * 1000})
        write(store, {"/d/b": b"b" * 1000, "/long": os.urandom(3_000_000)})
        with graph.step(store) as made:
            branches.create(made, Branch(REPO, "dev"), None)
        write(store, {"/x": b"x" * 100}, Commit(REPO, "dev"))
        start(store)
        write(store, {"/waiting": b"w" * 1000})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    fill(tmp_path / "data")
    return tmp_path / "data"


def told(data: Path, *, fix: bool = False) -> list[str]:
    with open_store(data) as store:
        return [("fixed " if finding.is_fixed else "") + finding.text for finding in check.fsck(store, fix=fix)]


def pack_with(data: Path, inside: bytes) -> Path:
    [pack] = [path for path in (data / "bytes" / "packs").glob("*/*") if inside in path.read_bytes()]
    return pack


def flip(path: Path, at: int) -> None:
    broken = bytearray(path.read_bytes())
    broken[at] ^= 4
    path.write_bytes(broken)


def damage(data: Path, inside: bytes) -> Path:
    pack = pack_with(data, inside)
    flip(pack, pack.read_bytes().index(inside) + 50)
    return pack


def rows(data: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data / "rows.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def whole(store: Store) -> list[dict[str, bytes]]:
    return [content(store, Commit(REPO, id)) for id in ids(store)] + [content(store, Commit(OTHER, "master"))]


def test_a_sound_store_has_no_faults_also_after_gc(data: Path) -> None:
    assert told(data) == []
    with open_store(data) as store:
        with graph.step(store) as made:
            commitsets.drop_commit(made, Commit(REPO, "dev"))
        assert check.fsck(store) == []
        upkeep.collect(store)
        assert check.fsck(store, fix=True) == []


def test_a_damaged_file_is_named_once_with_the_commits_that_have_it(data: Path) -> None:
    pack = damage(data, PHOTO)
    found = told(data)
    assert len(found) == 2
    assert found[0].startswith(f"pack packs/{pack.parent.name}/{pack.name} is damaged at byte ")
    with open_store(data) as store:
        newest = ids(store)[0]
    assert found[1].startswith(f"file default/images@{newest}:/photo cannot be read (and in 2 commits before): blob ")
    assert found[1].endswith(" is damaged")


def test_what_was_damaged_is_healed_by_putting_it_again(data: Path) -> None:
    damage(data, PHOTO)
    fixed, *left = told(data, fix=True)
    assert fixed.startswith("fixed pack ")
    assert left[0] == "fixed index: 1 blobs forgotten whose bytes are lost, so that they can be stored anew"
    assert len(left) == 2
    assert ":/photo cannot be read" in left[1]
    with open_store(data) as store:
        write(store, {"/again": PHOTO}, Commit(OTHER, "master"))
    assert told(data) == []
    with open_store(data) as store:
        assert content(store, Commit(REPO, "master"))["/photo"] == PHOTO


def test_a_damaged_tree_is_told_by_the_paths_below_it(data: Path) -> None:
    with open_store(data) as store:
        write(store, {f"/many/{at:05}": b"%d" % at for at in range(5000)}, Commit(OTHER, "master"))
        with store.database.read() as tx:
            row = tx.one("SELECT tree FROM commits ORDER BY number DESC LIMIT 1")
        assert row is not None
        root = store.read_node(row[0])
        leaf = store.blobs.find([root.ranges()[1].digest])[root.ranges()[1].digest]  # type: ignore[union-attr]
        first, last = root.ranges()[1].first, root.ranges()[1].last  # type: ignore[union-attr]
        assert first.startswith("/many/")
    flip(data / "bytes" / leaf.pack, leaf.offset + 20)
    _, found = told(data)
    assert f":{first} to {last} (" in found
    assert "default/other@" in found


def test_a_pack_with_a_damaged_header_alone_is_rewritten(data: Path) -> None:
    pack = pack_with(data, PHOTO)
    flip(pack, pack.read_bytes().index(PHOTO) - 30)  # in the digest before it
    assert len(told(data)) == 1
    [fixed] = told(data, fix=True)
    assert fixed.endswith("what is sound was brought into a new pack")
    assert told(data) == []


def test_a_missing_pack_is_named_with_what_it_takes_along(data: Path) -> None:
    pack = pack_with(data, b"o" * 1000)
    kept = pack.read_bytes()
    pack.unlink()
    found = told(data)
    assert found[0] == f"pack packs/{pack.parent.name}/{pack.name} is missing"
    assert "default/other@" in found[1]
    assert ":every file cannot be read" in found[1]
    assert "forgotten" in told(data, fix=True)[0]
    pack.parent.mkdir(exist_ok=True)
    pack.write_bytes(kept)  # from a backup
    assert "found again in the packs" in told(data, fix=True)[0]
    assert told(data) == []


def test_a_lost_index_is_rebuilt_from_the_packs(data: Path) -> None:
    with open_store(data) as store:
        before = whole(store)
    rows(data, "DELETE FROM blobs", "DELETE FROM packs")
    assert any("is not in the index" in text for text in told(data))
    fixed = told(data, fix=True)
    assert len(fixed) == 1
    assert fixed[0].startswith("fixed index: ")
    assert told(data) == []
    with open_store(data) as store:
        assert whole(store) == before


def test_a_row_that_leads_to_the_wrong_place_is_set_right(data: Path) -> None:
    with open_store(data) as store:
        before = whole(store)
    rows(data, "UPDATE blobs SET place = place + 1 WHERE length = 1000")
    assert len(found := told(data)) == 4
    assert all(text.endswith("lies elsewhere, so that --fix can help") for text in found)
    [fixed] = told(data, fix=True)
    assert fixed == "fixed index: 4 blobs found again in the packs"
    with open_store(data) as store:
        assert whole(store) == before


def test_wrong_counts_are_told_and_set_right(data: Path) -> None:
    rows(data, "UPDATE commits SET files = 77 WHERE files = 2")
    [found] = told(data)
    assert "says 77 files of 51000 bytes, its tree holds 2 of 51000" in found
    assert told(data, fix=True) == ["fixed commits: 1 counts of files and bytes set right"]
    assert told(data) == []


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE commits SET parent = 999 WHERE finished IS NULL", "has a parent that is missing"),
        ("UPDATE branches SET head = 999 WHERE name = 'dev'", "branch default/images@dev has no head in its repo"),
        ("INSERT INTO provenance (number, upstream) VALUES (2, 999)", "is made from a commit that is missing"),
        ("INSERT INTO branch_provenance (branch, upstream) VALUES (1, 999)", "follows a branch that is gone"),
        ("UPDATE commits SET finished = 1 WHERE finished IS NULL", "is finished and has edits that wait"),
        ("UPDATE repos SET project = 999 WHERE name = 'other'", "repo other is in no project"),
        ("DELETE FROM repos WHERE name = 'other'", "is in no repo"),
        (
            "INSERT INTO pipelines (repo, created, state) SELECT repo, 1, 1 FROM repos WHERE name = 'other'",
            "pipeline default/other has no version",
        ),
        (
            "INSERT INTO jobs (number, repo, state, finished)"
            " SELECT number, repo, 5, 1 FROM commits WHERE finished IS NULL",
            "is over and its commit is open",
        ),
    ],
)
def test_rows_that_do_not_fit_together_are_named_and_left(data: Path, statement: str, text: str) -> None:
    rows(data, statement)
    found = told(data)
    assert any(text in each for each in found)
    assert told(data, fix=True) == found


def test_a_fileset_that_cannot_be_read_is_named(data: Path) -> None:
    with open_store(data) as store:
        session = filesets.Session(store)
        session.put("/set", b"s" * 1000)
        id = session.close()
        assert check.fsck(store) == []
    damage(data, b"s" * 1000)
    _, in_tree, in_edits = told(data)
    assert in_tree.startswith(f"file __filesets__@{id}:/set cannot be read: blob ")
    assert in_edits.startswith(f"file __filesets__@{id}:/set waits: blob ")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled") / "data"
    fill(data)
    return data


@settings(max_examples=20, deadline=None)
@given(which=st.integers(min_value=0), at=st.integers(min_value=0))
def test_a_flipped_bit_anywhere_in_a_pack_is_told_and_other_files_are_well(filled: Path, which: int, at: int) -> None:
    packs = sorted((filled / "bytes" / "packs").glob("*/*"))
    pack = packs[which % len(packs)]
    flip(pack, at % pack.stat().st_size)
    try:
        found = told(filled)
        assert pack.name in found[0]
        if any("default/other@" in text for text in found):
            assert not any("default/images@" in text for text in found)
        else:
            with open_store(filled) as store:
                assert content(store, Commit(OTHER, "master")) == {"/other": b"o" * 1000}
    finally:
        flip(pack, at % pack.stat().st_size)


def test_uploads_and_drops_meanwhile_are_no_faults(data: Path) -> None:
    with open_store(data) as store:
        errors: list[BaseException] = []

        def work() -> None:
            try:
                for at in range(30):
                    write(store, {f"/{at}": b"%d" % at}, Commit(OTHER, "master"))
                    if at % 3 == 0:
                        with graph.step(store) as made:
                            commitsets.drop_commit(made, Commit(OTHER, "master"))
            except BaseException as error:  # told by the test
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            assert check.fsck(store) == []
        thread.join()
        assert not errors
        assert check.fsck(store) == []
