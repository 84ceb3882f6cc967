"""What people see when something is wrong: why, in words; nothing that they did is lost; the next Sync is whole."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from howdah.testing.launched import Launched, until
from tests.e2e.conftest import CommandLine
from tests.e2e.studio import Studio

pytestmark = pytest.mark.xdist_group("troubles")

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="Cat"/><Choice value="Rocket"/></Choices></View>"""
PLACES = [
    ("Source", "nowhere@master", "", "repo default/nowhere not found"),
    ("Source", "images@nowhere", "", "branch nowhere not found"),
    ("Source", "images@master", "grpc://127.0.0.1:9", "grpc://127.0.0.1:9 does not answer"),
    ("Source", "images@master", "not an address", "address (not an address) invalid"),
    ("Target", "labels@master", "grpc://127.0.0.1:9", "grpc://127.0.0.1:9 does not answer"),
]


@pytest.fixture(scope="module")
def project(studio: Studio, command: CommandLine, photographs: Path) -> int:
    """A project with a source of two photographs."""
    command("create", "repo", "images")
    for name in ("chelsea.png", "rocket.jpg"):
        command("put", "file", f"images@master:/{name}", "-f", str(photographs / name))
    studio.set_up_project("Troubles", CONFIG)
    studio.set_up_storage("Source", "Photographs", "images@master")
    studio.set_up_storage("Target", "Labels", "labels@master")
    studio.open_storages()
    studio.sync("Photographs")
    return studio.project


def choose(studio: Studio, text: str) -> None:
    """Choose an answer for the task on the screen, once its picture is there."""
    studio.page.wait_for_function("[...document.images].some(i => i.src.startsWith('blob:') && i.naturalWidth > 0)")
    studio.choose(text)


def listens(address: str) -> bool:
    """Whether anybody takes connections at the address."""
    place = urlsplit(address)
    with socket.socket() as client:
        return client.connect_ex((str(place.hostname), int(place.port or 0))) == 0


def commits(command: CommandLine) -> list[str]:
    """The ids of the target's commits."""
    lines = command("list", "commit", "labels@master", "-o", "json").splitlines()
    return [json.loads(line)["commit"]["id"] for line in lines]


@pytest.mark.parametrize(("kind", "repo", "address", "told"), PLACES)
def test_check_connection_tells_what_is_wrong_with_the_place(
    project: int, studio: Studio, kind: str, repo: str, address: str, told: str
) -> None:
    studio.fill_storage(kind, "Wrong", repo, pachd_address=address)
    assert "Connection failed" in studio.check_connection()
    expect(studio.page.get_by_text(told).first).to_be_visible()
    studio.picture(f"troubles-{PLACES.index((kind, repo, address, told))}")
    assert told in studio.runtime_error()


def test_the_dialog_edits_a_storage_and_never_shows_its_token(project: int, studio: Studio) -> None:
    page = studio.page
    number = studio.set_up_storage("Source", "Secret", "images@master", pach_authn_token="a secret")
    studio.open_storages()
    studio.card("Secret").get_by_role("button", name="Storage options").click()
    page.get_by_text("Edit", exact=True).click()
    expect(page.locator("input[name=pach_repo]")).to_have_value("images@master")
    assert page.input_value("input[name=pach_authn_token]") == ""
    page.fill("input[name=title]", "Renamed")
    page.get_by_role("button", name="Save storage settings").click()
    until(lambda: studio.ask(f"/api/storages/pachyderm/{number}")["title"] == "Renamed", what="the edit")


def test_labels_made_while_the_store_hangs_are_committed_by_the_next_sync(
    project: int, howdah: Launched, studio: Studio, command: CommandLine
) -> None:
    cat, rocket = (task["id"] for task in studio.tasks())
    studio.open_task(cat)
    choose(studio, "Cat")
    studio.submit()
    studio.open_storages()
    studio.sync("Labels")
    before = commits(command)

    studio.open_task(rocket)
    choose(studio, "Rocket")
    store = howdah.children()["store"]
    os.kill(store, signal.SIGSTOP)
    try:
        studio.submit()
        studio.open_storages()
        studio.sync("Labels", ends="Failed")
        studio.picture("troubles-failed")
        studio.card("Labels").get_by_role("link", name="View Logs").click()
        expect(studio.page.get_by_text(f"Store at {howdah.store} does not answer").first).to_be_visible()
        studio.picture("troubles-logs")
    finally:
        os.kill(store, signal.SIGKILL)
    until(lambda: howdah.children().get("store") not in (None, store), what="another store")
    until(lambda: listens(howdah.store), what="the store's port")

    studio.open_storages()
    studio.sync("Labels")
    studio.picture("troubles-whole")
    (new,) = (each for each in commits(command) if each not in before)
    assert "1 new" in json.loads(command("inspect", "commit", f"labels@{new}", "-o", "json"))["description"]
    for task, choice in ((cat, "Cat"), (rocket, "Rocket")):
        labeled = json.loads(command("get", "file", f"labels@master:/{task}.json"))
        assert labeled["annotations"][0]["result"][0]["value"] == {"choices": [choice]}
