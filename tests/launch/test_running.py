"""The whole of Howdah as it runs on a user's machine: real processes, real ports."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from howdah.client import channel, cluster
from howdah.launch.processes import identify
from howdah.testing.launched import Launched, get, until


def _alive(pid: int) -> bool:
    return identify(pid) is not None


def _token(user: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Token {user['LABEL_STUDIO_USER_TOKEN']}"}


def _csrf(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def _sign_up(url: str, email: str) -> None:
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    page = opener.open(f"{url}/user/signup/").read().decode()
    form = {"csrfmiddlewaretoken": _csrf(page), "email": email, "password": "a long password", "how_find_us": "Other"}
    assert opener.open(Request(f"{url}/user/signup/", urlencode(form).encode(), {"Origin": url})).status == 200


def test_login_page_answers(running: Launched) -> None:
    page = get(f"{running.url}/user/login/")
    assert page.status == 200
    assert b"Label Studio" in page.body


def test_store_answers_at_the_recorded_address(running: Launched) -> None:
    with channel.connect(running.store) as connection:
        assert cluster.version(connection).major == 2


def test_token_of_the_first_user_works(running: Launched, user: dict[str, str]) -> None:
    me = get(f"{running.url}/api/current-user/whoami", _token(user))
    assert me.status == 200
    assert json.loads(me.body)["email"] == user["LABEL_STUDIO_USERNAME"]


def test_wrong_token_is_refused(running: Launched) -> None:
    assert get(f"{running.url}/api/current-user/whoami", {"Authorization": "Token nonsense"}).status == 401


def test_password_of_the_first_user_works_through_a_proxy(running: Launched, user: dict[str, str]) -> None:
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    proxied = {"X-Forwarded-Host": "labels.example.com", "X-Forwarded-Proto": "https"}
    page = opener.open(Request(f"{running.url}/user/login/", headers=proxied)).read().decode()
    form = {
        "csrfmiddlewaretoken": _csrf(page),
        "email": user["LABEL_STUDIO_USERNAME"],
        "password": user["LABEL_STUDIO_PASSWORD"],
        "persist_session": "on",
    }
    origin = {**proxied, "Origin": "https://labels.example.com", "Referer": "https://labels.example.com/user/login/"}
    sent = opener.open(Request(f"{running.url}/user/login/", urlencode(form).encode(), origin))
    assert sent.status == 200
    assert not sent.url.endswith("/user/login/")


def test_tips_are_empty_and_fetched_from_nowhere(running: Launched) -> None:
    assert get(f"{running.url}/heidi-tips").body == b"{}"


def test_pachyderm_is_a_storage_type(running: Launched, user: dict[str, str]) -> None:
    types = json.loads(get(f"{running.url}/api/storages/types", _token(user)).body)
    assert "pachyderm" in {kind["name"] for kind in types}


def test_database_is_in_wal_mode(running: Launched) -> None:
    header = (running.data / "label-studio" / "label_studio.sqlite3").read_bytes()[:20]
    assert header[18:20] == b"\x02\x02"


def test_log_tells_the_database_and_its_journal(running: Launched) -> None:
    log = (running.data / "logs" / "label-studio.log").read_text("utf-8")
    assert f"Database: {running.data}/label-studio/label_studio.sqlite3, journal mode wal, on " in log


def test_journal_can_be_chosen_and_is_changed_in_a_database_that_has_another(data: Path) -> None:
    database = data / "label-studio" / "label_studio.sqlite3"
    for mode, mark in (("wal", b"\x02\x02"), ("truncate", b"\x01\x01")):
        with Launched(data, "--port", "0", environ={"HOWDAH_SQLITE_JOURNAL": mode}) as launched:
            _sign_up(launched.url, f"{mode}@example.com")
            assert database.read_bytes()[18:20] == mark
        assert f"journal mode {mode}, on " in (data / "logs" / "label-studio.log").read_text("utf-8")


def test_everything_that_must_survive_is_in_the_data_folder(running: Launched) -> None:
    outside = {path.relative_to(running.home).as_posix() for path in running.home.rglob("*") if path.is_file()}
    assert outside == {".pachyderm/config.json"}
    assert (running.data / "label-studio" / ".env").exists()


def test_context_of_the_store_is_written_and_active(running: Launched) -> None:
    config = json.loads((running.home / ".pachyderm" / "config.json").read_text())
    assert config["v2"]["active_context"] == "howdah"
    assert config["v2"]["contexts"]["howdah"]["pachd_address"] == running.store


def test_second_launch_on_the_folder_tells_where_the_first_is(running: Launched) -> None:
    with Launched(running.data, "--port", "0", environ={"HOME": str(running.home)}) as second:
        assert second.process.wait(60) == 0
        assert f"already runs on {running.data}" in second.printed
        assert second.url == running.url
    assert _alive(running.process.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_leaves_no_process(data: Path, number: signal.Signals) -> None:
    with Launched(data, "--port", "0") as launched:
        assert launched.url
        children = launched.children()
        assert len(children) == 2
        assert launched.stop(number) == 0
    assert not [pid for pid in children.values() if _alive(pid)]
    assert not (data / "instance.json").exists()


def test_stop_while_starting_leaves_no_process(data: Path) -> None:
    with Launched(data, "--port", "0") as launched:
        until(lambda: (data / "instance.json").exists() and len(launched.children()) == 2, what="both processes")
        children = launched.children()
        launched.stop()
    assert not [pid for pid in children.values() if _alive(pid)]


@pytest.mark.parametrize("name", ["store", "label-studio"])
def test_killed_child_comes_back(data: Path, name: str) -> None:
    with Launched(data, "--port", "0") as launched:
        url, before = launched.url, launched.children()
        os.kill(before[name], signal.SIGKILL)
        until(lambda: launched.children().get(name, before[name]) != before[name], what="a new process")
        until(lambda: _answers(launched, url), what="an answer")
        assert f"{name} was ended by signal 9; starting it again" in (data / "logs" / "howdah.log").read_text()
        others = before.keys() - {name}
        assert {other: launched.children()[other] for other in others} == {other: before[other] for other in others}


def _answers(launched: Launched, url: str) -> bool:
    try:
        with channel.connect(launched.store, timeout=2) as connection:
            cluster.version(connection)
        return get(f"{url}/health/").status == 200
    except OSError:
        return False


def test_killed_launcher_leaves_no_orphans_and_the_next_start_works(data: Path) -> None:
    with Launched(data, "--port", "0") as first:
        assert first.url
        store, children = first.store, first.children()
        first.kill()
        until(lambda: not any(_alive(pid) for pid in children.values()), what="the end of the children")
    with Launched(data, "--port", "0") as second:
        assert get(f"{second.url}/health/").status == 200
        assert second.store == store


def test_launch_right_after_a_killed_one_works(data: Path) -> None:
    with Launched(data, "--port", "0") as first:
        assert first.url
        first.kill()
        with Launched(data, "--port", "0") as second:
            assert get(f"{second.url}/health/").status == 200


def test_launches_at_the_same_moment_are_one_instance(data: Path) -> None:
    with Launched(data, "--port", "0") as one, Launched(data, "--port", "0") as other:
        assert one.url == other.url
        until(lambda: (one.process.poll(), other.process.poll()).count(0) == 1, what="the end of one of them")
        assert get(f"{one.url}/health/").status == 200


def test_first_user_may_come_to_an_organization_that_is_there(data: Path, user: dict[str, str]) -> None:
    with Launched(data, "--port", "0") as launched:
        _sign_up(launched.url, "earlier@example.com")
    with Launched(data, "--port", "0", environ=user) as launched:
        me = get(f"{launched.url}/api/current-user/whoami", _token(user))
        assert json.loads(me.body)["email"] == user["LABEL_STUDIO_USERNAME"]
        people = json.loads(get(f"{launched.url}/api/users/", _token(user)).body)
        assert {person["email"] for person in people} == {"earlier@example.com", user["LABEL_STUDIO_USERNAME"]}


def test_restart_takes_the_place_of_the_running_one(data: Path, user: dict[str, str]) -> None:
    with Launched(data, "--port", "0", environ=user) as first:
        assert first.url
        with Launched(data, "--port", "0", "--restart", environ=user) as second:
            assert first.process.wait(60) == 0
            until(lambda: "Ended the instance" in second.printed, what="the word of it")
            assert get(f"{second.url}/health/").status == 200


def test_busy_port_is_passed_over_and_told(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Launched(data, "--port", str(port)) as launched:
            assert launched.url != f"http://127.0.0.1:{port}"
            assert f"Port {port} is busy; using " in launched.printed


def test_data_folder_that_cannot_be_made_is_told_in_one_line(data: Path) -> None:
    data.write_text("a file, not a folder")
    with Launched(data, "--port", "0") as launched:
        assert launched.process.wait(60) == 1
        assert launched.printed.startswith(f"error: the data folder {data} cannot be used")
        assert len(launched.printed.splitlines()) == 1


def test_failing_start_ends_with_the_reason(data: Path, user: dict[str, str]) -> None:
    environ = {**user, "LABEL_STUDIO_USER_TOKEN": "short"}
    with Launched(data, "--port", "0", environ=environ) as launched:
        assert launched.process.wait(120) == 1
        assert "LABEL_STUDIO_USER_TOKEN must be 6 to 40 characters long" in launched.printed
