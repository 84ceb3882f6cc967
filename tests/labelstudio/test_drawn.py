"""Which version of its file an annotation was drawn on, from the click to the label file."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from howdah.labelstudio import drawn, host
from howdah.labelstudio.models import DrawnOn, PachydermImportStorageLink
from tests.labelstudio.conftest import BOX, Shelf, Site

FORMER = {"commit": "1" * 32, "path": "/a.jpg", "digest": "11"}


@pytest.fixture
def task(site: Site, shelf: Shelf) -> int:
    """A task that shows a file, and showed another version of it until a minute ago."""
    site.sync(site.source(shelf.repo(**{"a.jpg": b"a"})))
    key = int(site.project.tasks.get().id)
    until = datetime.now(timezone.utc) - timedelta(minutes=1)
    PachydermImportStorageLink.objects.filter(task_id=key).update(former={**FORMER, "until": until.isoformat()})
    return key


def version(annotation: int) -> dict[str, str] | None:
    return DrawnOn.objects.filter(annotation_id=annotation).values("commit", "path", "digest").first()


def test_who_began_before_the_version_changed_has_drawn_on_the_former_one(site: Site, task: int) -> None:
    assert version(site.annotate(task, lead_time=1.0)) is None
    assert version(site.annotate(task, lead_time=300.0)) == FORMER


def test_who_draws_again_has_drawn_on_the_version_that_is_shown(site: Site, task: int) -> None:
    key = site.annotate(task, lead_time=300.0)
    site.send("PATCH", f"/api/annotations/{key}", {"result": [BOX, {**BOX, "id": "b"}], "lead_time": 310.0})
    assert version(key) is None


def test_the_time_of_earlier_work_does_not_count(site: Site, task: int) -> None:
    """The host adds up the time of all work on an annotation."""
    key = site.annotate(task, lead_time=1.0)
    site.send("PATCH", f"/api/annotations/{key}", {"result": [], "lead_time": 400.0})
    assert version(key) == FORMER
    site.send("PATCH", f"/api/annotations/{key}", {"result": [BOX], "lead_time": 405.0})
    assert version(key) is None


def test_what_is_no_drawing_leaves_the_note_alone(site: Site, task: int) -> None:
    key = site.annotate(task, lead_time=300.0)
    site.send("PATCH", f"/api/annotations/{key}", {"ground_truth": True})
    annotation = host.Annotation.objects.get(pk=key)
    annotation.save(update_fields=["ground_truth"])
    assert version(key) == FORMER


def test_the_note_and_the_annotation_are_one_transaction(
    site: Site, task: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(DrawnOn.objects, "update_or_create", fail)
    with pytest.raises(RuntimeError):
        host.Annotation.objects.create(
            task_id=task, project=site.project, completed_by=site.user, result=[], lead_time=300.0
        )
    assert not host.Annotation.objects.filter(task_id=task).exists()


def test_a_clock_that_is_wrong_changes_nothing_but_the_note(site: Site, task: int) -> None:
    assert version(site.annotate(task, lead_time=1e18)) == FORMER
    assert version(site.annotate(task, lead_time=-1e18)) is None


def test_nobody_began_before_a_version_that_nothing_came_before() -> None:
    assert not drawn.is_of_former(None, datetime.now(timezone.utc))


def test_deleting_the_annotation_takes_the_note_along(site: Site, task: int) -> None:
    key = site.annotate(task, lead_time=300.0)
    site.send("DELETE", f"/api/annotations/{key}", expect=204)
    assert version(key) is None


def test_label_files_tell_the_version_shown_and_the_one_drawn_on(site: Site, shelf: Shelf) -> None:
    images, labels = shelf.repo(**{"a.jpg": b"a"}), shelf.repo()
    old = shelf.history(images)[0].commit.id
    source = site.source(images)
    site.sync(source)
    target = site.target(labels)
    task = int(site.project.tasks.get().id)
    key = site.annotate(task)
    site.sync(target, target=True)
    (told,) = [json.loads(shelf.read(labels, f"/{task}.json"))["meta"]["howdah"]]
    first = told["source"]
    assert (first["repo"], first["commit"], first["path"]) == (f"default/{images}", old, "/a.jpg")
    assert set(told) == {"source"}

    new = shelf.put(images, {"a.jpg": b"another"})
    site.sync(source)
    site.sync(target, target=True)
    told = json.loads(shelf.read(labels, f"/{task}.json"))["meta"]["howdah"]
    assert told["source"]["commit"] == new
    assert told["drawn"] == {str(key): {name: first[name] for name in ("commit", "path", "digest")}}
    description = shelf.history(labels)[0].description
    assert description.startswith("0 new, 0 changed, 0 deleted annotations\n")
    assert f"\nSource: default/{images}@{new}\n" in description

    site.send("PATCH", f"/api/annotations/{key}", {"result": [], "lead_time": 1.0})
    site.sync(target, target=True)
    assert set(json.loads(shelf.read(labels, f"/{task}.json"))["meta"]["howdah"]) == {"source"}
