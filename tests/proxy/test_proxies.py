"""nginx and Caddy with HTTPS in front, at a path of its own, as the examples in deploy/ have it."""

from __future__ import annotations

import io
import json
import os
import re
import ssl
import subprocess
import sys
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser

from howdah.client import channel, files, repos
from howdah.doctor import proxy
from howdah.doctor.finding import Finding, State
from howdah.launch import ports
from howdah.names import Commit, File, parse_repo
from howdah.testing.launched import until
from tests.browsers import new_context
from tests.e2e.studio import Studio
from tests.proxy.conftest import LIMIT, Site
from tests.proxy.front import Front
from tests.proxy.people import PASSWORD, Person

CHOICE = '<Choices name="c" toName="image"><Choice value="Sharp"/></Choices>'
BOX = f'<View><Image name="image" value="$image"/>{CHOICE}</View>'
BIG = 128 * 1024 * 1024  # less than conftest's LIMIT
FORGED = {"X_Forwarded_Host": "elsewhere.example.com", "X_Forwarded_Proto": "http", "X_Forwarded_For": "192.0.2.1"}


@pytest.fixture(scope="module")
def ada(site: Site) -> Person:
    """A person with an account, signed in."""
    person = Person(site.url, site.certificate)
    with person.sign_up("ada@example.com") as page:
        assert page.status == 200
        assert page.url.startswith(f"{site.url}/")
        assert "/user/" not in page.url
    return person


def test_sign_in_through_tls_is_not_refused(site: Site, ada: Person) -> None:
    with Person(site.url, site.certificate).sign_in("ada@example.com") as page:
        assert page.status == 200
        assert page.url.startswith(f"{site.url}/")
        assert not page.url.endswith("/user/login/")


def test_proxy_may_take_the_path_off(site: Site, ada: Person, tmp_path: Path) -> None:
    address, upstream = ("127.0.0.1", ports.any_free("127.0.0.1")), str(site.howdah.record()["url"])
    off = {f"proxy_pass {upstream};": f"proxy_pass {upstream}/;"}
    with Front(tmp_path / "nginx", "nginx-path.conf", "localhost", address, upstream, changes=off) as front:
        url = f"https://localhost:{address[1]}/label"
        with Person(url, str(front.certificate)).sign_in("ada@example.com") as page:
            assert page.status == 200
            assert page.url.startswith(f"{url}/")
            assert "/user/" not in page.url


def test_form_from_another_site_is_refused(site: Site, ada: Person) -> None:
    with ada.open("/user/login/", b"email=ada", Origin="https://elsewhere.example.com/<b>") as answer:
        assert answer.status == 403
        told = answer.read().decode()
    assert "The form came from <b>https://elsewhere.example.com/&lt;b&gt;</b>" in told
    assert f"people are to reach this site at <b>{site.url}</b>" in told


def test_form_whose_page_was_open_for_too_long_is_to_be_sent_again(site: Site) -> None:
    with Person(site.url, site.certificate).open("/user/login/", b"email=ada") as answer:
        assert answer.status == 403
        assert "load the page anew" in answer.read().decode()


@pytest.mark.parametrize("asked", ["/projects/", "/projects"])
def test_stranger_is_led_to_the_sign_in_page_of_this_path(site: Site, asked: str) -> None:
    with Person(site.url, site.certificate).open(asked) as page:
        assert page.url == f"{site.url}/user/login/?next=/label/projects/"


def test_path_without_its_slash_leads_to_the_site(site: Site) -> None:
    with Person(site.url, site.certificate).open("") as page:
        assert page.url == f"{site.url}/user/login/"


def test_visitor_cannot_forge_what_the_proxy_tells(site: Site, ada: Person) -> None:
    ada.ask("/api/projects", {"title": "One of two"})
    ada.ask("/api/projects", {"title": "Two of two"})
    with ada.open("/api/projects?page_size=1", None, **FORGED) as answer:
        assert json.load(answer)["next"].startswith(f"{site.url}/api/projects/?")


def test_doctor_is_content_with_the_proxy(site: Site) -> None:
    command = [sys.executable, "-I", "-m", "howdah", "doctor", "--data", str(site.howdah.data), "-o", "json"]
    environ = {**os.environ, "SSL_CERT_FILE": site.certificate}
    told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120).stdout
    found = {finding["check"]: finding for finding in map(json.loads, told.splitlines())}
    assert found[proxy.REACHED]["told"] == f"{site.url} leads to this instance"
    assert found[proxy.TOLD]["state"] == "good", found[proxy.TOLD]


def test_doctor_warns_of_a_certificate_that_is_not_trusted_and_looks_on(site: Site) -> None:
    reached, told = _doctor(site, site.url)
    assert reached.state is State.WARNING
    assert "self-signed certificate" in reached.told
    assert told.state is State.GOOD


def test_doctor_tells_what_is_asked_to_those_alone_who_can_write_the_data_folder(site: Site, ada: Person) -> None:
    with ada.open(f"/howdah/seen/{'0' * 32}") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "header",
    [{"SCRIPT_NAME": "/user"}, {"PATH_INFO": "/admin/"}, {"X-Forwarded-Ssl": "off"}, {"X-Forwarded-Protocol": "http"}],
)
def test_what_other_servers_are_told_by_proxies_changes_nothing(site: Site, header: dict[str, str]) -> None:
    request = Request(f"{site.url}/user/login/", headers=header)
    with urlopen(request, timeout=60, context=ssl.create_default_context(cafile=site.certificate)) as page:
        assert "Log in" in page.read().decode()


def _doctor(site: Site, url: str) -> list[Finding]:
    return list(proxy.examine(site.howdah.data, url, str(site.howdah.record()["url"])))


MISTAKES = [
    ({"proxy_set_header": "# "}, "hands on the name 127.0.0.1:"),
    ({"$scheme": "http"}, "says that people come by http, not https"),
    ({"proxy_set_header X-Forwarded-Host": "# "}, "as visitors send them"),
    ({"location /label/": "location /other/"}, "does not lead to this instance: the answer is 404"),
    ({"http://127.0.0.1:": "http://127.0.0.2:"}, "does not lead to this instance: the answer is 502"),
]


@pytest.mark.parametrize(("changes", "told"), MISTAKES)
def test_doctor_names_the_mistake_of_a_proxy_and_the_remedy(
    site: Site, tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    address = ("127.0.0.1", ports.any_free("127.0.0.1"))
    upstream = str(site.howdah.record()["url"])
    with Front(tmp_path / "nginx", "nginx-path.conf", "localhost", address, upstream, changes=changes):
        found = _doctor(site, f"https://localhost:{address[1]}/label")[-1]
    assert told in found.told
    assert found.state is not State.GOOD
    assert found.remedy


def test_signing_out_stays_on_this_path(site: Site, ada: Person) -> None:
    person = Person(site.url, site.certificate)
    person.sign_in("ada@example.com").close()
    with person.open("/logout") as page:
        assert page.url.startswith(f"{site.url}/user/login/")


def test_cookies_are_secure_and_of_this_path(ada: Person) -> None:
    assert {(name, cookie.secure, cookie.path) for name, cookie in ada.cookies.items()} == {
        ("sessionid", True, "/label"),
        ("csrftoken", True, "/label"),
    }


def test_what_a_page_needs_is_found_below_the_path(site: Site, ada: Person) -> None:
    with ada.open("/projects/") as page:
        needed = set(re.findall(r'(?:src|href)="([^"#]+)"', page.read().decode()))
    ours = {link for link in needed if link.startswith(("https://localhost", "/"))}
    assert len(ours) > 3
    for link in ours:
        path = urlsplit(link).path
        assert path.startswith("/label/"), link
        with ada.open(path.removeprefix("/label")) as answer:
            assert answer.status == 200, link


def test_link_in_an_invitation_leads_to_the_sign_up_page(site: Site, ada: Person) -> None:
    invite = ada.ask("/api/invite")["invite_url"]
    bob = Person(site.url, site.certificate)
    with bob.sign_up("bob@example.com", "?" + invite.partition("?")[2]) as page:
        assert page.status == 200
    assert bob.ask("/api/current-user/whoami")["email"] == "bob@example.com"


def _upload(person: Person, size: int) -> HTTPResponse | HTTPError:
    project = person.ask("/api/projects", {"title": "Uploads", "label_config": BOX})["id"]
    head = b'--edge\r\nContent-Disposition: form-data; name="f"; filename="big.png"\r\nContent-Type: image/png\r\n\r\n'
    body = head + bytes(size) + b"\r\n--edge--\r\n"
    return person.open(f"/api/projects/{project}/import", body, Content_Type="multipart/form-data; boundary=edge")


def test_big_upload_comes_through(site: Site, ada: Person) -> None:
    with _upload(ada, BIG) as answer:
        assert answer.status == 201, answer.read()
    (upload,) = (site.howdah.data / "label-studio").rglob("*big.png")
    assert upload.stat().st_size == BIG


def test_upload_above_the_hosts_limit_is_refused_with_the_ways_around_it(ada: Person) -> None:
    with _upload(ada, LIMIT + 1) as answer:
        assert answer.status == 413
        told = json.load(answer)["detail"]
    assert "An upload of 150 MB is too large" in told
    assert "DATA_UPLOAD_MAX_MEMORY_SIZE" in told


def test_source_is_synced_and_ranges_of_its_files_are_read(site: Site, ada: Person) -> None:
    content = bytes(range(256)) * 4096
    _put(site.howdah.store, "images", content)
    project = ada.ask("/api/projects", {"title": "Ranges", "label_config": BOX})["id"]
    fields = {"project": project, "title": "Pictures", "pach_repo": "images@master"}
    storage = ada.ask("/api/storages/pachyderm", fields)["id"]
    _sync(ada, f"/api/storages/pachyderm/{storage}")
    (task,) = ada.ask(f"/api/tasks?project={project}&resolve_uri=true")["tasks"]
    address = urlsplit(task["data"]["image"])
    assert address.path.startswith("/label/tasks/")
    path = f"{address.path.removeprefix('/label')}?{address.query}"
    for asked, first, last in (
        ("300-599", 300, 599),
        ("0-0", 0, 0),
        (f"{len(content) - 100}-", len(content) - 100, len(content) - 1),
        ("-100", len(content) - 100, len(content) - 1),
    ):
        with ada.open(path, Range=f"bytes={asked}") as part:
            assert part.status == 206
            assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
            assert part.read() == content[first : last + 1]


def _sync(person: Person, storage: str) -> None:
    person.ask(f"{storage}/sync", {})
    until(lambda: person.ask(storage)["status"] == "completed", what="the end of the Sync")


def _put(store: str, name: str, content: bytes) -> None:
    with channel.connect(store) as connection:
        repo = parse_repo(name)
        repos.create(connection, repo)
        with files.modify(connection, Commit(repo, "master")) as changes:
            changes.put("/a.png", io.BytesIO(content))


def test_labels_become_a_commit(site: Site, ada: Person) -> None:
    project = ada.ask("/api/projects", {"title": "Labels", "label_config": BOX})["id"]
    ada.ask(f"/api/projects/{project}/import", {"data": {"image": "x"}, "skip": 1})
    with channel.connect(site.howdah.store) as connection:
        repos.create(connection, parse_repo("labels"))
        (task,) = ada.ask(f"/api/tasks?project={project}")["tasks"]
        choice = {"from_name": "c", "to_name": "image", "type": "choices", "value": {"choices": ["Sharp"]}}
        ada.ask(f"/api/tasks/{task['id']}/annotations", {"result": [choice]})
        fields = {"project": project, "title": "Labels", "pach_repo": "labels@master"}
        storage = ada.ask("/api/storages/export/pachyderm", fields)["id"]
        _sync(ada, f"/api/storages/export/pachyderm/{storage}")
        file = File(Commit(parse_repo("labels"), "master"), f"/{task['id']}.json")
        labeled = json.loads(b"".join(files.get(connection, file)))
    assert labeled["annotations"][0]["result"][0]["value"] == {"choices": ["Sharp"]}


def test_in_a_browser_one_signs_up_syncs_labels_and_syncs_the_labels(
    site: Site, chromium: Browser, photographs: Path, tmp_path: Path
) -> None:
    context = new_context(chromium, ignore_https_errors=True)
    studio = Studio(context.new_page(), site.url, tmp_path)
    _put(site.howdah.store, "photographs", (photographs / "astronaut.png").read_bytes())
    studio.sign_up("eve@example.com", PASSWORD)
    studio.set_up_project("In a browser", BOX)
    studio.set_up_storage("Source", "Photographs", "photographs@master")
    studio.open_storages()
    studio.sync("Photographs")
    (task,) = studio.tasks()
    studio.open_task(task["id"])
    studio.page.wait_for_function("[...document.images].some(i => i.naturalWidth == 512)")
    studio.choose("Sharp")
    studio.submit()
    _repo(site.howdah.store, "chosen")
    studio.set_up_storage("Target", "Chosen", "chosen@master")
    studio.open_storages()
    studio.sync("Chosen")
    assert f"/{task['id']}.json" in _paths(site.howdah.store, "chosen")
    assert not studio.errors
    root = site.url.removesuffix("/label")
    # The host's own pages ask for these without the path, and do without them.
    spared = (f"{root}/static/fonts/", f"{root}/heidi-tips")
    assert not [url for url in studio.elsewhere if not url.startswith(spared)]
    context.close()


def _repo(store: str, name: str) -> None:
    with channel.connect(store) as connection:
        repos.create(connection, parse_repo(name))


def _paths(store: str, name: str) -> set[str]:
    with channel.connect(store) as connection:
        return {info.file.path for info in files.list(connection, File(Commit(parse_repo(name), "master"), "/"))}
