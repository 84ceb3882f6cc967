"""What is in a label commit: files that the host imports again, the labeling configuration, metadata."""

from __future__ import annotations

import importlib.metadata
import json
from typing import Any

import pytest

from howdah.client import metadata
from howdah.errors import Code, Invalid, Unavailable
from howdah.labelstudio import host
from tests.labelstudio.conftest import BOX, IMAGES, Shelf, Site

CONFIG = "/.howdah/labeling.xml"


def stored(shelf: Shelf, repo: str, *tasks: int) -> list[dict[str, Any]]:
    return [json.loads(shelf.read(repo, f"/{task}.json")) for task in tasks]


def test_label_studio_imports_the_files_again_unchanged(site: Site, new_site: Any, shelf: Shelf, new_user: Any) -> None:
    repo, again = shelf.repo(), shelf.repo()
    site.sync(site.source(shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})))
    tasks = [task.id for task in site.project.tasks.order_by("id")]
    other = Site(new_user(), site.project, shelf.address)
    site.annotate(tasks[0])
    other.annotate(tasks[0], was_cancelled=True, lead_time=2.5)
    other.annotate(tasks[1], result=[BOX, {**BOX, "id": "two"}], ground_truth=True)
    box = {**BOX, "score": 0.5}
    host.Prediction.objects.create(task_id=tasks[1], project=site.project, result=[box], model_version="a", score=0.5)
    site.sync(site.target(repo), target=True)
    first = stored(shelf, repo, *tasks)

    fresh = new_site(shelf.address)
    fresh.send("POST", f"/api/projects/{fresh.project.id}/import", first, expect=201)
    made = [task.id for task in fresh.project.tasks.order_by("id")]
    fresh.sync(fresh.target(again), target=True)

    def told(task: dict[str, Any]) -> Any:
        names = ("result", "was_cancelled", "ground_truth", "lead_time", "completed_by")
        annotations = [{name: each[name] for name in names} for each in task["annotations"]]
        predictions = [[each[name] for name in ("result", "score", "model_version")] for each in task["predictions"]]
        return task["data"], task["meta"], annotations, predictions

    assert [told(task) for task in stored(shelf, again, *made)] == [told(task) for task in first]
    assert first[0]["meta"]["howdah"]["source"]["path"] == "/a.jpg"


def test_labels_are_a_source_of_tasks_for_another_project(
    site: Site, new_site: Any, new_user: Any, shelf: Shelf
) -> None:
    repo = shelf.repo()
    tasks = site.add_tasks(2)
    for task in tasks:
        site.annotate(task)
    fresh = new_site(shelf.address)
    host.Annotation.objects.create(
        task_id=tasks[1], project=site.project, completed_by=new_user(removed=True), result=[]
    )
    site.sync(site.target(repo), target=True)

    synced = fresh.sync(fresh.source(repo, use_blob_urls=False, regex_filter=r".*\.json"))

    assert (synced["status"], synced["last_sync_count"]) == ("completed", 2), synced["traceback"]
    made = host.Annotation.objects.filter(project=fresh.project).order_by("task__inner_id", "id")
    told = [(each.result, each.completed_by) for each in made]
    assert told == [([BOX], site.user), ([BOX], site.user), ([], None)]


def test_the_same_state_gives_the_same_bytes(site: Site, shelf: Shelf) -> None:
    one, two = shelf.repo(), shelf.repo()
    tasks = site.add_tasks(3)
    for task in reversed(tasks):
        site.annotate(task)
    target = site.target(one)
    site.sync(target, target=True)
    site.sync(site.target(two), target=True)
    for task in tasks:
        assert shelf.read(one, f"/{task}.json") == shelf.read(two, f"/{task}.json")


def test_the_counts_of_a_task_are_of_the_annotations_in_its_file(site: Site, shelf: Shelf) -> None:
    """The host writes its counts after the annotation; a commit may be made in between."""
    repo = shelf.repo()
    (task,) = site.add_tasks(1)
    site.annotate(task)
    site.annotate(task, was_cancelled=True)
    host.Task.objects.filter(pk=task).update(total_annotations=0, cancelled_annotations=0)
    site.sync(site.target(repo), target=True)
    (told,) = stored(shelf, repo, task)
    assert (told["total_annotations"], told["cancelled_annotations"]) == (1, 1)


def test_the_configuration_is_written_with_the_labels_and_when_it_changed(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    assert site.sync(target, target=True)["last_sync_count"] == 0
    assert shelf.history(repo) == []
    site.annotate(*site.add_tasks(1))
    site.sync(target, target=True)
    assert shelf.read(repo, CONFIG).decode() == IMAGES

    changed = IMAGES.replace('"Dog"', '"Wolf"')
    site.send("PATCH", f"/api/projects/{site.project.id}", {"label_config": changed})
    assert site.sync(target, target=True)["last_sync_count"] == 0
    assert shelf.read(repo, CONFIG).decode() == changed
    head, first = shelf.history(repo)
    assert head.description.splitlines()[0] == "0 new, 0 changed, 0 deleted annotations"
    assert "Files: 1 written, 0 removed" in head.description
    assert shelf.read(repo, CONFIG, first.commit.id).decode() == IMAGES

    site.sync(target, target=True)
    assert len(shelf.history(repo)) == 2


def test_a_commit_tells_scripts_what_it_tells_people(site: Site, shelf: Shelf, new_user: Any) -> None:
    images, repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"}), shelf.repo()
    site.sync(site.source(images))
    target = site.target(repo)
    first, second = (task.id for task in site.project.tasks.order_by("id"))
    other = Site(new_user(), site.project, shelf.address)
    changed = site.annotate(first)
    deleted = other.annotate(first)
    site.sync(target, target=True)
    site.send("PATCH", f"/api/annotations/{changed}", {"lead_time": 3.0})
    other.send("DELETE", f"/api/annotations/{deleted}", expect=204)
    other.annotate(second)
    other.annotate(second, was_cancelled=True)

    assert site.sync(target, target=True)["last_sync_count"] == 4

    info = shelf.history(repo)[0]
    told = dict(info.metadata)
    assert info.description.splitlines()[0] == "1 new, 1 changed, 1 deleted annotations, 1 skipped"
    assert [told[name] for name in ("new", "changed", "deleted", "skipped")] == ["1", "1", "1", "1"]
    assert json.loads(told["people"]) == sorted(
        [
            {"email": site.user.email, "id": site.user.id, "new": 0, "changed": 1, "deleted": 0, "skipped": 0},
            {"email": other.user.email, "id": other.user.id, "new": 1, "changed": 0, "deleted": 1, "skipped": 1},
        ],
        key=lambda each: each["email"],
    )
    assert json.loads(told["sources"]) == [f"default/{images}@{shelf.history(images)[0].commit.id}"]
    assert (told["project"], told["title"]) == (str(site.project.id), site.project.title)
    assert told["label-studio"] == importlib.metadata.version("label-studio")
    assert told["howdah"] == importlib.metadata.version("howdah")


def test_a_store_without_metadata_gets_the_labels_all_the_same(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise Invalid("unknown service metadata.API", code=Code.UNIMPLEMENTED)

    repo = shelf.repo()
    target = site.target(repo)
    site.annotate(*site.add_tasks(1))
    monkeypatch.setattr(metadata, "edit", refuse)
    assert site.sync(target, target=True)["status"] == "completed"
    assert shelf.history(repo)[0].metadata == {}


def test_a_store_that_goes_away_at_the_metadata_fails_the_sync(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go_away(*_: Any) -> None:
        raise Unavailable("the store does not answer")

    repo = shelf.repo()
    target = site.target(repo)
    site.annotate(*site.add_tasks(1))
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "edit", go_away)
        assert site.sync(target, target=True)["status"] == "failed"
    assert site.sync(target, target=True)["last_sync_count"] == 1
    assert shelf.history(repo)[0].metadata["new"] == "1"


def test_a_report_tells_the_counts(site: Site, shelf: Shelf) -> None:
    from howdah.labelstudio.models import SyncReport  # noqa: PLC0415

    repo = shelf.repo()
    target = site.target(repo)
    (task,) = site.add_tasks(1)
    site.annotate(task)
    site.annotate(task, was_cancelled=True)
    site.sync(target, target=True)
    report = SyncReport.objects.get(target=target["id"])
    assert report.counts == {"new": 1, "skipped": 1, "files_written": 2}
    assert (report.before, report.commit) == ("", shelf.history(repo)[0].commit.id)
