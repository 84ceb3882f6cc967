"""A demo project in a few seconds: drawn pictures in two versions, predictions, labels and label commits.

It shows what a person would do over days: pictures put and synced, a model's predictions, some labels committed, then
a second version that edits one picture, adds two and removes one, and one label more that waits to be committed. All
goes through the same verbs as a person's clicks. Each demo has repos of its own, numbered: none is written to twice.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from howdah.client import commits, files, repos
from howdah.client.channel import Connection
from howdah.errors import AlreadyExists, HowdahError, Unavailable
from howdah.labelstudio import drawings, host, probing
from howdah.labelstudio.drawings import Scene, Thing
from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage
from howdah.names import Branch, parse_branch, parse_repo

FIRST, EDITED, REMOVED, LATER = range(1, 9), 2, 8, (9, 10)
WAIT = 60.0

CONFIG = """<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="label" toName="image">
    <Label value="House" background="#cd5c5c"/>
    <Label value="Tree" background="#2e8b57"/>
    <Label value="Car" background="#4682b4"/>
    <Label value="Balloon" background="#daa520"/>
  </RectangleLabels>
</View>"""
ABOUT = "Drawn pictures in two versions, predictions, labels and two commits of them. Delete it when you have seen it."


class NoStore(APIException):
    """The store did not do what the demo needs."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE


class Demo(APIView):
    """Make a demo project."""

    permission_required = host.all_permissions.projects_create

    def post(self, request: Request) -> Response:
        """`{"project", "title", "url", "repos"}`; 503 with the reason when the store does not do its part."""
        try:
            made = make(request.user)
        except HowdahError as error:
            raise NoStore(f"{error}. Nothing is left of this demo in Label Studio; try again.") from error
        url = reverse("howdah-project", args=[made.project.pk])
        told = {"project": made.project.pk, "title": made.project.title, "url": url, "repos": made.repos}
        return Response(told, status=status.HTTP_201_CREATED)


def make(user: Any) -> _Demo:
    """A new demo project of this person; raises a `HowdahError`, and then there is none."""
    conn = PachydermImportStorage().connect()
    number, names = probing.with_reasons(_new_repos, conn, str(conn.address))
    project = host.Project.objects.create(
        title="Demo" if number == 1 else f"Demo {number}",
        description=ABOUT,
        created_by=user,
        organization=user.active_organization,
        label_config=CONFIG,
    )
    demo = _Demo(user, project, conn, names)
    try:
        demo.fill()
    except Exception:
        project.delete()
        raise
    return demo


def _new_repos(conn: Connection) -> tuple[int, dict[str, str]]:
    """The first number that is free, and the repos of that name, made."""
    for number in itertools.count(1):
        stem = "demo" if number == 1 else f"demo-{number}"
        names = {part: f"{stem}-{part}" for part in ("images", "predictions", "labels")}
        try:
            repos.create(conn, parse_repo(names["images"]), "Pictures of a demo project")
        except AlreadyExists:
            continue
        repos.create(conn, parse_repo(names["predictions"]), "Predictions of a demo project")
        return number, names
    raise AssertionError


class _Demo:
    """One demo project while it is filled."""

    def __init__(self, user: Any, project: Any, conn: Connection, names: dict[str, str]) -> None:
        self.project = project
        self.repos = names
        self._user = user
        self._conn = conn
        self._scenes: dict[int, Scene] = {}

    def fill(self) -> None:
        """All that a demo has, in the order in which people would have done it."""
        self._put("First pictures", {number: drawings.scene(number) for number in FIRST})
        self._predict(*FIRST)
        source = PachydermImportStorage.objects.create(
            project=self.project,
            title="Pictures",
            pach_repo=f"{self.repos['images']}@master",
            pach_predictions=f"{self.repos['predictions']}@master",
            regex_filter=r".*\.jpg",
        )
        target = PachydermExportStorage.objects.create(
            project=self.project, title="Labels", pach_repo=f"{self.repos['labels']}@master"
        )
        _sync(source)
        self._label(1, EDITED, 3)
        _sync(target)
        later = {number: drawings.scene(number) for number in LATER}
        edited = {EDITED: drawings.scene(EDITED, edited=True)}
        self._put("One picture edited, two added, one removed", later | edited, remove=REMOVED)
        self._predict(*LATER)
        _sync(source)
        self._label(LATER[0])
        _sync(target)
        self._label(4)

    def _put(self, description: str, scenes: dict[int, Scene], *, remove: int = 0) -> None:
        self._scenes |= scenes
        content = {_path(number): scene.content for number, scene in scenes.items()}
        _commit(self._conn, parse_branch(self.repos["images"]), description, content, _path(remove) if remove else "")

    def _predict(self, *numbers: int) -> None:
        """What a model might have said: near the truth, one thing in ten missed, more or less sure."""
        content = {}
        for number in numbers:
            chance = random.Random(number + 2000)  # noqa: S311
            things = [thing for thing in drawings.scene(number).things if chance.random() > 0.1]
            regions = [_region(_near(thing, chance), place) for place, thing in enumerate(things)]
            score = round(chance.uniform(0.6, 0.97), 2)
            content[f"{_path(number)}.json"] = json.dumps({"result": regions, "score": score}).encode()
        _commit(self._conn, parse_branch(self.repos["predictions"]), "Predictions of a model", content)

    def _label(self, *numbers: int) -> None:
        """What the person would have drawn."""
        tasks = {_path(number): number for number in numbers}
        links = host.Task.objects.filter(project=self.project).values_list("pk", f"{host.LINK_NAME}__key")
        for pk, key in links.order_by("pk"):
            if key in tasks:
                things = self._scenes[tasks[key]].things
                host.Annotation.objects.create(
                    task_id=pk,
                    project=self.project,
                    completed_by=self._user,
                    result=[_region(thing, place) for place, thing in enumerate(things)],
                    lead_time=float(4 * len(things)),
                )


def _sync(storage: Any) -> None:
    storage.sync(wait=WAIT)
    storage.refresh_from_db()
    if storage.status != "completed":
        raise Unavailable(
            f"the Sync of {storage.title} of the demo did not complete: {storage.traceback or 'it goes on'}"
        )


def _commit(conn: Connection, branch: Branch, description: str, content: Mapping[str, bytes], remove: str = "") -> None:
    commit = commits.start(conn, branch, description)
    with files.modify(conn, commit) as changes:
        for path, data in content.items():
            changes.put(path, data)
        if remove:
            changes.delete(remove)
    commits.finish(conn, commit)


def _path(number: int) -> str:
    return f"/scene-{number:02}.jpg"


def _near(thing: Thing, chance: random.Random) -> Thing:
    left, top, width, height = (
        max(1, value + chance.randrange(-6, 7)) for value in (thing.left, thing.top, thing.width, thing.height)
    )
    return Thing(thing.kind, left, top, width, height)


def _region(thing: Thing, number: int) -> dict[str, Any]:
    """A box as the host keeps it, in percent of the picture."""

    def share(value: int, whole: int) -> float:
        return round(100 * value / whole, 3)

    return {
        "id": f"box-{number}",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": drawings.WIDTH,
        "original_height": drawings.HEIGHT,
        "image_rotation": 0,
        "value": {
            "x": share(thing.left, drawings.WIDTH),
            "y": share(thing.top, drawings.HEIGHT),
            "width": share(thing.width, drawings.WIDTH),
            "height": share(thing.height, drawings.HEIGHT),
            "rotation": 0,
            "rectanglelabels": [thing.kind],
        },
    }
