"""A real Label Studio on a real database, and a real store beside it.

Loading the host takes seconds and happens once a session. Nothing is rolled back: every test makes a project, users
and repos of its own, as people do, which is also what background threads need to see each other's rows.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from howdah.client import channel, commits, files, repos
from howdah.client.changes import Changes
from howdah.client.channel import Connection
from howdah.infos import CommitInfo
from howdah.names import Commit, File, parse_branch, parse_repo
from howdah.testing.servers import StoreServer

_HERE = Path(__file__).parent
_shelves: dict[str, Shelf] = {}
_numbers = itertools.count(1)
_DATA = Path(tempfile.mkdtemp(prefix="howdah-labelstudio-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)

PASSWORD = "a-password"
IMAGES = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
<Label value="Cat"/><Label value="Dog"/></RectangleLabels></View>"""
BOX = {
    "id": "box", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
    "original_width": 100, "original_height": 100,
    "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["Cat"]},
}  # fmt: skip


def _load_host() -> None:
    """Label Studio with our settings and a database of its own; the environment stays as it was."""
    mine = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(_DATA),
        "DJANGO_SETTINGS_MODULE": "howdah.labelstudio.settings",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(_DATA),
        "LABEL_STUDIO_LOG_LEVEL": "ERROR",
        "HOWDAH_ADDRESS": "grpc://127.0.0.1:9",  # nobody's: the usual one may be that of a store in use
    }
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import django  # noqa: PLC0415

            from howdah.labelstudio import prepare  # noqa: PLC0415

            prepare.ensure_schema()
            django.setup()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_load_host()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The host warns of itself; its warnings are not our errors."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("default"))


def eventually(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """What `condition` gives once it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Site:
    """What a signed-in person does, through the REST interface, in one project."""

    def __init__(self, user: Any, project: Any, address: str) -> None:
        from django.test import Client  # noqa: PLC0415

        self.user = user
        self.project = project
        self.address = address
        from rest_framework.authtoken.models import Token  # noqa: PLC0415

        token, _ = Token.objects.get_or_create(user=user)
        self.client = Client(headers={"authorization": f"Token {token.key}"})

    def get(self, path: str, **headers: str) -> Any:
        """GET, the answer as it is."""
        return self.client.get(path, headers=headers)

    def send(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """A request with JSON; the answer's JSON."""
        answer = self.client.generic(method, path, json.dumps(body or {}), content_type="application/json")
        assert answer.status_code == expect, (answer.status_code, answer.content)
        return answer.json() if answer.content else None

    def source(self, repo: str, **fields: Any) -> Any:
        """A new source of this project."""
        return self.send("POST", "/api/storages/pachyderm", self.fields(repo, **fields), expect=201)

    def target(self, repo: str, **fields: Any) -> Any:
        """A new target of this project."""
        return self.send("POST", "/api/storages/export/pachyderm", self.fields(repo, **fields), expect=201)

    def fields(self, repo: str, **fields: Any) -> dict[str, Any]:
        """What the dialog sends."""
        return {
            "project": self.project.id, "title": "mine", "pach_repo": repo, "pachd_address": self.address, **fields
        }  # fmt: skip

    def sync(self, storage: Any, *, target: bool = False) -> Any:
        """Press Sync and wait for its end."""
        path = f"/api/storages/{'export/' if target else ''}pachyderm/{storage['id']}"
        found = self.send("POST", f"{path}/sync")

        def ended() -> Any:
            answer = self.send("GET", path)
            return answer if answer["status"] not in ("queued", "in_progress") else None

        return found if found["status"] not in ("queued", "in_progress") else eventually(ended, "the end of the Sync")

    def annotate(self, task: int, **fields: Any) -> int:
        """Submit an annotation; its id."""
        body = {"result": [BOX], "lead_time": 1.0, **fields}
        return int(self.send("POST", f"/api/tasks/{task}/annotations", body, expect=201)["id"])

    def add_tasks(self, count: int) -> list[int]:
        """Tasks that come from nowhere; their ids."""
        from tasks.models import Task  # noqa: PLC0415

        made = [Task.objects.create(project=self.project, data={"image": f"/{n}.jpg"}) for n in range(count)]
        return [task.id for task in made]


class Shelf:
    """A store's content, through its client."""

    def __init__(self, server: StoreServer) -> None:
        self.server = server
        self.address = server.address
        self.conn: Connection = channel.connect(server.address)
        _shelves[self.address] = self

    @staticmethod
    def at(address: str) -> Shelf:
        """The shelf of the store at this address."""
        return _shelves[address]

    def repo(self, **content: bytes) -> str:
        """A new repo; with content, in one commit on master."""
        name = f"repo{next(_numbers)}-{os.getpid()}"
        repos.create(self.conn, parse_repo(name))
        if content:
            self.put(name, content)
        return name

    def put(self, repo: str, content: dict[str, bytes], *, delete: tuple[str, ...] = (), branch: str = "master") -> str:
        """One commit on a branch; its id."""
        commit = commits.start(self.conn, parse_branch(f"{repo}@{branch}"))
        with files.modify(self.conn, commit) as changes:
            for path, data in content.items():
                changes.put("/" + path.lstrip("/"), data)
            for path in delete:
                changes.delete(path)
        commits.finish(self.conn, commit)
        return commit.id

    @contextmanager
    def opened(self, repo: str) -> Iterator[Changes]:
        """A commit on master that is open until the block ends."""
        commit = commits.start(self.conn, parse_branch(repo))
        with files.modify(self.conn, commit) as changes:
            yield changes
        commits.finish(self.conn, commit)

    def history(self, repo: str) -> list[CommitInfo]:
        """The commits of master, the newest first."""
        return list(commits.list(self.conn, parse_repo(repo)))

    def paths(self, repo: str) -> list[str]:
        """The files of master's head, but for the labeling configuration that lies with labels."""
        head = Commit(parse_repo(repo), "master")
        found = [info.file.path for info in files.list(self.conn, File(head, "/"))]
        return [path for path in found if path != "/.howdah/"]

    def read(self, repo: str, path: str, commit: str = "master") -> bytes:
        """One file."""
        return b"".join(files.get(self.conn, File(Commit(parse_repo(repo), commit), path)))

    def changed(self, repo: str) -> list[str]:
        """The files that the newest commit of master changes."""
        head = Commit(parse_repo(repo), "master")
        found = (change.new or change.old for change in files.diff(self.conn, File(head, "/")))
        paths = [info.file.path for info in found if info and not info.file.path.endswith("/")]
        return [path for path in paths if "/.howdah/" not in path]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("store") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def shelf(server: StoreServer) -> Shelf:
    return Shelf(server)


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Shelf]:
    """A store of the test's own, to stop and to kill."""
    with StoreServer(tmp_path / "data") as server:
        yield Shelf(server)


@pytest.fixture
def new_user() -> Callable[..., Any]:
    """Makes people of the organization, or such as were removed from it: the only ones that the host keeps out."""
    from django.utils import timezone  # noqa: PLC0415
    from organizations.models import Organization  # noqa: PLC0415
    from users.models import User  # noqa: PLC0415

    def make(*, removed: bool = False) -> Any:
        number = next(_numbers)
        user = User.objects.create_user(f"person{number}@example.org", PASSWORD)
        organization = Organization.objects.first()
        if organization is None:
            organization = Organization.create_organization(created_by=user, title="Us")
        else:
            organization.add_user(user)
        user.active_organization = organization
        user.save()
        organization.jwt.legacy_api_tokens_enabled = True
        organization.jwt.save()
        if removed:
            organization.organizationmember_set.filter(user=user).update(deleted_at=timezone.now())
        return user

    return make


@pytest.fixture
def new_site(new_user: Callable[[], Any]) -> Callable[..., Site]:
    from projects.models import Project  # noqa: PLC0415

    def make(address: str, config: str = IMAGES) -> Site:
        user = new_user()
        project = Project.objects.create(
            title=f"Project {next(_numbers)}",
            created_by=user,
            organization=user.active_organization,
            label_config=config,
        )
        return Site(user, project, address)

    return make


@pytest.fixture
def site(new_site: Callable[..., Site], shelf: Shelf) -> Site:
    return new_site(shelf.address)
