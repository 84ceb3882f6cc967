from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.store import diff, node, tree
from howdah.store.edit import Edit
from howdah.store.node import Inner
from howdah.store.tree import EMPTY, after_directory
from tests.store.trees import Files, Forest, entry, numbered

FOLDERS = st.sampled_from("abcdef")
PATHS = st.builds("/{}/{}/{}".format, FOLDERS, st.integers(0, 5), st.integers(0, 300)) | st.builds(
    "/{}".format, FOLDERS
)
CONTENTS = st.sampled_from([b"", b"1", b"2", b"33"])
RUNS = st.builds(
    lambda folder, start, count, data: {f"/{folder}/{at % 6}/{at}": data for at in range(start, start + count)},
    *(FOLDERS, st.integers(0, 300), st.integers(0, 1500), CONTENTS),
)
FILES = st.dictionaries(PATHS, CONTENTS, max_size=30)
REMOVALS = st.lists(PATHS | st.builds("/{}/".format, FOLDERS) | st.builds("/{}/{}/".format, FOLDERS, st.integers(0, 5)))


def changed(files: Files, removals: list[str], additions: Files) -> tuple[Files, list[Edit]]:
    """The files after the removals and then the additions, and the edits that say the same."""
    after = {
        path: data
        for path, data in files.items()
        if not any(path == gone or (gone.endswith("/") and path.startswith(gone)) for gone in removals)
    }
    edits = {gone: Edit(gone) for gone in removals}
    edits |= {path: Edit(path, (entry(path, data),)) for path, data in additions.items()}
    return after | additions, list(edits.values())


@settings(max_examples=60)
@given(before=FILES, run=RUNS, removals=REMOVALS, additions=FILES, more=RUNS)
def test_an_edited_tree_is_the_tree_built_from_nothing(
    before: Files, run: Files, removals: list[str], additions: Files, more: Files
) -> None:
    forest = Forest()
    after, edits = changed(before | run, removals, additions | more)
    assert forest.apply(forest.build(before | run), edits) == forest.build(after)


@settings(max_examples=60)
@given(before=FILES, run=RUNS, removals=REMOVALS, additions=FILES)
def test_a_diff_tells_exactly_the_paths_that_differ_in_order(
    before: Files, run: Files, removals: list[str], additions: Files
) -> None:
    forest = Forest()
    old = before | run
    new, _ = changed(old, removals, additions)
    found = [each.key[0] for each in diff.differences(forest.read, forest.build(new).root, forest.build(old).root)]
    assert found == [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]


@settings(max_examples=60)
@given(files=FILES, run=RUNS, folder=FOLDERS, wanted=st.lists(PATHS))
def test_slices_lookups_and_totals_agree_with_the_files(
    files: Files, run: Files, folder: str, wanted: list[str]
) -> None:
    forest = Forest()
    files = files | run
    root = forest.build(files).root
    prefix = f"/{folder}/"
    inside = {path: data for path, data in files.items() if path.startswith(prefix)}
    slice_ = list(tree.iterate(forest.read, root, prefix, after_directory(prefix)))
    assert [each.path for each in slice_] == sorted(inside)
    sums = tree.totals(forest.read, root, prefix, after_directory(prefix))
    assert (sums.files, sums.size) == (len(inside), sum(map(len, inside.values())))
    found = [each.path for each in tree.find_many(forest.read, root, sorted(set(wanted)))]
    assert found == sorted(set(wanted) & files.keys())
    folders = [path for path in sorted(set(wanted)) if any(name.startswith(path + "/") for name in files)]
    assert sorted(tree.directories_among(forest.read, root, sorted(set(wanted)))) == folders


def test_equal_directories_have_equal_sums_whatever_lies_beside_them() -> None:
    forest = Forest()
    many, few = numbered(20_000), {path: data for path, data in numbered(20_000).items() if path.startswith("/d07/")}
    left = tree.totals(forest.read, forest.build(many).root, "/d07/", "/d070")
    right = tree.totals(forest.read, forest.build(few).root)
    assert left == right


def test_one_new_file_rewrites_few_nodes_however_large_the_tree() -> None:
    forest = Forest()
    before = forest.build(numbered(50_000))
    known = dict(forest.blobs)
    forest.apply(before, [Edit("/d50/new", (entry("/d50/new", b"x"),))])
    written = sum(len(data) for name, data in forest.blobs.items() if name not in known)
    assert written < sum(map(len, known.values())) / 50


def test_a_small_difference_of_large_trees_reads_few_nodes() -> None:
    forest = Forest()
    old = forest.build(numbered(50_000))
    new = forest.apply(old, [Edit("/d50/f000050"), Edit("/d99/x", (entry("/d99/x", b"x"),))])
    read: list[bytes] = []

    def fetch(name: bytes) -> bytes:
        read.append(name)
        return forest.blobs[name]

    fresh = tree.NodeReader(fetch)
    assert len(list(diff.differences(fresh, new.root, old.root))) == 2
    assert len(read) <= 12


def quiet() -> Files:
    """Files at whose paths no leaf ends by chance."""
    paths = (f"/q{at:05}" for at in range(4000))
    return {path: b"%d" % at for at, path in enumerate(path for path in paths if not node.is_end(0, path))}


def heavy() -> Files:
    """Files with paths so long that few fill a leaf."""
    return {f"/{at:05}{'x' * 3000}": b"%d" % at for at in range(600)}


@pytest.mark.parametrize("files", [quiet(), heavy()], ids=["by their number", "by their bytes"])
@pytest.mark.parametrize("places", [[0], [100], [599], [0, 50, 51, 300], range(0, 600, 7), range(80, 400)], ids=str)
def test_leaves_that_end_for_their_size_are_cut_as_from_nothing(files: Files, places: Sequence[int]) -> None:
    forest = Forest()
    paths = [path for at, path in enumerate(files) if at in places]
    before = forest.build(files)
    for removals, additions in ((paths, {}), ([], {path + "-": b"new" for path in paths})):
        after, edits = changed(files, removals, additions)
        assert forest.apply(before, edits) == forest.build(after)


def test_the_empty_tree_has_no_node() -> None:
    forest = Forest()
    assert forest.build({}) == EMPTY
    assert forest.apply(forest.build({"/a": b"1"}), [Edit("/a")]) == EMPTY
    assert list(tree.iterate(forest.read, None)) == []


def test_a_path_whose_datums_go_on_in_the_next_leaf_is_found_and_replaced_whole() -> None:
    forest = Forest()
    paths = [f"/{at:04}" for at in range(1500)]
    full = forest.apply(EMPTY, [Edit(path, tuple(entry(path, b"1", datum) for datum in "abc")) for path in paths])
    assert full.root is not None
    leaves = forest.read(full.root)
    assert isinstance(leaves, Inner)
    torn = [left.last for left, right in pairwise(leaves.ranges()) if left.last == right.first]
    assert torn
    for path in torn:
        assert len(list(tree.find_many(forest.read, full.root, [path]))) == 3
        one = forest.apply(full, [Edit(path, (entry(path, b"2"),))])
        assert [found.datum for found in tree.find(forest.read, one.root, path)] == ["default"]
        assert one.files == full.files - 2
