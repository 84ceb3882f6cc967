"""What people see: the states of storages, the page "Data and labels", reports; and who may see them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.urls import set_script_prefix
from django.utils import timezone

from howdah.client import repos
from howdah.labelstudio import checks, pages, states
from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage, SyncReport
from howdah.names import parse_repo
from tests.labelstudio.conftest import Shelf, Site

SOURCE, TARGET = "/api/storages/pachyderm", "/api/storages/export/pachyderm"


def browser(user: Any) -> Client:
    """A browser that somebody is signed in with."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["last_login"] = time.time()
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key  # the host keeps sessions in cookies
    return client


def told(site: Site) -> Any:
    """The states of the project's storages, as the card asks for them."""
    return site.send("GET", f"/api/howdah/projects/{site.project.id}/storages")


def page(site: Site, path: str = "") -> str:
    """A page of the project, as its person sees it."""
    answer = browser(site.user).get(f"/howdah/projects/{site.project.id}/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def report(site: Site, source: Any, **fields: Any) -> SyncReport:
    """A report of a source's Sync."""
    row = {"began": timezone.now(), "status": "completed", **fields}
    return SyncReport.objects.create(source_id=source["id"], **row)


def test_a_source_tells_its_repo_tasks_and_the_commit_that_they_mirror(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    site.sync(site.source(repo))
    (source,) = told(site)["sources"]
    facts = dict(source["facts"])
    assert (facts["Repo"], facts["Status"], facts["Tasks"]) == (f"{repo}@master", "Completed", "2 (2 new)")
    assert facts["Commit"] == shelf.history(repo)[0].commit.id
    assert source["last_sync"] is not None
    assert source["notice"] == ""


def test_a_source_tells_when_its_branch_has_moved_or_its_store_is_away(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source = site.source(repo)
    site.sync(source)
    path = f"/api/howdah/projects/{site.project.id}/storages/heads"
    assert site.send("GET", path) == {}
    shelf.put(repo, {"b.jpg": b"b"})
    assert "has moved" in site.send("GET", path)[str(source["id"])]
    repos.delete(shelf.conn, parse_repo(repo))
    assert f"create it: howdah create repo {repo}" in site.send("GET", path)[str(source["id"])]


def test_a_target_tells_how_many_annotations_are_not_committed_and_its_last_commit(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    tasks = site.add_tasks(3)
    site.annotate(tasks[0])
    target = site.target(repo)
    assert told(site)["targets"][0]["pending"] == "1 annotation not yet committed"
    site.sync(target, target=True)
    (done,) = told(site)["targets"]
    assert done["pending"] == ""
    assert dict(done["facts"])["Commit"] == shelf.history(repo)[0].commit.id
    for task in tasks[1:]:
        site.annotate(task)
    assert told(site)["targets"][0]["pending"] == "2 annotations not yet committed"


def test_a_run_under_way_tells_found_done_and_rate(site: Site, shelf: Shelf) -> None:
    made = site.source(shelf.repo(**{"a.jpg": b"a"}))
    source = PachydermImportStorage.objects.get(pk=made["id"])
    progress = source._claim()
    progress.begin()
    progress.found(12000)
    progress.step(1500)
    progress._ping()
    (now,) = told(site)["sources"]
    assert now["running"]
    assert re.fullmatch(r"1,500 of 12,000 done, [\d,]+ a second", now["progress"]["words"])
    site.send("POST", now["cancel"])
    progress.stop()
    (after,) = told(site)["sources"]
    assert (after["running"], after["notice"][:12]) == (False, "Cancelled by")


def test_a_failure_and_files_with_problems_are_told_in_short(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.json": b"no json", "b.json": b"[]"})
    site.sync(site.source(repo, use_blob_urls=False))
    assert told(site)["sources"][0]["notice"].startswith("1 file with problems, all others are in. /a.json: ")
    repos.delete(shelf.conn, parse_repo(repo))
    site.send("POST", told(site)["sources"][0]["sync"])
    assert told(site)["sources"][0]["notice"].startswith(f"Repo default/{repo} not found")


def test_rules_of_sync_and_commit_are_told(site: Site, shelf: Shelf) -> None:
    source = PachydermImportStorage(project=site.project, pach_repo="a", auto_sync=True)
    target = PachydermExportStorage(project=site.project, pach_repo="b", commit_when="every", every_minutes=5)
    source.save()
    target.save()
    shown = told(site)
    assert dict(shown["sources"][0]["facts"])["When"] == "Whenever the branch moves"
    assert dict(shown["targets"][0]["facts"])["When"] == "Every 5 minutes"


def test_the_page_of_an_empty_project_says_what_to_do_with_the_very_commands(site: Site) -> None:
    shown = page(site)
    assert "howdah put file images@master:/photo.jpg -f photo.jpg" in shown
    assert f"/projects/{site.project.id}/settings/storage?open=source" in shown
    assert "howdah list commit labels@master" in shown
    assert 'data-howdah-do="demo"' in shown


def test_the_page_shows_storages_and_the_last_reports(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source = site.source(repo, title="<Photographs>")
    site.sync(source)
    shown = page(site)
    assert "&lt;Photographs&gt;" in shown
    assert f'data-howdah-storage="source-{source["id"]}"' in shown
    assert f"{repo}@master" in shown
    assert "Source &lt;Photographs&gt;" in shown
    assert site.user.email in shown


def test_a_report_tells_counts_commits_and_why(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    row = report(
        site, source, status="failed", counts={"added": 1200, "moved": 0}, before="c" * 32, message="Disk is full"
    )
    shown = page(site, f"reports/{row.pk}/")
    assert "1,200 added" in shown
    assert "moved" not in shown
    assert "c" * 32 in shown
    assert "Disk is full" in shown


def test_problems_of_a_report_are_searched_and_paged(site: Site, shelf: Shelf) -> None:
    problems = [{"file": f"/{n}.json", "why": "is <no> JSON" if n % 2 else "too large"} for n in range(250)]
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    row = report(site, source, status="completed_with_errors", problems=problems)
    path = f"reports/{row.pk}/"
    assert "Page 1 of 3" in page(site, path)
    assert "/249.json" in page(site, f"{path}?page=3")
    found = page(site, f"{path}?q=JSON&page=2")
    assert "125" not in re.findall(r"/(\d+)\.json", page(site, f"{path}?q=too+large"))
    assert "is &lt;no&gt; JSON" in found
    assert "250 of 250" in found  # each file's name has it too


def test_reports_are_listed_newest_first_page_by_page(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    rows = [report(site, source, counts={"added": n}, problems=[{"file": "/a", "why": "b"}]) for n in range(3)]
    path = f"{SOURCE}/{source['id']}/reports"
    first = site.send("GET", f"{path}?page_size=2")
    assert [each["id"] for each in first["results"]] == [rows[2].pk, rows[1].pk]
    assert first["count"] == 3
    assert [each["id"] for each in site.send("GET", f"{path}/?page_size=2&page=2")["results"]] == [rows[0].pk]
    one = site.send("GET", f"{path}/{rows[1].pk}")
    assert (one["counts"], one["problems"]) == ({"added": 1}, [{"file": "/a", "why": "b"}])


def test_reports_of_another_storage_are_not_found(site: Site, shelf: Shelf) -> None:
    mine, other = (site.source(shelf.repo(**{"a.jpg": b"a"})) for _ in range(2))
    row = report(site, other)
    site.send("GET", f"{SOURCE}/{mine['id']}/reports/{row.pk}", expect=404)
    target = site.target(shelf.repo())
    site.send("GET", f"{TARGET}/{target['id']}/reports/{row.pk}", expect=404)
    assert site.send("GET", f"{TARGET}/{target['id']}/reports")["results"] == []


def test_people_without_the_project_see_none_of_it(site: Site, shelf: Shelf, new_user: Callable[..., Any]) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    row = report(site, source)
    other = Site(new_user(removed=True), site.project, shelf.address)
    client = browser(other.user)
    paths = [f"/howdah/projects/{site.project.id}/", f"/howdah/projects/{site.project.id}/reports/{row.pk}/"]
    api = [f"/api/howdah/projects/{site.project.id}/storages", f"{SOURCE}/{source['id']}/reports"]
    api += [f"{api[0]}/heads", f"{api[1]}/{row.pk}"]
    assert [client.get(path).status_code for path in paths] == [403, 403]
    assert {other.get(path).status_code for path in api} <= {403, 404}
    assert [Client().get(path).status_code for path in paths] == [302, 302]
    assert {Client().get(path).status_code for path in api} == {401}


def test_the_script_is_on_the_hosts_pages_and_only_its_own_name_is_served(site: Site) -> None:
    client = browser(site.user)
    shown = client.get(f"/projects/{site.project.id}/settings/storage").content.decode()
    assert '<script src="/howdah/assets/howdah.js" defer' in shown
    script = client.get("/howdah/assets/howdah.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert client.get("/howdah/assets/howdah.js", headers={"If-None-Match": script["ETag"]}).status_code == 304
    assert client.get("/howdah/assets/base.html").status_code == 404
    assert client.get("/howdah/assets/..").status_code == 404


def test_the_script_is_found_under_a_path_of_the_public_url() -> None:
    set_script_prefix("/label/")
    try:
        shown = render_to_string("howdah/assets.html", {}, RequestFactory().get("/"))
    finally:
        set_script_prefix("/")
    assert 'src="/label/howdah/assets/howdah.js"' in shown


@pytest.mark.parametrize("policy", ["Content-Security-Policy", "Content-Security-Policy-Report-Only"])
def test_our_page_keeps_the_hosts_policy_for_scripts(site: Site, policy: str) -> None:
    with override_settings(CSP_REPORT_ONLY=policy.endswith("Only")):
        answer = browser(site.user).get(f"/howdah/projects/{site.project.id}/")
    assert "script-src 'self'" in answer[policy]
    ours = re.findall(r"<script(.*?)>", answer.content.decode())
    inert = 'type="application/json"'
    assert all("howdah/assets" in each or "nonce" in each or inert in each or not each.strip() for each in ours)


def test_counts_are_told_in_words() -> None:
    assert pages.counts({"added": 1200, "moved": 0, "files_changed": 3}) == "1,200 added, 3 files changed"
    assert pages.counts({"files_written": 1, "problems": 1, "moved": 1}) == "1 file written, 1 problem, 1 moved"
    assert pages.counts({}) == "nothing to do"
    assert states.words("completed_with_errors") == "Completed with errors"


def test_a_host_whose_pages_our_script_does_not_know_is_told_at_the_start(tmp_path: Path) -> None:
    assert checks.check_pages() == []
    (tmp_path / "main.js").write_text('cn("storage-settings"); "Create new project"', "utf-8")
    with override_settings(REACT_APP_ROOT=str(tmp_path)):
        (problem,) = checks.check_pages()
    assert problem.id == "howdah.W003"
    assert "its pages know no menu-header" in problem.msg
