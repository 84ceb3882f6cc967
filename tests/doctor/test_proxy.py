"""What the doctor says of a public URL at which nobody, or somebody else, answers."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from howdah.doctor import proxy
from howdah.doctor.finding import Finding, State

HERE = "http://127.0.0.1:8080"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder as far as it matters here."""
    (tmp_path / "label-studio").mkdir()
    return tmp_path


def _only(data: Path, public: str) -> Finding:
    (found,) = proxy.examine(data, public, HERE)
    assert found.check == proxy.REACHED
    assert found.remedy
    assert not list((data / "label-studio").iterdir())
    return found


def test_name_that_is_unknown_here_may_be_known_elsewhere(data: Path) -> None:
    assert _only(data, "https://labels.invalid").state is State.WARNING


def test_proxy_that_does_not_run_is_a_failure(data: Path) -> None:
    found = _only(data, "https://127.0.0.1:9")
    assert found.state is State.FAILURE
    assert "does not answer" in found.told


def _when_answered(data: Path, answer: str) -> Finding:
    """What is found where every question gets this answer, or first a redirection and then it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reply() -> None:
            for part in answer.split("|"):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(part.encode())

        thread = threading.Thread(target=reply)
        thread.start()
        found = _only(data, f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    return found


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nWelcome",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        "Welcome\r\n\r\n",
    ],
)
def test_somebody_elses_answer_is_a_failure(data: Path, answer: str) -> None:
    found = _when_answered(data, answer)
    assert found.state is State.FAILURE
    assert "does not lead to this instance" in found.told
    assert HERE in found.remedy


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"
        "|HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSign in",
    ],
)
def test_sign_in_of_the_proxys_own_is_a_warning(data: Path, answer: str) -> None:
    found = _when_answered(data, answer)
    assert found.state is State.WARNING
    assert "cannot be looked through" in found.told


def test_data_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (found,) = proxy.examine(tmp_path / "missing", "https://labels.invalid", HERE)
    assert found.state is State.WARNING
    assert "the user who runs Howdah" in found.remedy
