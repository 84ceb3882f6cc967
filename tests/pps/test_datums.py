"""Planning against what the combinations are by definition, written without a thought for cost."""

from __future__ import annotations

import itertools
import re
from hashlib import blake2b
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Invalid
from howdah.pps import datums
from howdah.pps.inputs import CronInput, Input, PfsInput
from tests.pps.planning import Content, leaf, listing


class Known(NamedTuple):
    """A file as these tests know it."""

    source: PfsInput
    path: str
    digest: bytes


def naive(told: Input, content: Content) -> list[tuple[Known, ...]]:
    """The datums, each with its files in any order."""
    if not told.below():
        (source,) = told.leaves()
        return [(Known(source, path, digest),) for path, digest in content.get(source.repo, {}).items()]
    below = [naive(each, content) for each in told.below()]
    if told.union:
        return [datum for each in below for datum in each]
    if told.cross:
        return [tuple(itertools.chain(*parts)) for parts in itertools.product(*below)]
    keys = {key(datum) for each in below for datum in each}
    found = []
    for one in keys:
        sides = [[datum for datum in each if key(datum) == one] for each in below]
        if told.group:
            found.append(tuple(itertools.chain(*itertools.chain(*sides))))
            continue
        if not all(sides):
            outer = [any(source.outer_join for source in each.leaves()) for each in told.join]
            sides = [side for side, keeps in zip(sides, outer, strict=True) if keeps and side]
        found += [tuple(itertools.chain(*parts)) for parts in itertools.product(*sides)] if sides else []
    return found


def key(datum: tuple[Known, ...]) -> tuple[str, ...]:
    """The first signs of those of its files whose inputs have keys."""
    keyed = sorted((file for file in datum if file.source.join_on), key=lambda file: (file.source.name, file.path))
    return tuple(dict.fromkeys(file.path[1:2] for file in keyed))


def id_of(files: list[Known]) -> str:
    """The id that a datum of these files has."""
    data = b""
    for file in files:
        for part in (file.source.name, file.source.repo, file.source.branch, file.path):
            data += len(part.encode()).to_bytes(8, "big") + part.encode()
    return blake2b(data, digest_size=32).hexdigest()


def planned(told: Input, content: Content, salt: str = "") -> list[tuple[str, str, list[tuple[str, str, bytes]]]]:
    """The plan's datums as plain values."""
    plan = datums.plan(told, listing(content), salt)
    return [(d.id, d.hash, [(f.source.name, f.path, f.digest) for f in d.files]) for d in plan]


PATHS = st.dictionaries(
    st.builds(
        "/{}{}{}".format, st.sampled_from("ab\u00e9"), st.sampled_from(["", "1", "2"]), st.sampled_from(["", "/"])
    ),
    st.binary(min_size=32, max_size=32),
    max_size=4,
)
NAMES = ["w", "x", "y", "z"]


@st.composite
def inputs(draw: st.DrawFn, names: list[str], depth: int = 0) -> Input:
    """Any input whose leaves have these names."""
    if len(names) == 1 and (depth > 1 or draw(st.booleans())):
        key = draw(st.sampled_from(["", "$1"])) if depth == 0 else "$1"
        return leaf(names[0], draw(st.sampled_from(["r", "s", "t"])), key, outer=draw(st.booleans()))
    kind = draw(st.sampled_from(["cross", "union", "join", "group"]))
    cut = draw(st.integers(1, len(names)))
    parts = [names[:cut], *([names[cut:]] if names[cut:] else [])]
    if depth > 1:
        parts = [[name] for name in names]
    below = tuple(draw(inputs(part, depth + 1)) for part in parts)
    return Input(**{kind: below})  # type: ignore[arg-type]


@given(st.permutations(NAMES).flatmap(lambda names: inputs(names[:3])), st.dictionaries(st.sampled_from("rst"), PATHS))
def test_datums_are_those_of_the_definition(told: Input, content: Content) -> None:
    expected = set()
    for datum in naive(told, content):
        files = sorted(datum, key=lambda file: (file.source.name, file.path.encode()))
        expected.add((id_of(files), tuple((file.source.name, file.path, file.digest) for file in files)))

    found = planned(told, content)

    assert [id for id, _, _ in found] == sorted(id for id, _ in expected)
    assert {(id, tuple(files)) for id, _, files in found} == expected


def test_hash_tells_content_and_salt() -> None:
    told = leaf("x")
    plain = planned(told, {"x": {"/a": b"1" * 32, "/b": b"2" * 32}})
    other = planned(told, {"x": {"/a": b"3" * 32, "/b": b"2" * 32}})
    salted = planned(told, {"x": {"/a": b"1" * 32, "/b": b"2" * 32}}, "salt")

    assert [id for id, _, _ in plain] == [id for id, _, _ in other] == [id for id, _, _ in salted]
    same = {hash for _, hash, _ in plain} & {hash for _, hash, _ in other}
    assert same == {hash for _, hash, files in plain if files[0][1] == "/b"}
    assert not {hash for _, hash, _ in plain} & {hash for _, hash, _ in salted}


def test_one_datum_by_two_ways_is_one() -> None:
    content = {"r": {"/a": b"1" * 32}}
    assert len(planned(Input(union=(leaf("x", "r"), leaf("x", "r"))), content)) == 1
    assert len(planned(Input(union=(leaf("x", "r"), leaf("y", "r"))), content)) == 2


def test_a_schedules_files_are_datums() -> None:
    told = Input(cron=CronInput(name="tick", project="default", repo="p_tick", spec="@daily"))
    assert [files for _, _, files in planned(told, {"p_tick": {"/2026-01-01T00:00:00Z": b"1" * 32}})] == [
        [("tick", "/2026-01-01T00:00:00Z", b"1" * 32)]
    ]


def test_a_datum_is_found_by_its_id() -> None:
    plan = datums.plan(leaf("x"), listing({"x": {f"/{n}": bytes([n]) * 32 for n in range(50)}}))

    assert [plan.find(datum.id) for datum in plan] == [*range(50)]
    assert [plan.size(number) for number in range(50)] == [datum.files[0].size for datum in plan]
    for unknown in ("", "zz", "00" * 32, "ff" * 32, "00" * 31):
        assert plan.find(unknown) is None
    with pytest.raises(IndexError):
        plan[50]


def test_a_cross_beyond_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datums, "LIMIT", 99)
    content = {"x": {f"/{n}": bytes([n]) * 32 for n in range(10)}}
    with pytest.raises(Invalid, match=re.escape("inputs give more than 99 datums: narrow the globs")):
        datums.plan(Input(cross=(leaf("x"), leaf("y", "x"))), listing(content))
