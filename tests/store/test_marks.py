from hypothesis import given
from hypothesis import strategies as st

from howdah.store.marks import Marks

# Few beginnings, so that many digests share one.
DIGESTS = st.builds(lambda first, rest: bytes([first] * 8 + [rest] * 24), st.integers(0, 5), st.integers(0, 255))


@given(st.sets(DIGESTS), st.lists(st.tuples(DIGESTS, st.sampled_from([1, 2]))))
def test_a_mark_that_was_set_stands_and_only_its_beginnings_share_it(
    digests: set[bytes], given: list[tuple[bytes, int]]
) -> None:
    marks = Marks(sorted(digests))
    expected = {digest[:8]: 0 for digest in digests}
    for digest, mark in given:
        assert marks.set(digest, mark) == (digest[:8] in expected)
        if digest[:8] in expected:
            expected[digest[:8]] |= mark
    assert len(marks) == len(digests)
    assert all(marks.get(digest) == expected.get(digest[:8]) for digest in [*digests, *(each for each, _ in given)])
