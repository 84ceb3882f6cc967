"""Twenty people label while a source of thousands of files is synced and labels are committed: nobody sees an error."""

from __future__ import annotations

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from howdah.client import channel, commits, files, repos
from howdah.names import parse_branch, parse_repo
from howdah.testing.launched import Launched, until
from tests.backup.test_product import CHOICE, CONFIG, TOKEN, USER, ask, committed

PEOPLE, EACH = 20, 6
LABELED, ADDED = 40, 3000


class Person:
    """One connection; every answer's status is kept."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        self.refused: list[tuple[str, int, bytes]] = []

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
        self._conn.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._conn.getresponse()
        content = answer.read()
        if answer.status >= 400:
            self.refused.append((path, answer.status, content[-500:]))
        return json.loads(content) if answer.headers.get_content_type() == "application/json" else content

    def label(self, project: int) -> list[int]:
        """Ask for the next task, look at its file, submit; the annotations that were acknowledged."""
        saved = []
        for _ in range(EACH):
            task = self.ask("GET", f"/api/projects/{project}/next")
            self.ask("GET", task["data"]["text"])
            made = self.ask("POST", f"/api/tasks/{task['id']}/annotations/?project={project}", {"result": [CHOICE]})
            saved.append(made["id"])
        self._conn.close()
        return saved


def fill(launched: Launched, repo: str, count: int) -> None:
    with channel.connect(launched.store) as conn:
        repos.create(conn, parse_repo(repo))
        commit = commits.start(conn, parse_branch(repo))
        with files.modify(conn, commit) as changes:
            for number in range(count):
                changes.put(f"/{number}.txt", f"text {number}".encode())
        commits.finish(conn, commit)


def add_storage(url: str, kind: str, project: int, repo: str) -> str:
    fields = {"project": project, "title": repo, "pach_repo": repo}
    return f"/api/storages/{kind}/{ask(url, f'/api/storages/{kind}', fields)['id']}"


def ended(url: str, storage: str) -> Any:
    found = ask(url, storage)
    return found if found["status"] not in ("queued", "in_progress") else None


@pytest.mark.timeout(600)
def test_labeling_goes_on_without_an_error(tmp_path: Path) -> None:
    with Launched(tmp_path / "data", "--port", "0", environ=USER) as launched:
        url = launched.url
        fill(launched, "texts", LABELED)
        fill(launched, "more", ADDED)
        title = {"label_config": CONFIG, "maximum_annotations": PEOPLE * EACH}
        project = ask(url, "/api/projects", {"title": "Words", **title})["id"]
        ask(url, add_storage(url, "pachyderm", project, "texts") + "/sync", {})
        source = add_storage(url, "pachyderm", ask(url, "/api/projects", {"title": "More"})["id"], "more")
        target = add_storage(url, "export/pachyderm", project, "labels")
        done = threading.Event()

        def commit() -> int:
            count = 0
            while not done.is_set():
                ask(url, f"{target}/sync", {})
                until(lambda: ended(url, target) is not None, what="the end of the target's Sync")
                assert ended(url, target)["status"] == "completed"
                count += 1
            return count

        with ThreadPoolExecutor(PEOPLE + 1) as pool:
            people = [Person(url) for _ in range(PEOPLE)]
            ask(url, f"{source}/sync", {})
            committing = pool.submit(commit)
            try:
                saved = [made for some in pool.map(lambda person: person.label(project), people) for made in some]
            finally:
                done.set()
            assert committing.result() > 0
        assert not [refusal for person in people for refusal in person.refused]
        assert len(saved) == len(set(saved)) == PEOPLE * EACH
        until(lambda: ended(url, source) is not None, 300, "the end of the source's Sync")
        assert (ended(url, source)["status"], ended(url, source)["last_sync_count"]) == ("completed", ADDED)
        ask(url, f"{target}/sync", {})
        until(lambda: committed(launched) == sorted(saved), what="every annotation in the label commits")
        assert "database is locked" not in launched.logs()
