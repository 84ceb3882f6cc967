"""A project shows what its sources select, and an address that is made up gives nothing else of the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from howdah.client import branches
from howdah.labelstudio.uris import encode
from howdah.names import Commit, parse_branch, parse_repo
from tests.labelstudio.conftest import PASSWORD, Shelf, Site
from tests.labelstudio.test_media import body


class Shown:
    """A project with one source, and a folder of its repo that the source does not select."""

    def __init__(self, site: Site, shelf: Shelf, **fields: Any) -> None:
        self.site, self.shelf = site, shelf
        self.repo = shelf.repo()
        self.before = shelf.put(self.repo, {"shown/a.jpg": b"before", "hidden/b.jpg": b"hidden", "shown/n.txt": b"n"})
        self.now = shelf.put(self.repo, {"shown/a.jpg": b"now"})
        self.source = site.source(self.repo, prefix="shown", regex_filter=r".*\.jpg", **fields)
        site.sync(self.source)
        self.task = site.project.tasks.get()

    def get(self, uri: str, place: str = "") -> Any:
        """The answer for an address at the task's path, or at another place."""
        return self.site.get(f"{place or f'/tasks/{self.task.id}'}/resolve/?fileuri={encode(uri)}")

    def uri(self, commit: str, path: str = "/shown/a.jpg") -> str:
        return f"pfs://default/{self.repo}@{commit}:{path}"

    def aside(self) -> str:
        """A commit on a branch that no source is of."""
        parent = Commit(parse_repo(self.repo), self.before)
        branches.create(self.shelf.conn, parse_branch(f"{self.repo}@aside"), head=parent)
        return self.shelf.put(self.repo, {"shown/a.jpg": b"secret"}, branch="aside")


def signed_in(browser: Client, user: Any) -> None:
    """As a person does it, in a browser."""
    browser.get("/user/login/")
    form = {"email": user.email, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    assert browser.post("/user/login/", form).status_code == 302


@pytest.fixture
def shown(site: Site, shelf: Shelf) -> Shown:
    return Shown(site, shelf)


@pytest.mark.parametrize("place", ["", "project"])
def test_versions_of_the_sources_branch_are_shown(shown: Shown, place: str) -> None:
    place = place and f"/projects/{shown.site.project.id}"
    assert body(shown.get(shown.uri(shown.now), place)) == b"now"
    assert body(shown.get(shown.uri(shown.before), place)) == b"before"
    assert body(shown.get(shown.uri("master"), place)) == b"now"


@pytest.mark.parametrize("place", ["", "project"])
def test_nothing_else_of_the_store_is(shown: Shown, place: str) -> None:
    place = place and f"/projects/{shown.site.project.id}"
    other = shown.shelf.repo(**{"shown/a.jpg": b"secret"})
    refused = [
        f"pfs://default/{other}@master:/shown/a.jpg",
        f"pfs://other/{shown.repo}@master:/shown/a.jpg",
        f"pfs://{shown.repo}@master:/shown/a.jpg",
        f"s3://{shown.repo}/shown/a.jpg",
        shown.uri(shown.aside()),
        shown.uri("aside"),
        shown.uri("master^"),
        shown.uri("0" * 12 + "4" + "0" * 19),
        shown.uri(shown.now, "/hidden/b.jpg"),
        shown.uri(shown.now, "/shown/../hidden/b.jpg"),
        shown.uri(shown.now, "/shown/n.txt"),
        shown.uri(shown.now, "/shown/*.jpg"),
    ]
    for uri in refused:
        answer = shown.get(uri, place)
        assert answer.status_code in (400, 404), (uri, answer.status_code)
        assert b"secret" not in body(answer)


def test_a_source_of_one_commit_shows_no_other(site: Site, shelf: Shelf) -> None:
    shown = Shown(site, shelf)
    site.send("PATCH", f"/api/storages/pachyderm/{shown.source['id']}", {"pach_commit": shown.now})
    assert shown.get(shown.uri(shown.now)).status_code == 200
    assert shown.get(shown.uri(shown.before)).status_code == 404
    assert shown.get(shown.uri("master")).status_code == 404


def test_what_a_task_names_is_shown_wherever_it_lies_in_the_repo(shown: Shown) -> None:
    uri = shown.uri(shown.now, "/hidden/b.jpg")
    shown.task.data["other"] = f"<img src='{uri}'>"
    shown.task.save()
    assert body(shown.get(uri)) == b"hidden"
    assert shown.get(uri, f"/projects/{shown.site.project.id}").status_code == 404


def test_another_projects_source_counts_for_nothing(shown: Shown, new_site: Callable[..., Site]) -> None:
    other = new_site(shown.shelf.address)
    (task,) = other.add_tasks(1)
    assert shown.get(shown.uri(shown.now), f"/tasks/{task}").status_code == 404
    assert shown.get(shown.uri(shown.now), "/tasks/999999999").status_code == 404


def test_people_without_access_get_nothing(shown: Shown, new_user: Callable[..., Any]) -> None:
    uri, place = shown.uri(shown.now), f"/tasks/{shown.task.id}"
    path = f"{place}/resolve/?fileuri={encode(uri)}"
    assert Client().get(path).status_code == 401
    stranger = new_user(removed=True)
    assert Site(stranger, shown.site.project, "").get(path).status_code == 403
    member, browser = new_user(), Client()
    signed_in(browser, member)
    assert browser.get(path).status_code == 200
    member.active_organization.organizationmember_set.filter(user=member).update(deleted_at=timezone.now())
    assert browser.get(path).status_code in (302, 401, 403)
    browser = Client()
    signed_in(browser, shown.site.user)
    assert browser.get(path).status_code == 200
    browser.get("/logout/")
    assert browser.get(path).status_code == 401
