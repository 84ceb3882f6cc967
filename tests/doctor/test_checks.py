"""Each check, on values: what is good, what is a warning, what a failure, and with which remedy."""

import os
import socket
import sys
from pathlib import Path

import pytest

from howdah import lastuse
from howdah.doctor import folder, machine, services
from howdah.doctor.finding import State
from howdah.errors import Unavailable
from howdah.postgres.address import Address
from howdah.worker import trial
from howdah.worker.refusals import Refused
from tests.pfs.stores import new_store


@pytest.mark.parametrize(
    ("version", "platform", "state"),
    [((3, 10, 1), "linux", State.GOOD), ((3, 14, 0), "linux", State.WARNING), ((3, 12, 0), "win32", State.WARNING)],
)
def test_python_and_system(version: tuple[int, int, int], platform: str, state: State) -> None:
    assert machine.python(version, platform).state is state


@pytest.mark.parametrize(
    ("wanted", "answering", "state", "told"),
    [
        ("auto", {"podman"}, State.GOOD, "podman answers: code whose pipeline names an image runs in it"),
        ("auto", set(), State.WARNING, "docker is installed, but its engine does not answer"),
        ("docker", {"podman"}, State.WARNING, "docker is installed, but its engine does not answer"),
        ("nerdctl", {"podman"}, State.WARNING, "no nerdctl is installed"),
        ("none", {"podman"}, State.GOOD, "none is to be used (HOWDAH_ENGINE)"),
    ],
)
def test_container_engine(wanted: str, answering: set[str], state: State, told: str) -> None:
    def find(name: str) -> str | None:
        return name if name in {"docker", "podman"} else None

    found = machine.engine(wanted, find, lambda command: command[0] in answering)
    assert found.state is state
    assert told in found.told
    assert bool(found.remedy) is (state is not State.GOOD)


def test_a_fence_is_tried_and_told_with_the_remedy_where_it_is_refused() -> None:
    def refused() -> None:
        raise Refused("unshare: Operation not permitted", "sysctl -w kernel.unprivileged_userns_clone=1")

    def lost() -> None:
        raise Unavailable("the fence has ended")

    assert machine.fence("linux", lambda: None).state is State.GOOD
    found = machine.fence("linux", refused)
    assert (found.state, found.remedy) == (State.WARNING, "sysctl -w kernel.unprivileged_userns_clone=1")
    assert "Operation not permitted" in found.told
    assert machine.fence("linux", lost).told == "the fence has ended"
    assert machine.fence("darwin", lambda: None).state is State.WARNING


@pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")
def test_this_machine_can_fence_code_in() -> None:
    found = machine.fence(sys.platform, trial.fence)
    assert (found.state, found.told) == (State.GOOD, "code of pipelines is fenced in")


def test_a_network_file_system_is_a_warning() -> None:
    assert folder.file_system("nfs4", Path("/home")).state is State.WARNING
    assert folder.file_system("ext4", Path("/")).state is State.GOOD


@pytest.mark.parametrize(("free", "state"), [(1, State.FAILURE), (500 << 20, State.WARNING), (9 << 30, State.GOOD)])
def test_disk_space(free: int, state: State) -> None:
    assert folder.space(free, Path("/data")).state is state


def test_a_folder_that_is_a_file_is_a_failure_and_one_to_be_made_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert folder.writable(tmp_path / "file", folder.existing(tmp_path / "file")).state is State.FAILURE
    made = folder.writable(tmp_path / "a" / "b", folder.existing(tmp_path / "a" / "b"))
    assert (made.state, made.told) == (State.GOOD, f"{tmp_path / 'a' / 'b'} will be made")


def test_a_damaged_database_is_a_failure_with_the_way_back(tmp_path: Path) -> None:
    with new_store(tmp_path / "store"):
        pass
    rows = tmp_path / "store" / "rows.db"
    whole = folder.database(rows)
    assert (whole.state, whole.told) == (State.GOOD, f"{rows} is whole, journal mode wal")
    data = bytearray(rows.read_bytes())
    data[4096 : 4096 * 3] = os.urandom(4096 * 2)
    rows.write_bytes(data)
    found = folder.database(rows)
    assert found.state is State.FAILURE
    assert "howdah restore" in found.remedy


def test_a_database_on_a_server_is_told_without_its_password(tmp_path: Path) -> None:
    away = Address("me", "SECRET", "127.0.0.1", "1", "labels")
    found = folder.postgresql(away)
    assert found.state is State.FAILURE
    assert "postgresql://me@127.0.0.1:1/labels does not answer" in found.told
    assert found.remedy.startswith("start it")
    assert "SECRET" not in found.told + found.remedy
    (tmp_path / lastuse.NAME).write_text(lastuse.text(lastuse.present(str(away))))
    told = [finding for finding in folder.examine(tmp_path, "") if finding.check == "database"]
    assert [(finding.state, "HOWDAH_DATABASE" in finding.remedy) for finding in told] == [(State.WARNING, True)]


def test_a_port_that_is_taken_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert services.port_of("web", port, is_ours=False).state is State.WARNING
        assert services.port_of("web", port, is_ours=True).state is State.GOOD


def test_an_instance_that_does_not_answer_is_a_failure(tmp_path: Path) -> None:
    gone = services.instance({"url": "http://127.0.0.1:9"}, tmp_path)
    assert gone.state is State.FAILURE
    assert "logs" in gone.remedy
    assert services.instance({}, tmp_path).state is State.GOOD


def test_a_store_that_does_not_answer_is_named() -> None:
    found = services.store("grpc://127.0.0.1:9")
    assert found.state is State.WARNING
    assert "127.0.0.1:9" in found.told
