"""nginx with HTTPS in front, at a path of its own, as deploy/nginx-path.conf has it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from howdah.client import channel, files, repos
from howdah.names import Commit, File, parse_repo
from howdah.testing.launched import until
from tests.e2e.studio import Studio
from tests.proxy.conftest import Site
from tests.proxy.people import PASSWORD, Person

CHOICE = '<Choices name="c" toName="image"><Choice value="Sharp"/></Choices>'
BOX = f'<View><Image name="image" value="$image"/>{CHOICE}</View>'
BIG = 64 * 1024 * 1024


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


def test_form_from_another_site_is_refused(site: Site, ada: Person) -> None:
    with ada.open("/user/login/", b"email=ada", Origin="https://elsewhere.example.com") as answer:
        assert answer.status == 403


def test_stranger_is_led_to_the_sign_in_page_of_this_path(site: Site) -> None:
    with Person(site.url, site.certificate).open("/projects/") as page:
        assert page.url == f"{site.url}/user/login/?next=/label/projects/"


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


def test_big_upload_comes_through(site: Site, ada: Person) -> None:
    project = ada.ask("/api/projects", {"title": "Uploads", "label_config": BOX})["id"]
    head = b'--edge\r\nContent-Disposition: form-data; name="f"; filename="big.png"\r\nContent-Type: image/png\r\n\r\n'
    body = head + bytes(BIG) + b"\r\n--edge--\r\n"
    with ada.open(f"/api/projects/{project}/import", body, Content_Type="multipart/form-data; boundary=edge") as answer:
        assert answer.status == 201, answer.read()
    (upload,) = (site.howdah.data / "label-studio").rglob("*big.png")
    assert upload.stat().st_size == BIG


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
    with ada.open(path, Range="bytes=300-599") as part:
        assert part.status == 206
        assert part.headers["Content-Range"] == f"bytes 300-599/{len(content)}"
        assert part.read() == content[300:600]


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
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 860})
    context.set_default_timeout(30_000)
    studio = Studio(context.new_page(), site.url, tmp_path)
    _put(site.howdah.store, "photographs", (photographs / "astronaut.png").read_bytes())
    studio.sign_up("eve@example.com", PASSWORD)
    studio.set_up_project("In a browser", BOX)
    studio.set_up_storage("Source", "Photographs", "photographs@master")
    studio.open_storages()
    assert studio.sync_to_end("Photographs") == "Completed"
    (task,) = studio.tasks()
    studio.open_task(task["id"])
    studio.page.wait_for_function("[...document.images].some(i => i.naturalWidth == 512)")
    studio.page.get_by_text("Sharp").first.click()
    studio.submit()
    _repo(site.howdah.store, "chosen")
    studio.set_up_storage("Target", "Chosen", "chosen@master")
    studio.open_storages()
    assert studio.sync_to_end("Chosen") == "Completed"
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
