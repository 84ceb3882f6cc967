"""Slots: several at once, ended by others, lost, refused; and without a fence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from howdah.errors import Invalid, Unavailable
from howdah.worker import layout, unfenced
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Ended, Place, Slot
from tests.pipelines import processes
from tests.worker.conftest import place, running
from tests.worker.runs import PATH, run

_LIMIT = 60.0


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def slot(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Slot]:
    data = open_folder / request.node.name
    data.mkdir()
    with Slot(place(data)) as made:
        yield made


def _begin(pool: ThreadPoolExecutor, slot: Slot, script: str) -> tuple[Future[Ended], list[str]]:
    """Have the script run beside, on the folder `x`; returns once it has printed something."""
    folder = slot.place.folder / "x"
    layout.make(folder, slot.place.user)
    layout.give(folder, [])
    lines: list[str] = []
    command = ["sh", "-c", script]
    ended = pool.submit(slot.run, "x", command, {"PATH": PATH}, limits=Limits(seconds=_LIMIT), tell=lines.extend)
    _until(lambda: bool(lines) or ended.done())
    return ended, lines


@pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")
def test_several_run_at_once_and_each_sees_its_own(open_folder: Path, python: str) -> None:
    """They wait for each other: the code ends when all of it has come to the same place."""
    code = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as way:
    way.sendall(open("/pfs/in/name").read().encode())
    way.shutdown(socket.SHUT_WR)
    print(way.recv(1).decode())
"""
    data = open_folder / "several"
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(4) as pool:
        server.settimeout(_LIMIT)
        slots = [Slot(place(data, number)) for number in range(4)]
        try:
            command = [python, "-c", code, str(server.getsockname()[1])]
            runs = [pool.submit(run, slot, command, inputs={"in/name": f"{n}"}) for n, slot in enumerate(slots)]
            ways = [server.accept()[0] for _ in slots]
            assert sorted(way.recv(10).decode() for way in ways) == ["0", "1", "2", "3"]
            for way in ways:
                way.sendall(b"!")
                way.close()
            assert [ran.result().lines for ran in runs] == [["!"]] * 4
        finally:
            for slot in slots:
                slot.close()


def test_what_a_lost_worker_left_is_removed(slot: Slot) -> None:
    slot.close()
    layout.make(slot.place.folder / "left")
    (slot.place.folder / "pfs").symlink_to("left")
    with Slot(slot.place):
        assert not [*slot.place.folder.iterdir()]


def test_a_run_is_ended_by_whoever_asks_and_the_slot_goes_on(slot: Slot) -> None:
    with ThreadPoolExecutor(1) as pool:
        ended, lines = _begin(pool, slot, "trap '' TERM; echo begun; sleep 8888.1 & sleep 8888.1")
        slot.kill("another", "no run of that name")
        slot.kill("x", "job stopped")
        found = ended.result(_LIMIT)
    assert (found.how, found.why, lines) == ("killed", "job stopped", ["begun"])
    assert not running("8888.1")
    slot.kill("x", "too late")
    assert run(slot, ["echo", "well"]).lines == ["well"]


def test_a_run_is_ended_by_whoever_asks_at_the_moment_of_its_order(slot: Slot) -> None:
    layout.make(slot.place.folder / "x", slot.place.user)
    layout.give(slot.place.folder / "x", [])
    ordered = threading.Event()
    command, limits = ["sleep", "8888.3"], Limits(seconds=_LIMIT)
    fence = [slot.process, *(each.number for each in processes.below(slot.process))]
    with ThreadPoolExecutor(1) as pool:
        for process in fence:  # until both have come
            os.kill(process, signal.SIGSTOP)
        ended = pool.submit(slot.run, "x", command, {"PATH": PATH}, limits=limits, tell=print, turned=ordered.set)
        assert ordered.wait(_LIMIT)
        slot.kill("x", "job stopped")
        for process in fence:
            os.kill(process, signal.SIGCONT)
        assert ended.result(_LIMIT).why == "job stopped"


@pytest.mark.parametrize("folder", ["/var/tmp", "/tmp"])
@pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")
def test_what_is_shown_is_there_although_what_is_around_it_is_not(folder: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        data = Path(made)
        (data / "shown/below").mkdir(parents=True)
        (data / "shown/below/file").write_text("seen")
        for path in (data, data / "shown", data / "shown/below"):
            path.chmod(0o755)
        (data / "secret").write_text("not seen")
        where = replace(place(data), shown=(data / "shown/below",))
        with Slot(where) as slot:
            for _ in range(2):
                script = f"cd {data}; find . -type f -exec cat {{}} +; echo; echo x > shown/below/x; pwd"
                lines = run(slot, ["sh", "-c", script]).lines
                assert [lines[0], lines[-1]] == ["seen", str(data)]
                assert "Read-only file system" in lines[1]


@pytest.mark.parametrize("end", ["close", "kill"])
def test_runs_end_with_their_slot(slot: Slot, end: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        ended, _ = _begin(pool, slot, "echo begun; setsid sleep 8888.2 & sleep 8888.2")
        assert running("8888.2")
        if end == "close":
            slot.close()
        else:
            os.kill(slot.process, signal.SIGKILL)
        with pytest.raises(Unavailable, match="the fence has ended"):
            ended.result(_LIMIT)
    _until(lambda: not running("8888.2"))


def test_runs_end_with_the_worker(open_folder: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("platform: fences are Linux's")
    code = f"""
import sys
from pathlib import Path
from tests.worker.conftest import place
from tests.worker.runs import run
from howdah.worker.slot import Slot
run(Slot(place(Path({str(open_folder / "lost")!r}))), ["sleep", "8888.3"])
"""
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root) as worker:
        try:
            _until(lambda: bool(running("8888.3")) or worker.poll() is not None)
        finally:
            worker.kill()
    _until(lambda: not running("8888.3"))


@pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")
def test_a_kernel_that_refuses_fences_is_told_with_the_remedy(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from howdah.worker.slot import *; Slot(Place(Path({str(tmp_path)!r})))"
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    closed = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    done = subprocess.run([*closed, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    told = done.stderr.splitlines()[-1]
    assert told.endswith(
        "code cannot be fenced in (unshare: No space left on device):"
        " allow user namespaces: sysctl -w user.max_user_namespaces=15000"
    )


def test_an_administrator_is_told_how_to_make_the_link() -> None:
    pfs, link = Path("/pfs"), Path("/srv/howdah/slot/pfs")
    assert unfenced.remedy(pfs, link, "linux") == "sudo ln -sfn /srv/howdah/slot/pfs /pfs"
    assert unfenced.remedy(pfs, link, "darwin").endswith("restart: pfs\tsrv/howdah/slot/pfs")
    with pytest.raises(Invalid, match="there is one slot"):
        unfenced.lead(Place(Path("/srv"), number=1, plain=True), Path("/srv/x"))


class TestPlain:
    """Without a fence code is held by its limits alone, and all of it ends nevertheless, where the system tells."""

    @pytest.fixture
    def plain(self, tmp_path: Path) -> Iterator[Slot]:
        with Slot(Place(tmp_path / "slot", plain=True)) as made:
            yield made

    def test_it_runs_and_tells(self, plain: Slot) -> None:
        ran = run(plain, ["sh", "-c", "cat; echo $A; exit 3"], stdin=["one"], environment={"A": "2", "PATH": PATH})
        assert (ran.how, ran.code, ran.lines) == ("exited", 3, ["one", "2"])
        assert run(plain, ["sh", "-c", "kill -9 $$"]).why == "it was ended by SIGKILL"
        assert run(plain, ["no-such-program"]).how == "unable"

    def test_it_ends_with_its_time(self, plain: Slot) -> None:
        ran = run(plain, ["sh", "-c", "trap '' TERM INT HUP; echo begun; while :; do sleep 8888.4; done"], seconds=2)
        assert (ran.how, ran.lines) == ("timeout", ["begun"])
        assert not running("8888.4")

    @pytest.mark.skipif(sys.platform != "linux", reason="platform: others do not tell of descendants")
    def test_daemons_end_with_the_code_that_started_them(self, plain: Slot) -> None:
        script = "setsid sh -c 'setsid sleep 8888.5 & sleep 8888.5' >/dev/null 2>&1 & setsid sleep 8888.5 & sleep 0.2"
        assert run(plain, ["sh", "-c", script]).how == "exited"
        assert not running("8888.5")

    def test_what_is_written_is_bounded(self, plain: Slot) -> None:
        folder = plain.place.folder / "x"
        layout.make(folder)
        layout.give(folder, [])
        script = "n=0; while [ $n -lt 500 ]; do n=$((n+1)); head -c 500000 /dev/zero > pfs/out/$n; done"
        limits = Limits(disk=8 << 20, seconds=_LIMIT, reserve=0)
        ended = plain.run("x", ["sh", "-c", script], {"PATH": PATH}, directory=str(folder), limits=limits, tell=print)
        assert ended.why.startswith(f"more than {8 << 20} bytes were written: ")
