from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime, timezone

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.infos import FileChange, FileInfo, FileType
from howdah.names import Commit, File, Project, Repo
from howdah.wire import bulk, pfs
from howdah.wire.gen import bulk_pb2

COMMIT = Commit(Repo(Project(), "images"), "a" * 32)
TIMES = st.none() | st.just(datetime(2026, 11, 21, tzinfo=timezone.utc))
NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=9)


@st.composite
def infos(draw: st.DrawFn) -> list[FileInfo]:
    time = draw(TIMES)

    def info(name: str) -> FileInfo:
        size, digest = draw(st.integers(0, (1 << 64) - 1)), draw(st.binary(min_size=32, max_size=32))
        if draw(st.booleans()):
            return FileInfo(File(COMMIT, f"/{name}/"), FileType.DIR, size, digest, time)
        datum = draw(st.sampled_from(["default", "other"]))
        return FileInfo(File(COMMIT, f"/{name}", datum), FileType.FILE, size, digest, time)

    return [info(name) for name in draw(st.lists(NAMES, max_size=8))]


@given(st.lists(infos(), max_size=3))
def test_infos_come_back_as_they_were(pages: list[list[FileInfo]]) -> None:
    committed = next((info.committed for page in pages for info in page), None)
    pages = [[FileInfo(i.file, i.type, i.size, i.digest, committed) for i in page] for page in pages]
    writer, reader = bulk.InfoWriter(), bulk.InfoReader()

    assert [[*reader.infos(writer.message(page))] for page in pages] == pages


@given(infos(), infos())
def test_differences_come_back_as_they_were(new: list[FileInfo], old: list[FileInfo]) -> None:
    pairs = [*zip(new, old, strict=False)]
    times = [side[0].committed if side else None for side in (new, old)]

    def timed(info: FileInfo, side: int) -> FileInfo:
        return FileInfo(info.file, info.type, info.size, info.digest, times[side])

    changes = [FileChange(timed(a, 0), timed(b, 1)) for a, b in pairs]
    changes += [FileChange(timed(a, 0), None) for a in new[len(pairs) :]]
    changes += [FileChange(None, timed(b, 1)) for b in old[len(pairs) :]]

    assert [*bulk.DifferenceReader().changes(bulk.DifferenceWriter().message(changes))] == changes


PLACE = bulk_pb2.Place(path="/pack", offset=7, size=3)
WIRE_COMMIT = pfs.commit_to_wire(COMMIT)
CONTENTS = [
    [bulk_pb2.Contents(paths=["/a"], sizes=[3], data=b"ab")],
    [bulk_pb2.Contents(paths=["/a"], sizes=[1], data=b"ab")],
    [bulk_pb2.Contents(paths=["/a"], sizes=[], data=b"")],
    [bulk_pb2.Contents(data=b"a")],
    [bulk_pb2.Contents(paths=["/a"], sizes=[4], commit=WIRE_COMMIT, places=[PLACE])],
    [bulk_pb2.Contents(paths=["/a"], sizes=[2], commit=WIRE_COMMIT, places=[PLACE])],
    [bulk_pb2.Contents(paths=["/a"], sizes=[3], places=[PLACE])],
    [bulk_pb2.Contents(paths=["/a"], sizes=[4], commit=WIRE_COMMIT, places=[PLACE], data=b"a")],
    [bulk_pb2.Contents(commit=WIRE_COMMIT, places=[PLACE])],
]


@pytest.mark.parametrize("messages", CONTENTS)
def test_contents_that_do_not_fit_are_told(messages: list[bulk_pb2.Contents]) -> None:
    with pytest.raises(Corrupt, match="do not fit together"):
        [b"".join(pieces or ()) for _, pieces in bulk.ContentReader(messages, lambda *_: content(b"abc")).files()]


def content(data: bytes) -> Generator[bytes, None, None]:
    yield data


def test_places_are_read_by_whoever_can_unless_they_are_passed_over() -> None:
    messages = [
        bulk_pb2.Contents(paths=["/a"], sizes=[1], data=b"a"),
        bulk_pb2.Contents(paths=["/b"], sizes=[6], places=[PLACE], commit=WIRE_COMMIT),
        bulk_pb2.Contents(places=[PLACE], commit=WIRE_COMMIT),
        bulk_pb2.Contents(paths=["/c"], sizes=[2], data=b"cc"),
    ]
    asked: list[tuple[File, int]] = []

    def read(file: File, at: int, places: Sequence[bulk_pb2.Place]) -> Generator[bytes, None, None]:
        assert list(places) == [PLACE]
        asked.append((file, at))
        return content(b"%03d" % at)

    found = [(path, b"".join(pieces or ())) for path, pieces in bulk.ContentReader(messages, read).files()]
    assert found == [("/a", b"a"), ("/b", b"000003"), ("/c", b"cc")]
    assert asked == [(File(COMMIT, "/b"), 0), (File(COMMIT, "/b"), 3)]

    with pytest.raises(Corrupt, match="do not fit together"):  # to who did not ask for places
        [b"".join(pieces or ()) for _, pieces in bulk.ContentReader(messages).files()]
    passed = [path for path, _ in bulk.ContentReader(messages, read).files()]
    assert (passed, len(asked)) == (["/a", "/b", "/c"], 2)


def test_contents_go_on_over_messages_and_what_is_not_read_is_passed_over() -> None:
    messages = [
        bulk_pb2.Contents(paths=["/d/", "/d/a", "/d/b"], sizes=[9, 4, 5], data=b"aaaab"),
        bulk_pb2.Contents(data=b"bb"),
        bulk_pb2.Contents(paths=["/e", "/f"], sizes=[0, 1], data=b"bbf"),
    ]
    read = [(path, b"".join(pieces or ())) for path, pieces in bulk.ContentReader(messages).files()]
    assert read == [("/d", b""), ("/d/a", b"aaaa"), ("/d/b", b"bbbbb"), ("/e", b""), ("/f", b"f")]

    assert [path for path, _ in bulk.ContentReader(messages).files()] == ["/d", "/d/a", "/d/b", "/e", "/f"]


@pytest.mark.parametrize(
    "message",
    [
        bulk_pb2.Infos(paths=["/a"], sizes=[1], digests=bytes(32)),
        bulk_pb2.Infos(commit=pfs.commit_to_wire(COMMIT), paths=["/a"], sizes=[], digests=bytes(32)),
        bulk_pb2.Infos(commit=pfs.commit_to_wire(COMMIT), paths=["/a"], sizes=[1], digests=bytes(31)),
    ],
)
def test_infos_that_do_not_fit_are_told(message: bulk_pb2.Infos) -> None:
    with pytest.raises(Corrupt):
        [*bulk.InfoReader().infos(message)]


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(0, 1 << 60)), max_size=3), st.lists(st.binary(), max_size=3))
def test_contents_are_written_as_the_message_would_be(files: list[tuple[str, int]], data: list[bytes]) -> None:
    paths, sizes = [path for path, _ in files], [size for _, size in files]
    written = bulk_pb2.Contents.FromString(bulk.contents(paths, sizes, data))
    assert written == bulk_pb2.Contents(paths=paths, sizes=sizes, data=b"".join(data))


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 3 << 20])
def test_contents_of_any_size_are_read(size: int) -> None:
    data = bytes(size)
    assert bulk_pb2.Contents.FromString(bulk.contents(["/a"], [size], [memoryview(data)])).data == data


@given(st.text(max_size=9), st.lists(st.binary(max_size=300), max_size=4))
def test_chunks_are_written_as_the_message_would_be(path: str, data: list[bytes]) -> None:
    head = bulk_pb2.Chunks(path=path, append=True, sizes=map(len, data))
    whole = bulk_pb2.Chunks(path=path, append=True, sizes=map(len, data), data=data)
    written = bulk_pb2.Batch.FromString(bulk.batch_of_chunks(head, data))
    assert written == bulk_pb2.Batch(steps=[bulk_pb2.Step(chunks=whole)])


LARGE = st.integers(0, 200_000).map(bytes)


def read(message: bytes) -> bulk_pb2.Batch | None:
    """As whoever receives it understands it; None if it is no message."""
    try:
        batch, data = bulk.received(message)
    except DecodeError:
        return None
    if data is not None and batch.steps[0].HasField("puts"):
        (batch.steps[0].puts.data,) = map(bytes, data)
    elif data is not None:
        batch.steps[0].chunks.data.extend(map(bytes, data))
    return batch


@given(path=st.text(max_size=9), data=st.lists(LARGE, max_size=4), append=st.booleans())
def test_chunks_are_received_as_they_were_sent(path: str, data: list[bytes], *, append: bool) -> None:
    head = bulk_pb2.Chunks(path=path, append=append, sizes=map(len, data), digests=bytes(32 * len(data)))
    message = bulk.batch_of_chunks(head, data)
    assert read(message) == bulk_pb2.Batch.FromString(message)


@given(data=st.lists(LARGE | st.binary(), max_size=4), named=st.booleans(), append=st.booleans())
def test_puts_are_received_as_they_were_sent(data: list[bytes], *, named: bool, append: bool) -> None:
    before = bulk_pb2.Batch()
    if named:
        before.commit.id = "a"
    head = bulk_pb2.Puts(paths=[f"/{at}" for at in range(len(data))], sizes=map(len, data), datum="d", append=append)
    message = bulk.batch_of_puts(before, head, data)
    head.data = b"".join(data)
    before.steps.add().puts.CopyFrom(head)
    assert bulk_pb2.Batch.FromString(message) == before
    assert read(message) == before


@given(parts=st.lists(st.tuples(st.sampled_from("poc"), LARGE), max_size=3), named=st.booleans())
def test_any_batch_is_received_as_it_was_sent(parts: list[tuple[str, bytes]], *, named: bool) -> None:
    batch = bulk_pb2.Batch()
    for kind, data in parts:
        step = batch.steps.add()
        if kind == "p":
            step.puts.data = data
        elif kind == "o":
            step.offer.digests = data
        else:
            step.chunks.data.extend([data, b""])
    if named:
        batch.commit.id = "a"
    assert read(batch.SerializeToString()) == batch


HEADS = [
    bulk.batch_of_chunks(
        bulk_pb2.Chunks(path="/a", append=True, sizes=[70_000], digests=bytes(32), datum="x"), [bytes(70_000)]
    ),
    bulk.batch_of_puts(bulk_pb2.Batch(), bulk_pb2.Puts(paths=["/a"], sizes=[70_000], append=True), [bytes(70_000)]),
]


@given(st.sampled_from(HEADS), st.integers(-20, 90), st.integers(0, 255))
def test_damaged_messages_are_told_as_ever(sound: bytes, at: int, value: int) -> None:
    message = bytearray(sound)
    message[at] = value
    try:
        expected = bulk_pb2.Batch.FromString(bytes(message))
    except DecodeError:
        expected = None
    assert read(bytes(message)) == expected


def test_data_that_comes_twice_is_what_came_last() -> None:
    puts = bulk_pb2.Puts(paths=["/a"], sizes=[1], data=b"x")
    message = bulk.batch_of_puts(bulk_pb2.Batch(), puts, [bytes(70_000)])
    assert read(message) == bulk_pb2.Batch(steps=[bulk_pb2.Step(puts=puts)])


def test_length_that_never_ends_is_no_message() -> None:
    assert read(b"\x12" + b"\x80" * 200_000) is None


def test_who_keeps_a_small_chunk_does_not_keep_the_message() -> None:
    large, small = bytes(1 << 20), b"x" * 100_000
    _, data = bulk.received(bulk.batch_of_chunks(bulk_pb2.Chunks(path="/a"), [large, small]))
    assert data is not None
    assert [type(piece) for piece in data] == [memoryview, bytes]
