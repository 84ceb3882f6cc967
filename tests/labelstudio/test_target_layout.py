"""Where label files are, and what is written when the layout or the place changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from howdah.client import files
from howdah.labelstudio.models import PachydermImportStorageLink
from howdah.names import Commit, File, parse_repo
from tests.labelstudio.conftest import Shelf, Site

TARGETS = "/api/storages/export/pachyderm"


def tree(shelf: Shelf, repo: str) -> list[str]:
    """Every file of master's head, the labeling configuration as well."""
    head = Commit(parse_repo(repo), "master")
    return [path for path, content in files.get_tree(shelf.conn, File(head, "/")) if content is not None]


def labels(shelf: Shelf, repo: str) -> list[str]:
    return [path for path in tree(shelf, repo) if "/.howdah/" not in path]


def change(site: Site, target: Any, **fields: Any) -> Any:
    """Edit the target and Sync it."""
    site.send("PATCH", f"{TARGETS}/{target['id']}", fields)
    synced = site.sync(target, target=True)
    assert synced["status"] == "completed", synced["traceback"]
    return synced


@pytest.fixture
def pictures(site: Site, shelf: Shelf) -> str:
    """A repo whose files are tasks, each annotated."""
    repo = shelf.repo(**{"a/dog.jpg": b"1", "cat.jpg": b"2"})
    site.sync(site.source(repo))
    for task in site.project.tasks.order_by("id"):
        site.annotate(task.id)
    return repo


def test_files_mirror_the_source(site: Site, shelf: Shelf, pictures: str) -> None:
    repo = shelf.repo()
    (bare,) = site.add_tasks(1)
    site.annotate(bare)
    site.sync(site.target(repo, layout="source", prefix="in"), target=True)

    assert tree(shelf, repo) == [
        "/in/.howdah/labeling.xml", f"/in/_tasks/{bare}.json", "/in/a/dog.jpg.json", "/in/cat.jpg.json"
    ]  # fmt: skip
    stored = json.loads(shelf.read(repo, "/in/cat.jpg.json"))
    assert stored["meta"]["howdah"]["source"]["path"] == "/cat.jpg"


def test_rows_of_a_file_are_files_of_a_folder(site: Site, shelf: Shelf) -> None:
    rows = b'{"image": "/1.jpg"}\n{"image": "/2.jpg"}\n'
    site.sync(site.source(shelf.repo(**{"rows.jsonl": rows}), use_blob_urls=False))
    for task in site.project.tasks.all():
        site.annotate(task.id)
    repo = shelf.repo()
    site.sync(site.target(repo, layout="source"), target=True)
    first = PachydermImportStorageLink.objects.filter(task__project=site.project).order_by("row_index").first()
    assert first is not None
    start = first.row_index
    assert labels(shelf, repo) == [f"/rows.jsonl/{start}.json", f"/rows.jsonl/{start + 1}.json"]


def test_a_file_follows_its_source_when_that_is_renamed(site: Site, shelf: Shelf, pictures: str) -> None:
    repo = shelf.repo()
    target = site.target(repo, layout="source")
    site.sync(target, target=True)
    source = site.get(f"/api/storages/pachyderm?project={site.project.id}").json()[0]
    shelf.put(pictures, {"b/wolf.jpg": b"1"}, delete=("/a/dog.jpg",))
    site.sync(source)

    site.sync(target, target=True)

    assert labels(shelf, repo) == ["/b/wolf.jpg.json", "/cat.jpg.json"]
    assert shelf.history(repo)[0].description.splitlines()[0] == "0 new, 0 changed, 0 deleted annotations"
    assert "Files: 1 written, 1 removed" in shelf.history(repo)[0].description


def test_deleting_a_task_deletes_its_file(site: Site, shelf: Shelf, pictures: str) -> None:
    repo = shelf.repo()
    target = site.target(repo, layout="source")
    site.sync(target, target=True)
    link = PachydermImportStorageLink.objects.get(task__project=site.project, key="/cat.jpg")
    site.send("DELETE", f"/api/tasks/{link.task_id}", expect=204)
    site.sync(target, target=True)
    assert labels(shelf, repo) == ["/a/dog.jpg.json"]


def test_two_sources_with_equal_paths_are_both_kept(site: Site, shelf: Shelf, pictures: str) -> None:
    repo = shelf.repo()
    target = site.target(repo, layout="source")
    site.sync(target, target=True)
    site.sync(site.source(shelf.repo(**{"cat.jpg": b"another"})))
    last = site.project.tasks.order_by("-id").first()
    site.annotate(last.id)

    site.sync(target, target=True)

    assert labels(shelf, repo) == ["/a/dog.jpg.json", f"/cat.{'jpg'}.{last.id}.json", "/cat.jpg.json"]
    again = shelf.repo()
    site.sync(site.target(again, layout="source"), target=True)
    assert labels(shelf, again) == labels(shelf, repo)


def test_another_layout_moves_the_files_and_counts_nothing(site: Site, shelf: Shelf, pictures: str) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.sync(target, target=True)
    by_task = labels(shelf, repo)

    synced = change(site, target, layout="source")

    assert synced["last_sync_count"] == 0
    assert labels(shelf, repo) == ["/a/dog.jpg.json", "/cat.jpg.json"]
    change(site, target, layout="task")
    assert labels(shelf, repo) == by_task
    change(site, target, prefix="deep")
    assert tree(shelf, repo) == ["/deep/.howdah/labeling.xml", *(f"/deep{path}" for path in by_task)]


def test_what_happened_since_is_counted_with_the_move(site: Site, shelf: Shelf, pictures: str) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.sync(target, target=True)
    site.annotate(*site.add_tasks(1))
    assert change(site, target, layout="source")["last_sync_count"] == 1
    assert shelf.history(repo)[0].description.startswith("1 new, 0 changed, 0 deleted annotations\n")


def test_writing_everything_again_makes_no_commit_where_nothing_differs(
    site: Site, shelf: Shelf, pictures: str
) -> None:
    one, two = shelf.repo(), shelf.repo()
    target = site.target(one)
    site.sync(target, target=True)
    change(site, target, pach_repo=two)

    back = change(site, target, pach_repo=one)

    assert back["last_sync_count"] == 0
    assert len(shelf.history(one)) == 1
    assert back["pending"] == 0
    assert site.sync(target, target=True)["last_sync_count"] == 0
    assert len(shelf.history(one)) == 1


def test_a_target_that_comes_back_takes_its_old_files_away_and_no_others(
    site: Site, shelf: Shelf, pictures: str
) -> None:
    one, two = shelf.repo(), shelf.repo()
    target = site.target(one)
    site.sync(target, target=True)
    change(site, target, pach_repo=two)
    shelf.put(one, {"/999999.json": b"{}", "/somebody/else.json": b"{}"})
    gone, kept = site.project.tasks.order_by("id")
    site.send("DELETE", f"/api/tasks/{gone.id}", expect=204)
    site.sync(target, target=True)

    change(site, target, pach_repo=one)

    assert labels(shelf, one) == sorted([f"/{kept.id}.json", "/999999.json", "/somebody/else.json"])
    assert shelf.changed(one) == [f"/{gone.id}.json"]


def test_a_commit_that_was_deleted_is_made_again(site: Site, shelf: Shelf, pictures: str) -> None:
    from howdah.client import commits  # noqa: PLC0415

    repo = shelf.repo()
    target = site.target(repo)
    site.sync(target, target=True)
    before = tree(shelf, repo)
    commits.drop_set(shelf.conn, shelf.history(repo)[0].commit.id)

    assert site.sync(target, target=True)["last_sync_count"] == 2
    assert tree(shelf, repo) == before


def test_only_what_differs_is_written(site: Site, shelf: Shelf, pictures: str) -> None:
    one, two = shelf.repo(), shelf.repo()
    target = site.target(one)
    site.sync(target, target=True)
    change(site, target, pach_repo=two)
    first = site.project.tasks.order_by("id").first()
    site.send("PATCH", f"/api/annotations/{first.annotations.get().id}", {"lead_time": 5.0})
    site.sync(target, target=True)

    change(site, target, pach_repo=one)

    assert shelf.changed(one) == [f"/{first.id}.json"]
    assert shelf.history(one)[0].description.startswith("0 new, 1 changed, 0 deleted annotations\n")


def test_large_files_are_compared_as_well(site: Site, shelf: Shelf) -> None:
    """They are several chunks in the store, and their digest is told from the chunks'."""
    one, two = shelf.repo(), shelf.repo()
    (task,) = site.add_tasks(1)
    result = [{"id": str(n), "type": "brushlabels", "value": {"rle": [n % 251] * 100}} for n in range(9000)]
    from howdah.labelstudio import host  # noqa: PLC0415

    host.Annotation.objects.create(task_id=task, project=site.project, completed_by=site.user, result=result)
    target = site.target(one)
    site.sync(target, target=True)
    assert len(shelf.read(one, f"/{task}.json")) > 2_000_000
    change(site, target, pach_repo=two)
    change(site, target, pach_repo=one)
    assert len(shelf.history(one)) == 1


def test_a_store_with_digests_of_its_own_is_read_to_compare(
    site: Site, shelf: Shelf, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from howdah.client.channel import Connection  # noqa: PLC0415

    monkeypatch.setattr(Connection, "offers_bulk", lambda _: False)
    one, two = shelf.repo(), shelf.repo()
    target = site.target(one)
    site.sync(target, target=True)
    change(site, target, pach_repo=two)
    change(site, target, pach_repo=one)
    assert len(shelf.history(one)) == 1
    assert len(labels(shelf, one)) == 2
