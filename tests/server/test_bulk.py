"""Uploads of many files a message, in forms that our client does not send."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest

from howdah.client import commits, files
from howdah.client.channel import Connection
from howdah.digest import of_bytes
from howdah.names import Commit, File
from howdah.wire import pfs
from howdah.wire.gen import bulk_pb2, pfs_pb2
from tests.server.conftest import REPO

HEAD = Commit(REPO, "master")
WIRE_HEAD = pfs.commit_to_wire(HEAD)
Batch, Step, Puts = bulk_pb2.Batch, bulk_pb2.Step, bulk_pb2.Puts


def puts(*sizes: int, data: bytes = b"", append: bool = False) -> bulk_pb2.Step:
    return Step(puts=Puts(paths=[f"/{at}" for at in range(len(sizes))], sizes=sizes, data=data, append=append))


def batch(*steps: bulk_pb2.Step) -> bulk_pb2.Batch:
    return Batch(commit=WIRE_HEAD, steps=steps)


DATA = bytes(range(256)) * 40
NAME = of_bytes(DATA)


def chunks(*digests: bytes, sizes: Sequence[int] = (len(DATA),), data: Sequence[bytes] = (DATA,)) -> bulk_pb2.Step:
    return Step(chunks=bulk_pb2.Chunks(path="/a", digests=b"".join(digests), sizes=sizes, data=data))


def offer(*digests: bytes) -> bulk_pb2.Step:
    return Step(offer=bulk_pb2.Offer(digests=b"".join(digests)))


REFUSED = [
    ([], "first message must be a commit"),
    ([Batch(steps=[puts(0)])], "commit must be specified"),
    ([batch(), batch()], "cannot set commit"),
    ([batch(Step())], "a step of a message has no body"),
    ([batch(puts(1, 2, data=b"xx"))], "do not fit together"),
    ([batch(puts(1, data=b"xx"))], "do not fit together"),
    ([batch(Step(puts=Puts(paths=["/a"])))], "do not fit together"),
    ([batch(puts(1, data=b"x"), Step(other=pfs_pb2.ModifyFileRequest()))], "no body"),
    ([batch(puts(1, data=b"x"), Step(puts=Puts(paths=["/../a"], sizes=[0])))], "relative file paths"),
    ([batch(chunks(NAME, data=[b""]))], "named, not sent, and is not held"),
    ([batch(chunks(NAME, data=[DATA[:-1] + b"x"]))], "came damaged"),
    ([batch(chunks(NAME, sizes=[7]))], "came damaged"),
    ([batch(chunks(NAME, sizes=[0]))], "has 0 bytes: 1 to 4194304 are allowed"),
    ([batch(chunks(NAME, sizes=[5 << 20], data=[b""]))], "has 5242880 bytes"),
    ([batch(chunks(NAME, sizes=[1, 2]))], "do not fit together"),
    ([batch(chunks(NAME, NAME))], "do not fit together"),
    ([batch(chunks(NAME[:-1]))], "each has 32 bytes"),
    ([batch(offer(NAME[:-1]))], "each has 32 bytes"),
]


@pytest.mark.parametrize(("batches", "text"), REFUSED)
def test_batches_that_cannot_be_are_refused_whole(
    connection: Connection, batches: Sequence[bulk_pb2.Batch], text: str
) -> None:
    with pytest.raises(grpc.RpcError, match=text):
        list(connection.bulk.Modify(iter(batches)))
    if len(batches) == 1:
        with pytest.raises(grpc.RpcError, match=text):
            connection.bulk.ModifyOnce(batches[0])

    assert [*commits.list(connection, REPO)] == []


def test_steps_happen_in_order_over_messages(connection: Connection) -> None:
    other = Step(other=pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path="/1")))
    first = batch(puts(1, 2, 0, data=b"abb"), other, puts(1, data=b"c", append=True))
    list(connection.bulk.Modify(iter([first, Batch(steps=[puts(2, data=b"dd", append=True)]), Batch()])))

    found = {path: b"".join(pieces) for path, pieces in files.get_tree(connection, File(HEAD, "/")) if pieces}
    assert found == {"/0": b"acdd", "/2": b""}


def test_offers_are_answered_in_order_with_what_is_lacking(connection: Connection) -> None:
    other = of_bytes(b"other")
    first = batch(chunks(NAME), offer(NAME, other, other), offer(other))
    wanted = [answer.wanted for answer in connection.bulk.Modify(iter([first]))]

    # A chunk is wanted once of an offer; having offered it is no promise to send it.
    assert wanted == [b"\0\1\0", b"\1", b""]


def test_chunks_that_are_held_need_only_be_named(connection: Connection) -> None:
    files_of = Step(chunks=bulk_pb2.Chunks(path="/b", digests=NAME * 2, sizes=[len(DATA)] * 2, data=[b"", b""]))
    list(connection.bulk.Modify(iter([batch(chunks(NAME))])))
    list(
        connection.bulk.Modify(
            iter([batch(files_of, Step(puts=Puts(paths=["/b"], sizes=[1], data=b"!", append=True)))])
        )
    )

    assert b"".join(files.get(connection, File(HEAD, "/b"))) == DATA * 2 + b"!"


def test_an_offer_outside_of_a_stream_is_refused(connection: Connection) -> None:
    with pytest.raises(grpc.RpcError, match="send it in a stream"):
        connection.bulk.ModifyOnce(batch(offer(NAME)))


def test_a_range_of_a_tree_comes_in_blocks(connection: Connection) -> None:
    connection.bulk.ModifyOnce(batch(puts(1, 1, 1, data=b"abc")))
    file = pfs.file_to_wire(File(HEAD, "/"))
    within = pfs_pb2.PathRange(lower="/1", upper="/2")
    [block] = connection.bulk.Get(bulk_pb2.GetRequest(file=file, path_range=within))
    assert ([*block.paths], block.data) == (["/1"], b"b")
