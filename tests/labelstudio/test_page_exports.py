"""Exports from the page: made in the background from a label commit, downloaded or committed, by who may."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from howdah import convert
from howdah.labelstudio import exports
from howdah.labelstudio.progress import owner
from tests.labelstudio.conftest import Shelf, Site, eventually
from tests.labelstudio.test_pages import browser, page


@pytest.fixture
def labeled(site: Site, shelf: Shelf) -> Any:
    """A project with two pictures, one of them labeled and committed: its target, and the repo of labels."""
    from tasks.models import Task  # noqa: PLC0415

    pictures = shelf.repo(**{"a.jpg": b"picture a", "b.jpg": b"picture b"})
    site.sync(site.source(pictures))
    site.annotate(Task.objects.filter(project=site.project).order_by("id").values_list("id", flat=True)[0])
    repo = shelf.repo()
    target = site.target(repo)
    site.sync(target, target=True)
    return target, repo


def path(site: Site) -> str:
    return f"/api/howdah/projects/{site.project.id}/exports"


def export(site: Site, target: Any, **fields: Any) -> Any:
    """Ask for an export and wait for its end."""
    made = site.send("POST", path(site), {"target": target["id"], "format": "coco", **fields}, expect=201)

    def ended() -> Any:
        found = next(each for each in site.send("GET", path(site)) if each["id"] == made["id"])
        return found if found["status"] != "running" else None

    return eventually(ended, "the end of the export")


def content(site: Site, made: Any) -> bytes:
    """What is downloaded."""
    answer = browser(site.user).get(made["download"])
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content)


def names(archive: bytes) -> list[str]:
    return sorted(zipfile.ZipFile(io.BytesIO(archive)).namelist())


def test_an_export_is_made_in_the_background_and_downloaded(site: Site, labeled: Any) -> None:
    done = export(site, labeled[0])
    assert (done["status"], done["notice"]) == ("done", "")
    assert "1 task, 1 annotation" in done["result"]
    assert names(content(site, done)) == ["result.json"]


def test_media_go_along_and_a_commit_gives_the_same_bytes_each_time(site: Site, labeled: Any, shelf: Shelf) -> None:
    commit = shelf.history(labeled[1])[0].commit.id
    first, second = (
        content(site, export(site, labeled[0], commit=commit, media=True, format="yolo")) for _ in range(2)
    )
    assert "images/a.jpg" in names(first)
    assert first == second


def test_an_export_is_written_as_a_commit_of_a_repo_that_is_made(site: Site, labeled: Any, shelf: Shelf) -> None:
    repo = f"{labeled[1]}-out"
    done = export(site, labeled[0], to=f"{repo}@master", media=True, format="voc")
    assert (done["status"], done["download"]) == ("done", None)
    assert shelf.paths(repo) == ["/Annotations/", "/images/"] or "/images/" in shelf.paths(repo)
    assert shelf.history(repo)[0].description.startswith("voc of ")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"format": "nonsense"}, "does not fit this project: take one of"),
        ({"commit": "latest"}, "is no commit id"),
        ({"target": 0}, "no such target"),
    ],
)
def test_a_wish_that_means_nothing_is_refused_with_what_to_do(
    site: Site, labeled: Any, fields: dict[str, Any], told: str
) -> None:
    body = {"target": labeled[0]["id"], "format": "coco", **fields}
    assert told in site.send("POST", path(site), body, expect=400)["detail"]
    assert site.send("GET", path(site)) == []


def test_what_goes_wrong_later_is_told_on_the_page(site: Site, labeled: Any) -> None:
    target, repo = labeled
    gone = export(site, target, commit="0" * 12 + "4" + "0" * 19)
    assert gone["status"] == "failed"
    assert "not found" in gone["notice"]
    assert "write the export to a repo of its own" in export(site, target, to=f"{repo}@other")["notice"]


def test_files_of_repos_that_the_project_does_not_show_stay_out(site: Site, labeled: Any, shelf: Shelf) -> None:
    from tasks.models import Task  # noqa: PLC0415

    target, _ = labeled
    secret = shelf.repo(**{"secret.jpg": b"secret"})
    commit = shelf.history(secret)[0].commit.id
    task = Task.objects.create(project=site.project, data={"image": f"pfs://default/{secret}@{commit}:/secret.jpg"})
    site.annotate(task.id)
    site.sync(target, target=True)
    done = export(site, target, media=True, format="yolo")
    assert b"secret" not in content(site, done).replace(b"secret.", b"")
    assert "1 files are not in the store" in done["notice"]


def test_only_the_newest_few_are_kept_and_one_can_be_deleted(site: Site, labeled: Any) -> None:
    made = [export(site, labeled[0], format="json") for _ in range(exports.KEPT + 2)]
    kept = [each["id"] for each in site.send("GET", path(site))]
    assert kept == [each["id"] for each in made[::-1][: exports.KEPT]]
    site.send("DELETE", made[-1]["delete"], expect=204)
    assert len(site.send("GET", path(site))) == exports.KEPT - 1
    assert browser(site.user).get(made[-1]["download"]).status_code == 404


def test_an_export_that_is_deleted_while_it_is_made_ends(site: Site, labeled: Any, monkeypatch: Any) -> None:
    real = convert.export
    numbers: list[int] = []

    def deletes_itself(*args: Any) -> Any:
        numbers.extend(each["id"] for each in exports.of_project(site.project))
        exports.delete(site.project, numbers[0])
        return real(*args)

    monkeypatch.setattr(exports, "_TELL_EVERY", 0)
    monkeypatch.setattr(convert, "export", deletes_itself)
    site.send("POST", path(site), {"target": labeled[0]["id"], "format": "coco"}, expect=201)
    eventually(lambda: numbers, "the export")
    eventually(lambda: site.send("GET", path(site)) == [], "its end")


def test_one_whose_process_is_gone_shows_as_failed(site: Site, labeled: Any) -> None:
    folder = exports._folder(site.project.pk) / "1"
    folder.mkdir(parents=True)
    gone = {**owner(), "pid": 2**22 + 1}
    (folder / "state.json").write_text(json.dumps({"status": "running", "words": "coco", "owner": gone}))
    (shown,) = site.send("GET", path(site))
    assert (shown["status"], shown["notice"]) == ("failed", "The process that made it has ended. Export again.")


def test_one_that_another_process_makes_goes_on(site: Site, labeled: Any) -> None:
    folder = exports._folder(site.project.pk) / "1"
    folder.mkdir(parents=True)
    other = {**owner(), "pid": 1}
    (folder / "state.json").write_text(json.dumps({"status": "running", "words": "coco", "owner": other}))
    assert [each["status"] for each in site.send("GET", path(site))] == ["running"]


def test_the_page_offers_the_formats_that_fit_and_the_commit_of_a_report(site: Site, labeled: Any) -> None:
    shown = page(site, "?commit=" + "a" * 32)
    assert "<option>coco</option>" in shown
    assert "<option>conll2003</option>" not in shown
    assert 'value="' + "a" * 32 in shown


def test_exports_are_for_those_who_may_see_the_project(
    site: Site, labeled: Any, new_user: Callable[..., Any], shelf: Shelf
) -> None:
    done = export(site, labeled[0], format="json")
    other = Site(new_user(removed=True), site.project, shelf.address)
    assert browser(other.user).get(done["download"]).status_code == 403
    assert other.get(path(site)).status_code in {403, 404}
    assert other.client.delete(done["delete"]).status_code in {403, 404}
    assert Client().get(done["download"]).status_code == 302
    assert content(site, done)
