from __future__ import annotations

import socket

import pytest

from howdah.launch import arguments, ports


def test_first_free_port_is_chosen() -> None:
    assert ports.choose([8080, 8081, 8082], {8081, 8082}.__contains__, lambda: 1) == 8081


def test_some_other_port_is_chosen_when_none_is_free() -> None:
    assert ports.choose([8080], lambda _port: False, lambda: 4242) == 4242


def test_candidates_end_at_the_last_port() -> None:
    assert list(ports.candidates(65534)) == [65534, 65535]


def test_port_in_use_is_not_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not ports.is_free("127.0.0.1", taken.getsockname()[1])
        assert not ports.is_free("0.0.0.0", taken.getsockname()[1])


def test_any_free_port_is_free() -> None:
    assert ports.is_free("127.0.0.1", ports.any_free("127.0.0.1"))


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "127.0.0.1")]
)
def test_url_names_a_host_that_a_browser_here_can_reach(host: str, shown: str) -> None:
    assert ports.url_host(host) == shown


@pytest.mark.parametrize("mistake", [["--port", "70000"], ["--port", "x"], ["--nonsense"], ["extra"]])
def test_mistaken_options_are_refused(mistake: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments.parse(mistake)
    assert ended.value.code == 2
    assert "usage: launch.py" in capsys.readouterr().err


def test_defaults_are_as_documented() -> None:
    options = arguments.parse([])
    assert (options.host, options.port, options.browser, options.data.name) == (
        "127.0.0.1",
        8080,
        True,
        "howdah-data",
    )
