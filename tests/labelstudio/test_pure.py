"""The parts of the plugin that know neither database nor network."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah import uris
from howdah.errors import Invalid
from howdah.infos import FileInfo, FileType
from howdah.labelstudio import place, sync
from howdah.labelstudio.ranges import MOST, Span, Unsatisfiable, parse_ranges
from howdah.labelstudio.uris import encode
from howdah.names import Commit, File, Project, Repo

REPO = Repo(Project("default"), "images")
PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=255).map(lambda text: "/" + text)


def info(path: str, digest: bytes = b"\1" * 32, kind: FileType = FileType.FILE) -> FileInfo:
    return FileInfo(File(Commit(REPO, "master"), path), kind, 1, digest)


@given(PATHS)
def test_an_address_gives_its_file_back(path: str) -> None:
    file = File(Commit(REPO, "1" * 32), path)
    assert uris.parse_uri(uris.short_uri(file)) == file
    text = uris.format_uri(file)
    assert uris.parse_uri(text) == file
    assert list(uris.find_uris({"html": [f'<img src="{text}">', 7, None]})) == [file]


def test_the_longest_name_fits_into_a_request_line() -> None:
    file = File(Commit(REPO, "1" * 32), "/" + "🐘" * 255)
    assert len(encode(uris.short_uri(file))) < 2000


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    found = uris.parse_uri(text)
    assert found is None or text.strip().startswith("pfs://default/") or "/" in text


@pytest.mark.parametrize("text", ["pfs", "pfs://", "pfs://a/b", "pfs://a/b@c", "pfs://a/b@c:rel", "s3://a/b@c:/x", ""])
def test_what_is_no_address_is_none(text: str) -> None:
    assert uris.parse_uri(text) is None


@given(st.binary(max_size=300), st.integers(0, 320), st.integers(0, 320))
def test_a_range_gives_the_bytes_that_it_names(data: bytes, first: int, last: int) -> None:
    header = f"bytes={first}-{last}"
    if last < first:
        assert parse_ranges(header, len(data)) == ()
    elif first >= len(data):
        with pytest.raises(Unsatisfiable):
            parse_ranges(header, len(data))
    else:
        (span,) = parse_ranges(header, len(data))
        assert data[span.start : span.end] == data[first : last + 1]


def test_ranges_reach_beyond_four_gigabytes() -> None:
    size = 5 << 30
    assert parse_ranges(f"bytes={size - 2}-", size) == (Span(size - 2, size),)
    assert parse_ranges("bytes=-1", size) == (Span(size - 1, size),)
    assert parse_ranges("bytes=4294967295-4294967296", size) == (Span((1 << 32) - 1, (1 << 32) + 1),)


@given(st.text() | st.lists(st.sampled_from(["0-0", "-5", "7-", "3-9", "99-", "x"])).map(",".join))
def test_any_header_asks_for_parts_that_do_not_overlap(words: str) -> None:
    try:
        spans = parse_ranges(f"bytes={words}", 10)
    except Unsatisfiable:
        return
    asked = [number for span in spans for number in range(span.start, span.end)]
    assert len(asked) == len(set(asked)) <= 10
    assert all(span.length for span in spans)


def test_so_many_parts_are_not_sent_one_by_one() -> None:
    words = ",".join(f"{2 * n}-{2 * n}" for n in range(MOST + 1))
    assert parse_ranges(f"bytes={words}", 1000) == ()
    assert len(parse_ranges(f"bytes={words.rpartition(',')[0]}", 1000)) == MOST


@pytest.mark.parametrize(
    ("repo", "branch", "project", "meant"),
    [
        ("images", "", "", "default/images@master"),
        ("images@dev", "", "default", "default/images@dev"),
        ("images@dev", "dev", "default", "default/images@dev"),
        (" images ", "dev", "", "default/images@dev"),
        ("team/images@dev", "", "default", "team/images@dev"),
        ("team/images", "", "team", "team/images@master"),
        ("images", "", "team", "team/images@master"),
        ("images@dev", "master", "", "default/images@dev"),
    ],
)
def test_fields_mean_one_branch(repo: str, branch: str, project: str, meant: str) -> None:
    assert str(place.branch_of(project, repo, branch)) == meant


@pytest.mark.parametrize(
    ("repo", "branch", "project"), [("", "", ""), ("a@", "", ""), ("a@b", "c", ""), ("x/a", "", "y"), ("a b", "", "")]
)
def test_fields_that_contradict_each_other_are_refused(repo: str, branch: str, project: str) -> None:
    with pytest.raises(Invalid):
        place.branch_of(project, repo, branch)


def test_a_commit_can_be_named_in_either_field() -> None:
    id_ = "0" * 12 + "4" + "0" * 19
    assert place.commit_of("", f"images@{id_}", "", "") == place.commit_of("", "images", "", id_) == Commit(REPO, id_)
    with pytest.raises(Invalid):
        place.branch_of("", f"images@{id_}", "")


def test_a_selection_takes_files_by_depth_and_pattern() -> None:
    deep = sync.Selection("/sub", recursive=False)
    assert info("/sub/a") in deep
    assert info("/sub/x/a") not in deep
    assert info("/sub/", kind=FileType.DIR) not in deep
    assert info("/sub/a.jpg") in sync.Selection(pattern=re.compile("sub/.*jpg"))
    assert info("/b/sub/a.jpg") not in sync.Selection(pattern=re.compile("sub/"))


COLUMNS = st.lists(st.sampled_from(["a", "b", "ab", "c"]).map(set), max_size=12)


@given(COLUMNS)
def test_summing_up_alike_tasks_together_equals_one_by_one(columns: list[set[str]]) -> None:
    def common(parts: list[list[set[str]]]) -> set[str]:
        whole: set[str] = set()
        for part in parts:
            inner: set[str] = set()
            for one in part:
                inner = inner & one if inner else set(one)
            whole = whole & inner if whole else inner
        return whole

    parts = [columns[part] for part in sync.alike(columns)]
    assert [one for part in parts for one in part] == columns
    assert common(parts) == common([[one] for one in columns])


@pytest.mark.parametrize(("prefix", "folder"), [(None, "/"), ("", "/"), ("a/b/", "/a/b"), ("/a", "/a")])
def test_a_prefix_is_a_folder(prefix: str | None, folder: str) -> None:
    assert place.folder_of(prefix) == folder
