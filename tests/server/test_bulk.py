"""Uploads of many files a message, in forms that our client does not send."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest

from howdah.client import commits, files
from howdah.client.channel import Connection
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
]


@pytest.mark.parametrize(("batches", "text"), REFUSED)
def test_batches_that_cannot_be_are_refused_whole(
    connection: Connection, batches: Sequence[bulk_pb2.Batch], text: str
) -> None:
    with pytest.raises(grpc.RpcError, match=text):
        connection.bulk.Modify(iter(batches))
    if len(batches) == 1:
        with pytest.raises(grpc.RpcError, match=text):
            connection.bulk.ModifyOnce(batches[0])

    assert [*commits.list(connection, REPO)] == []


def test_steps_happen_in_order_over_messages(connection: Connection) -> None:
    other = Step(other=pfs_pb2.ModifyFileRequest(delete_file=pfs_pb2.DeleteFile(path="/1")))
    first = batch(puts(1, 2, 0, data=b"abb"), other, puts(1, data=b"c", append=True))
    connection.bulk.Modify(iter([first, Batch(steps=[puts(2, data=b"dd", append=True)]), Batch()]))

    found = {path: b"".join(pieces) for path, pieces in files.get_tree(connection, File(HEAD, "/")) if pieces}
    assert found == {"/0": b"acdd", "/2": b""}
