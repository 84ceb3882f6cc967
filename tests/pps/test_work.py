from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.pps import datums, work
from howdah.pps.spec import DatumSetSpec
from howdah.pps.work import Successes
from tests.pps.planning import leaf, listing

CONTENT = st.dictionaries(st.builds("/{}".format, st.integers(0, 9)), st.integers(1, 2))


def plan(content: dict[str, int]) -> datums.Plan:
    """A datum for each file; a file's number is its content."""
    return datums.plan(leaf("x"), listing({"x": {path: bytes([n]) * 32 for path, n in content.items()}}))


def paths(planned: datums.Plan, numbers: array[int]) -> set[str]:
    """The files of these datums."""
    return {planned[number].files[0].path for number in numbers}


@given(CONTENT, st.sets(st.integers(0, 9)), CONTENT, st.booleans())
def test_only_what_succeeded_with_the_same_files_is_skipped(
    before: dict[str, int], failed: set[int], after: dict[str, int], everything: bool
) -> None:
    old, new = plan(before), plan(after)
    first = work.compare(old)
    assert (paths(old, first.run), len(first.skip), first.stale) == (set(before), 0, b"")
    done = {path: n for path, n in before.items() if int(path[1:]) not in failed}
    base = work.successes(old, first, [n for n in first.run if old[n].files[0].path in done])

    told = work.compare(new, base, everything=everything)

    same = {path for path, n in after.items() if done.get(path) == n and not everything}
    assert paths(new, told.skip) == same
    assert paths(new, told.run) == after.keys() - same
    ids = {datum.id: datum.files[0].path for datum in old}
    assert {ids[id] for id in told.stale_ids()} == done.keys() - same
    kept = work.successes(new, told, told.run)
    assert kept == Successes(new.ids, new.hashes)
    assert [*work.compare(new, kept).run] == []
    assert Successes.unpack(base.pack()) == base
    assert len(base) == len(done)


@pytest.mark.parametrize("data", [b"", b"other", work.NONE.pack() + b"x", work.NONE.pack() + b"xy"])
def test_a_damaged_list_is_told(data: bytes) -> None:
    with pytest.raises(Corrupt):
        Successes.unpack(data)


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        (DatumSetSpec(number=4), [4, 4, 2]),
        (DatumSetSpec(per_worker=2), [3, 3, 3, 1]),
        (DatumSetSpec(size_bytes=5), [3, 3, 3, 1]),
        (DatumSetSpec(number=2, size_bytes=5), [2, 2, 2, 2, 2]),
        (DatumSetSpec(), [3, 2, 2, 1, 1, 1]),
    ],
)
def test_datums_are_taken_in_sets(spec: DatumSetSpec, sizes: list[int]) -> None:
    planned = plan({f"/{n}": 1 for n in range(10)})
    queue = work.compare(planned).run
    told: list[int] = []

    while sum(told) < len(queue):
        told.append(work.next_set(planned, queue, sum(told), spec, workers=2))

    assert told == sizes
