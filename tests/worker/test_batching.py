"""One process for many datums, in a slot alone: with a fence and without one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.client import channel
from howdah.names import Commit, Project, Repo
from howdah.worker import installation
from howdah.worker.batching import Batch
from howdah.worker.cache import Cache
from howdah.worker.environment import About
from howdah.worker.fence.limits import Limits
from howdah.worker.inputs import Fetcher
from howdah.worker.outputs import Written
from howdah.worker.slot import Place, Slot
from howdah.worker.work import Code, Datum, Done, State
from tests.worker.conftest import place

_ASK = """
import os, grpc, sys, threading, time
from howdah.wire.gen import worker_pb2, worker_pb2_grpc
stub = worker_pb2_grpc.WorkerStub(grpc.insecure_channel(f"localhost:{os.environ['PPS_WORKER_GRPC_PORT']}"))
pfs = os.environ["PFS"]
def ask(error=""):
    return dict(line.split("=", 1) for line in stub.NextDatum(worker_pb2.NextDatumRequest(error=error)).env)
"""


@pytest.fixture(params=["fenced", "plain"])
def slot(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[Slot]:
    folder = open_folder / request.node.name
    where = installation.opened(place(folder), installation.needed())
    if request.param == "plain":
        link = folder / "pfs"
        where = Place(folder / "slot-0", plain=True, pfs=link)
        folder.mkdir()
        link.symlink_to(folder / "slot-0/pfs")
    elif sys.platform != "linux":
        pytest.skip("platform: fences are Linux's")
    with Slot(where) as slot:
        yield slot


def _worked(slot: Slot, tmp_path: Path, script: str, count: int) -> tuple[list[Done], list[str]]:
    """What became of datums without inputs, whose code asks for them, and all that it printed."""
    code = Code(
        (sys.executable, "-"),
        tuple((_ASK + script).splitlines()),
        env={"PFS": str(slot.place.pfs)},
        limits=Limits(seconds=60, reserve=1 << 20),
        batching=True,
    )
    lines: list[str] = []
    done = []
    with channel.connect("grpc://127.0.0.1:1") as conn:  # which nothing asks
        fetcher = Fetcher(conn, Cache(tmp_path / "cache"), linked=not slot.place.plain)
        with Batch(slot, fetcher, code, "code") as batch:
            for number in range(count):
                about = About(f"{number}" * 64, "job", Commit(Repo(Project(), "out"), "master"))
                with batch.tried(Datum(about, (), code), f"datum-{number}", lines.extend) as one:
                    for each in one.outputs:
                        assert isinstance(each, Written)
                        lines.append(f"{each.path} has {Path(each.place).read_text()}")
                done.append(one)
    assert not [each for each in slot.place.folder.iterdir() if not each.is_symlink()]
    return done, lines


def test_each_datum_has_its_own_outputs(slot: Slot, tmp_path: Path) -> None:
    script = """
while True:
    id = ask()["PACH_DATUM_ID"]
    open(f"{pfs}/out/x", "x").write(id[0])
    print(id[0], id in open(f"{pfs}/.env").read(), flush=True)
"""
    done, lines = _worked(slot, tmp_path, script, 3)

    assert [one.state for one in done] == [State.SUCCESS] * 3, lines
    assert lines == ["0 True", "/x has 0", "1 True", "/x has 1", "2 True", "/x has 2"]


def test_a_new_process_has_what_is_left(slot: Slot, tmp_path: Path) -> None:
    script = """
first = ask()["PACH_DATUM_ID"][0]
print("begun with", first, flush=True)
if first == "1":
    sys.exit(7)
ask("of " + first)
"""
    done, lines = _worked(slot, tmp_path, script, 3)

    assert [one.state for one in done] == [State.FAILED] * 3
    assert [one.why for one in done] == [
        "its code told of an error, which is in the log",
        "the code ended before it asked for the next datum (exit code 7)",
        "its code told of an error, which is in the log",
    ]
    assert lines == ["begun with 0", "of 0", "begun with 1", "begun with 2", "of 2"]


def test_code_that_writes_on_while_it_asks_has_done_nothing_to_other_files(slot: Slot, tmp_path: Path) -> None:
    """A thread makes folders and links for as long as it lives: datums fail by it, and no link is followed."""
    script = """
wrote = threading.Event()
def write():
    here = os.open(f"{pfs}/out", os.O_RDONLY)
    number = 0
    while True:
        number += 1
        try:
            os.mkdir(f"{number}", dir_fd=here)
            below = os.open(f"{number}", os.O_RDONLY, dir_fd=here)
            for other in range(3):
                os.symlink("/etc/passwd", f"{other}", dir_fd=below)
            os.close(below)
            wrote.set()
        except OSError:
            pass
        time.sleep(0.001)
threading.Thread(target=write, daemon=True).start()
while True:
    ask()
    wrote.clear()
    wrote.wait()
"""
    done, lines = _worked(slot, tmp_path, script, 5)

    assert [one.state for one in done] == [State.FAILED] * 5
    assert not any("root:" in line for line in lines)
