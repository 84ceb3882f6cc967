"""The whole product in processes of its own, and a person signed in there."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.measure import Sample
from bench.watched import cpu
from howdah.client import channel, files, repos
from howdah.client.channel import Connection
from howdah.names import Commit, Project, Repo
from howdah.testing.launched import Launched

TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105  (of a site that lives for a minute on loopback)
IMAGES = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
<Label value="Cat"/><Label value="Dog"/></RectangleLabels></View>"""
BOX = {
    "id": "box", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
    "original_width": 100, "original_height": 100,
    "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["Cat"]},
}  # fmt: skip
_LIMIT = 3600.0
_LOOK_EVERY = 0.05


class Refused(RuntimeError):
    """A request that was not answered well."""


class Site:
    """Requests of a signed-in person; each thread has a connection of its own, as a browser keeps one."""

    def __init__(self, launched: Launched, documents: Path) -> None:
        address = urlsplit(launched.url)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self._launched = launched
        self._local = threading.local()
        self.documents = documents
        self.store = launched.store

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """The answer, whose body is still to be read; raises `Refused` unless it is a 2xx."""
        sent = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json", **headers}
        content = None if body is None else json.dumps(body)
        for attempt in range(2):
            conn = self._connection(fresh=attempt > 0)
            try:
                conn.request(method, path, content, sent)
                answer = conn.getresponse()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if attempt:  # a kept connection may be closed while nothing is asked; a new one may not
                    raise
        if answer.status // 100 != 2:
            raise Refused(f"{method} {path}: {answer.status} {answer.read()[:500]!r}")
        return answer

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON."""
        content = self.ask(method, path, body).read()
        return json.loads(content) if content else None

    def _connection(self, *, fresh: bool) -> http.client.HTTPConnection:
        if fresh or not hasattr(self._local, "conn"):
            self._local.conn = http.client.HTTPConnection(self._host, self._port, timeout=_LIMIT)
        conn: http.client.HTTPConnection = self._local.conn
        return conn

    def project(self, config: str = IMAGES) -> int:
        """A new project; its id."""
        return int(self.send("POST", "/api/projects", {"title": "Measured", "label_config": config})["id"])

    def storage(self, kind: str, **fields: Any) -> str:
        """A new storage of a kind such as `pachyderm` or `export/localfiles`; its path."""
        made = self.send("POST", f"/api/storages/{kind}", {"title": "measured", **fields})
        return f"/api/storages/{kind}/{made['id']}"

    def sync(self, storage: str) -> dict[str, Any]:
        """Sync, until it has ended well; the storage's last state."""
        found = self.send("POST", f"{storage}/sync")
        while found["status"] in ("queued", "in_progress"):
            time.sleep(_LOOK_EVERY)
            found = self.send("GET", storage)
        if found["status"] != "completed":
            raise Refused(f"{storage}: {found['status']}: {found['traceback']}")
        done: dict[str, Any] = found
        return done

    def synced(self, storage: str) -> Sample:
        """One Sync: its time, and the processor's of Label Studio and the store."""
        before, started = self.cpu(), time.perf_counter()
        self.sync(storage)
        seconds = time.perf_counter() - started
        return Sample(seconds, self.cpu() - before, self.memory())

    def environ(self) -> dict[str, str]:
        """What Label Studio was started with, for another process that works on its database."""
        lines = Path(f"/proc/{self._studio()[0]}/environ").read_bytes().split(b"\0")
        return dict(line.decode().split("=", 1) for line in lines if line)

    def cpu(self) -> float:
        """Processor time until now of Label Studio and the store."""
        return sum(map(cpu, self._processes()))

    def memory(self) -> float:
        """The most that Label Studio had resident since `forget`, in MB."""
        return max(self._value(process, "VmHWM") for process in self._studio())

    def forget(self) -> float:
        """Let `memory` tell the most from now on; what is resident now."""
        for process in self._studio():
            Path(f"/proc/{process}/clear_refs").write_text("5")
        return max(self._value(process, "VmRSS") for process in self._studio())

    def _studio(self) -> list[int]:
        """The processes of Label Studio: the one that listens and the one that answers."""
        first = next(pid for name, pid in self._launched.children().items() if "store" not in name)
        return _family(first)

    def _processes(self) -> list[int]:
        return [pid for child in self._launched.children().values() for pid in _family(child)]

    @staticmethod
    def _value(process: int, name: str) -> float:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _family(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(each for child in children for each in _family(int(child)))]


@contextmanager
def site(folder: Path) -> Iterator[tuple[Site, Connection]]:
    """A new installation in the folder with one user, and a client of its store."""
    documents = folder / "documents"
    documents.mkdir()
    told = {
        "LABEL_STUDIO_USERNAME": "ada@example.com",
        "LABEL_STUDIO_PASSWORD": "a long password",
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(documents),
    }
    with Launched(folder / "data", "--port", "0", environ=told) as launched:
        made = Site(launched, documents)
        with channel.connect(made.store) as conn:
            yield made, conn


def put(conn: Connection, repo: str, content: Iterator[tuple[str, bytes]]) -> None:
    """One commit of these files on master, in a repo that is made if it is missing."""
    where = Repo(Project(), repo)
    repos.create(conn, where, update=True)
    with files.modify(conn, Commit(where, "master")) as changes:
        for path, data in content:
            changes.put(path, data)
