"""What a person sees of data and labels: a demo, progress, what waits, reports, exports, pre-annotations."""

from __future__ import annotations

import json
import os
import re
import signal
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from howdah.testing.launched import Launched, until
from tests.e2e.conftest import CommandLine
from tests.e2e.studio import Studio

pytestmark = pytest.mark.xdist_group("labeling")

CONFIG = """<View><Text name="text" value="$text" valueType="url"/>
<Choices name="kind" toName="text"><Choice value="Good"/><Choice value="Bad"/></Choices></View>"""
FILES = 2000


@pytest.fixture(scope="module")
def demo(studio: Studio) -> int:
    """The demo project, made by the button that a newcomer finds."""
    studio.page.goto(studio.url)
    expect(studio.page.get_by_role("button", name="Try it with a demo project")).to_be_visible()
    studio.picture("labeling-01-try-it")
    studio.page.get_by_role("button", name="Try it with a demo project").click()
    studio.page.wait_for_url(re.compile(r"/howdah/projects/\d+/$"))
    studio.project = int(studio.page.url.rstrip("/").rpartition("/")[2])
    return studio.project


def section(studio: Studio, title: str) -> Locator:
    """A storage on the page Data and labels."""
    return studio.page.locator("section.howdah-card").filter(has=studio.page.get_by_role("heading", name=title))


def test_a_demo_shows_its_data_and_labels_and_commits_what_waits(demo: int, studio: Studio) -> None:
    labels = section(studio, "Labels")
    expect(labels.get_by_text("1 annotation not yet committed")).to_be_visible()
    expect(labels.get_by_role("button", name="Sync Storage")).to_be_visible()
    studio.picture("labeling-02-data-and-labels")
    before = labels.locator("dd[title]").inner_text()
    labels.get_by_role("button", name="Sync Storage").click()
    expect(labels.get_by_text("not yet committed")).to_have_count(0)
    expect(labels.locator("dd[title]")).not_to_have_text(before)
    assert not studio.errors
    assert not studio.elsewhere


def test_a_report_is_opened_and_its_commit_exported_and_downloaded(demo: int, studio: Studio, tmp_path: Path) -> None:
    page = studio.page
    section(studio, "Labels").get_by_role("link", name="Last report").click()
    expect(page.get_by_role("heading", name="Completed")).to_be_visible()
    expect(page.get_by_text("1 new")).to_be_visible()
    studio.picture("labeling-03-report")
    page.get_by_role("link", name="Export the labels of this commit").click()
    expect(page.locator("input[name=commit]")).to_have_value(re.compile("[0-9a-f]{32}"))
    page.locator("select[name=format]").select_option("yolo")
    page.locator("input[name=media]").check()
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    studio.picture("labeling-04-exported")
    download.value.save_as(tmp_path / "labels.zip")
    names = zipfile.ZipFile(tmp_path / "labels.zip").namelist()
    assert {"classes.txt", "images/scene-01.jpg", "labels/scene-01.txt"} <= set(names)


def test_an_edited_and_a_removed_file_are_marked_in_the_list_of_tasks(demo: int, studio: Studio) -> None:
    studio.open_tasks()
    expect(studio.page.get_by_text("edited since")).to_be_visible()
    expect(studio.page.get_by_text("removed", exact=True)).to_be_visible()
    studio.page.wait_for_function("[...document.images].filter(i => i.naturalWidth > 100).length >= 3")
    studio.picture("labeling-05-tasks")
    studio.page.get_by_role("link", name="Data and labels").click()
    expect(section(studio, "Pictures")).to_be_visible()


def test_predictions_of_a_branch_are_there_as_pre_annotations(demo: int, studio: Studio) -> None:
    task = next(each for each in studio.tasks() if each["storage_filename"] == "/scene-05.jpg")
    studio.open_task(task["id"])
    page = studio.page
    page.wait_for_function("[...document.images].some(i => i.src.startsWith('blob:') && i.naturalWidth == 640)")
    expect(page.get_by_text("Labeled regions will appear here")).to_have_count(0)
    expect(page.locator(".lsf-outliner-item").get_by_text("Balloon", exact=True).first).to_be_visible()
    studio.picture("labeling-06-prediction")
    studio.submit()
    (made,) = studio.ask(f"/api/tasks/{task['id']}/annotations")
    assert "Balloon" in json.dumps(made["result"])


def test_a_card_shows_a_sync_under_way_cancels_it_and_the_end_of_the_next_one(
    studio: Studio, howdah: Launched, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for number in range(FILES):
        (tmp_path / "many" / f"{number}.txt").write_text(f"{number}", "utf-8")
    command("create", "repo", "many")
    command("put", "file", "many@master:/", "-r", "-f", str(tmp_path / "many"))
    studio.set_up_project("Many", CONFIG)
    studio.set_up_storage("Source", "Texts", "many@master")
    studio.open_storages()
    card = studio.card("Texts")
    expect(card.get_by_role("link", name="Data and labels")).to_be_visible()

    store = howdah.children()["store"]
    os.kill(store, signal.SIGSTOP)  # so that the Sync takes as long as it takes to look at it
    try:
        card.get_by_role("button", name="Sync Storage").click()
        expect(card.get_by_label("Progress of the Sync")).to_be_visible()
        expect(card.get_by_text(re.compile(r"\d+ (of [\d,]+ )?done"))).to_be_visible()
        studio.picture("labeling-07-under-way")
        card.get_by_role("button", name="Cancel").click()
        expect(card.get_by_text("Cancelled by ada@example.com")).to_be_visible()
        studio.picture("labeling-08-cancelled")
    finally:
        os.kill(store, signal.SIGCONT)

    def again() -> bool:  # the one that was cancelled may still be on its way out
        card.get_by_role("button", name="Sync Storage").click()
        answer = card.get_by_text(re.compile("still ending|under way")).or_(card.get_by_text("2,000 ("))
        expect(answer.first).to_be_visible()
        return bool(card.get_by_text("2,000 (").count())

    until(again, what="the Sync after the one that was cancelled")
    expect(card.get_by_text("Completed", exact=True).filter(visible=True)).to_be_visible()


def test_without_our_states_the_cards_are_as_the_host_made_them(demo: int, studio: Studio) -> None:
    studio.project = demo
    states = re.compile("/api/howdah/")
    studio.page.route(states, lambda route: route.abort())
    studio.open_storages()
    card = studio.card("Pictures")
    expect(card.get_by_text("Type", exact=True)).to_be_visible()
    with studio.page.expect_request(states):  # the script has looked at the cards
        pass
    expect(card.get_by_role("button", name="Sync Storage")).to_have_count(1)
    studio.page.unroute(states)
    expect(card.get_by_role("link", name="Data and labels")).to_be_visible()
    expect(card.get_by_text("Type", exact=True)).to_be_hidden()


def test_the_dialog_keeps_what_was_chosen_and_numbers_may_be_empty(demo: int, studio: Studio) -> None:
    page = studio.page
    studio.project = demo
    studio.fill_storage("Target", "By rule", "rule@master")
    page.locator("form button", has_text="By task: /1.json").click()
    page.get_by_role("option", name=re.compile("As the source")).click()
    studio.picture("labeling-09-target")
    assert studio.check_connection() == "Successfully connected!"
    studio.add_storage()
    found = {each["title"]: each for each in studio.ask(f"/api/storages/export/pachyderm?project={demo}")}
    made = found["By rule"]
    chosen = ("source", "sync", None, None)
    assert (made["layout"], made["commit_when"], made["every_minutes"], made["every_annotations"]) == chosen
    studio.card("By rule").get_by_role("button", name="Storage options").click()
    page.get_by_text("Edit", exact=True).click()
    expect(page.locator("input[name=pach_repo]")).to_have_value("rule@master")
    expect(page.locator("form button", has_text="As the source")).to_be_visible()
    studio.picture("labeling-10-edit")
    page.locator("form button", has_text="When somebody clicks Sync").click()
    page.get_by_role("option", name=re.compile("Every few minutes")).click()
    page.fill("input[name=every_minutes]", "5")
    with page.expect_response(re.compile(rf"/export/pachyderm/{made['id']}")) as answer:
        page.get_by_role("button", name="Save storage settings").click()
    assert answer.value.ok, answer.value.text()
    edited = studio.ask(f"/api/storages/export/pachyderm/{made['id']}")
    assert (edited["layout"], edited["every_minutes"], edited["pach_repo"]) == ("source", 5, "rule@master")
