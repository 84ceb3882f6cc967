"""Every address that we add is closed to those who may not see the project, as the host's own are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from core.urls import urlpatterns as of_the_host
from django.test import Client
from django.urls import URLPattern
from io_storages.localfiles.models import LocalFilesImportStorage
from organizations.models import Organization

from howdah.labelstudio import urls
from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage, SyncReport
from howdah.labelstudio.uris import encode
from tests.labelstudio.conftest import Shelf, Site

OURS = [pattern for pattern in urls.urlpatterns if pattern not in of_the_host]
# They tell nobody anything of a project: tips, sign-up, a proof of who owns the data folder, scripts and styles.
OPEN = ("heidi-tips", "user/signup", "howdah/seen/", "howdah/assets/")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CLOSED = {302, 401, 403, 404, 405}


def filled(pattern: URLPattern, values: dict[str, Any]) -> str:
    """The path that an address pattern stands for."""
    route = str(pattern.pattern)
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", lambda found: str(values[found[1] or found[2]]), route)
    return "/" + route.lstrip("^").rstrip("$").removesuffix("/?").replace("\\", "")


class Place:
    """A project with a source and a target that were synced, and the paths of all that we tell about it."""

    def __init__(self, site: Site, shelf: Shelf) -> None:
        self.site = site
        source, target = site.source(shelf.repo(**{"a.jpg": b"secret"})), site.target(shelf.repo())
        site.sync(source)
        site.sync(target, target=True)
        self.task = site.project.tasks.get()
        reports = {
            "source": SyncReport.objects.get(source=source["id"]),
            "target": SyncReport.objects.get(target=target["id"]),
        }
        values = {"number": site.project.id, "project_id": site.project.id, "task_id": self.task.id, "export": 1}
        media = f"?fileuri={encode(next(iter(self.task.data.values())))}"
        self.paths: list[str] = []
        for pattern in OURS:
            if str(pattern.pattern).lstrip("^").startswith(OPEN):
                continue
            one = "target" if "export/pachyderm" in str(pattern.pattern) else "source"
            storage = source["id"] if one == "source" else target["id"]
            told = {**values, "pk": storage, "report": reports[one].pk}
            if "<int:pk>" in str(pattern.pattern):  # a page of a report
                told["pk"] = reports[one].pk
            path = filled(pattern, told)
            self.paths.append(
                path + (media if "/resolve/" in path or "/presign/" in path else f"?project={site.project.id}")
            )

    def state(self) -> Any:
        """What a request that should have been refused might have changed."""
        storages = [
            list(kind.objects.filter(project=self.site.project).values())
            for kind in (PachydermImportStorage, PachydermExportStorage)
        ]
        reports = SyncReport.objects.filter(source__project=self.site.project)
        return storages, self.site.project.tasks.count(), reports.count()


def asked(client: Client, method: str, path: str, project: int) -> Any:
    body = {"project": project, "title": "taken", "pach_repo": "images"}
    return client.generic(method, path, json.dumps(body), content_type="application/json")


@pytest.fixture
def place(site: Site, shelf: Shelf) -> Place:
    return Place(site, shelf)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def _is_nobodys(path: str) -> bool:
    """What is of no project: the fields of a dialog, and a new project, which the host lets all make who sign in."""
    return path.partition("?")[0].endswith(("/form", "/demo"))


def test_without_access_nothing_is_told_and_nothing_changes(place: Place, new_user: Callable[..., Any]) -> None:
    before, project = place.state(), place.site.project
    assert len(place.paths) >= 26
    removed = Site(new_user(removed=True), project, "").client
    for client in (Client(), removed):
        for path in place.paths:
            for method in METHODS:
                answer = asked(client, method, path, project.id)
                told = answer.status_code, content(answer)[:300]
                assert answer.status_code in CLOSED or (client is removed and _is_nobodys(path)), (method, path, told)
                assert b"secret" not in content(answer)
    assert place.state() == before


def test_those_who_may_are_let_in_at_the_same_addresses(place: Place) -> None:
    told = {path: place.site.get(path).status_code for path in place.paths}
    refused = {path: status for path, status in told.items() if status not in {200, 405}}
    # Pages are for those who have signed in in a browser; there is no export with that number.
    assert {status for status in refused.values()} <= {302, 404}
    assert not [path for path in refused if path.startswith("/api/storages") or "/resolve/" in path]


def test_people_of_another_organization_are_treated_as_by_the_hosts_own_storage(
    site: Site, shelf: Shelf, new_user: Callable[..., Any]
) -> None:
    ours = site.source(shelf.repo(**{"a.jpg": b"a"}))["id"]
    theirs = LocalFilesImportStorage.objects.create(project=site.project, title="theirs").pk
    stranger = new_user(removed=True)
    stranger.active_organization = Organization.create_organization(created_by=stranger, title="Others")
    stranger.save()
    client = Site(stranger, site.project, "").client
    for method, tail in (
        ("GET", "/{}"),
        ("PATCH", "/{}"),
        ("DELETE", "/{}"),
        ("POST", "/{}/sync"),
        ("GET", f"?project={site.project.id}"),
    ):
        mine = asked(client, method, "/api/storages/pachyderm" + tail.format(ours), site.project.id).status_code
        other = asked(client, method, "/api/storages/localfiles" + tail.format(theirs), site.project.id).status_code
        assert mine == other, (method, tail, mine, other)
        assert mine in (401, 403, 404)
