"""nginx at a name of its own: also as impatient as can be, telling nothing of who asks for what."""

from __future__ import annotations

import io
import re
from http.client import HTTPConnection
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from howdah.client import channel, files, repos
from howdah.launch import ports
from howdah.names import Commit, parse_repo
from howdah.testing.launched import Launched, until
from tests.e2e.studio import Studio
from tests.proxy.front import NGINX, Front
from tests.proxy.gate import gate
from tests.proxy.people import PASSWORD

POOR = {"proxy_read_timeout 1h": "proxy_read_timeout 10s", "proxy_set_header": "# "}
CONFIG = '<View><Image name="image" value="$image"/></View>'


def test_sync_that_outlasts_the_proxys_patience_is_answered_and_completes(chromium: Browser, tmp_path: Path) -> None:
    if NGINX is None:
        pytest.skip("nginx is not installed: `python3 launch.py test` installs it or says how")
    port = ports.any_free("127.0.0.1")
    url = f"https://localhost:{port}"
    address = ("127.0.0.1", port)
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 860})
    studio = Studio(context.new_page(), url, tmp_path / "pictures")
    environ = {"HOWDAH_TRUST_PROXY": "false"}  # it has nothing to tell
    with Launched(tmp_path / "data", "--port", "0", "--public-url", url, environ=environ) as howdah:
        assert howdah.url == url
        _put(howdah.store)
        upstream = str(howdah.record()["url"])
        with (
            Front(tmp_path / "nginx", "nginx.conf", "localhost", address, upstream, changes=POOR),
            gate(howdah.store) as way,
        ):
            studio.sign_up("ada@example.com", PASSWORD)
            studio.set_up_project("From afar", CONFIG)
            studio.set_up_storage("Source", "Slow", "images@master", pachd_address=way.address)
            studio.open_storages()
            button = studio.sync_button("Slow")
            way.close()  # from here the Sync could last for ever
            with studio.page.expect_response(re.compile("/sync")) as answer:
                button.click()
            assert answer.value.status == 200
            studio.open_storages()
            expect(studio.card("Slow")).to_contain_text("In progress")
            way.open()
            until(lambda: _is_completed(studio), what="the end of the Sync")
            assert len(studio.tasks()) == 3
    assert not studio.errors
    context.close()


def _is_completed(studio: Studio) -> bool:
    studio.open_storages()
    return "Completed" in studio.card("Slow").inner_text()


def _put(store: str) -> None:
    with channel.connect(store) as connection:
        repo = parse_repo("images")
        repos.create(connection, repo)
        with files.modify(connection, Commit(repo, "master")) as changes:
            for number in range(3):
                changes.put(f"/{number}.png", io.BytesIO(b"no picture"))


def test_plain_http_is_led_to_https(tmp_path: Path) -> None:
    if NGINX is None:
        pytest.skip("nginx is not installed: `python3 launch.py test` installs it or says how")
    address = ("127.0.0.1", ports.any_free("127.0.0.1"))
    with Front(tmp_path / "nginx", "nginx.conf", "localhost", address, "http://127.0.0.1:9") as front:
        connection = HTTPConnection("127.0.0.1", front.plain, timeout=60)
        connection.request("GET", "/projects/?page=1", headers={"Host": "localhost"})
        assert connection.getresponse().headers["Location"] == "https://localhost/projects/?page=1"
        connection.close()
