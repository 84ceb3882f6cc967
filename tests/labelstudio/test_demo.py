"""The demo project: what it has, that it can be made again, and that nothing is left when it cannot."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client, override_settings
from PIL import Image

from howdah.labelstudio import drawings
from tests.labelstudio.conftest import Shelf, Site


@pytest.fixture
def demo(site: Site, fragile: Shelf) -> Any:
    """A demo project on a store of its own."""
    with override_settings(HOWDAH_ADDRESS=fragile.address):
        return site.send("POST", "/api/howdah/demo", expect=201)


def tasks_of(project: int) -> dict[str, Any]:
    """The tasks by the file that they show."""
    from tasks.models import Task  # noqa: PLC0415

    found = Task.objects.filter(project_id=project, io_storages_pachyderm_pachydermimportstoragelink__past=False)
    return {task.io_storages_pachyderm_pachydermimportstoragelink.key: task for task in found}


def test_a_demo_has_two_versions_of_pictures_and_the_tasks_mirror_the_second(demo: Any, fragile: Shelf) -> None:
    second, first = fragile.history("demo-images")
    assert (len(fragile.paths("demo-images")), first.description) == (9, "First pictures")
    changed = {f"/scene-{number:02}.jpg" for number in (2, 8, 9, 10)}
    assert set(fragile.changed("demo-images")) == changed
    tasks = tasks_of(demo["project"])
    assert len(tasks) == 10  # the removed one stays, archived
    (edited,) = tasks["/scene-02.jpg"].data.values()
    assert second.commit.id in edited


def test_a_demo_has_predictions_labels_in_two_commits_and_one_that_waits(demo: Any, fragile: Shelf, site: Site) -> None:
    tasks = tasks_of(demo["project"])
    for path, task in tasks.items():
        (prediction,) = task.predictions.all()
        assert prediction.model_version in {info.commit.id for info in fragile.history("demo-predictions")}, path
    labeled = {path for path, task in tasks.items() if task.annotations.exists()}
    assert labeled == {f"/scene-{number:02}.jpg" for number in (1, 2, 3, 4, 9)}
    assert tasks["/scene-01.jpg"].is_labeled
    assert len(fragile.history("demo-labels")) == 2
    (target,) = site.send("GET", f"/api/howdah/projects/{demo['project']}/storages")["targets"]
    assert target["pending"] == "1 annotation not yet committed"


def test_a_demo_belongs_to_who_asked_for_it_and_leads_to_its_page(demo: Any, site: Site) -> None:
    project = site.send("GET", f"/api/projects/{demo['project']}")
    assert (project["title"], project["created_by"]["id"]) == ("Demo", site.user.id)
    assert demo["url"] == f"/howdah/projects/{demo['project']}/"


def test_a_second_demo_has_a_number_and_leaves_the_first_alone(demo: Any, site: Site, fragile: Shelf) -> None:
    before = fragile.history("demo-labels")
    with override_settings(HOWDAH_ADDRESS=fragile.address):
        second = site.send("POST", "/api/howdah/demo", expect=201)
    assert (second["title"], second["repos"]["images"]) == ("Demo 2", "demo-2-images")
    assert fragile.history("demo-labels") == before


def test_without_a_store_the_reason_is_told_and_no_project_is_left(site: Site) -> None:
    before = site.send("GET", "/api/projects")["count"]
    with override_settings(HOWDAH_ADDRESS="grpc://127.0.0.1:9"):
        answer = site.send("POST", "/api/howdah/demo", expect=503)
    assert "grpc://127.0.0.1:9 does not answer" in answer["detail"]
    assert "try again" in answer["detail"]
    assert site.send("GET", "/api/projects")["count"] == before


def test_nobody_gets_a_demo_without_signing_in() -> None:
    assert Client().post("/api/howdah/demo").status_code == 401


def test_pictures_are_the_same_each_time_and_all_different() -> None:
    first = [drawings.scene(number).content for number in range(1, 11)]
    assert first == [drawings.scene(number).content for number in range(1, 11)]
    assert len(set(first)) == 10
    assert Image.open(io.BytesIO(first[0])).size == (drawings.WIDTH, drawings.HEIGHT)


def test_an_edited_picture_has_one_thing_more() -> None:
    before, after = drawings.scene(2), drawings.scene(2, edited=True)
    assert after.things[:-1] == before.things
    assert after.content != before.content


@pytest.mark.parametrize("number", range(1, 11))
def test_what_is_in_a_picture_is_within_it(number: int) -> None:
    for thing in drawings.scene(number, edited=True).things:
        assert 0 <= thing.left < thing.left + thing.width <= drawings.WIDTH
        assert 0 <= thing.top < thing.top + thing.height <= drawings.HEIGHT
