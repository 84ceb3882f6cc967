"""Tasks, and what becomes of what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from howdah.client import channel
from howdah.errors import HowdahError, Invalid
from howdah.testing.servers import StoreServer
from howdah.wire.gen import pfs_pb2, pps_pb2, work_pb2
from howdah.worker.cache import Cache
from howdah.worker.inputs import Fetcher
from howdah.worker.lines import Lines, TaskLog
from howdah.worker.slot import Place, Slot
from howdah.worker.tasks import Means, Task


def test_lines_are_not_lost_with_results_that_the_store_did_not_look_at(tmp_path: Path) -> None:
    lines = Lines("token")
    repo = pfs_pb2.Repo(name="gone", type="user", project=pfs_pb2.Project(name="default"))
    output = pfs_pb2.Commit(repo=repo, id="1" * 32, branch=pfs_pb2.Branch(repo=repo, name="master"))
    job = pps_pb2.Job(pipeline=pps_pb2.Pipeline(name="gone", project=repo.project), id="1" * 32)
    message = work_pb2.Task(number=1, job=job, output=output, datums=[work_pb2.Datum(serial=1, id="a")])
    with (
        StoreServer(tmp_path / "data") as server,
        channel.connect(server.address) as conn,
        Slot(Place(tmp_path / "slot")) as slot,
    ):
        log = TaskLog(lines, job)
        fetcher = Fetcher(conn, Cache(tmp_path / "cache"), linked=True)
        task = Task(Means(conn, "token", fetcher, log, lambda _: False), slot, message)
        log.print("a", ["hello"])
        with pytest.raises(HowdahError):
            task.lose(Invalid("the code is wrong"))
    left = work_pb2.Results()
    log.mark(left)
    assert [[*said.lines] for said in left.said] == [["hello"]]
