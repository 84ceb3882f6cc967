"""The whole product, backed up while somebody labels, lost, and restored: nothing that was there before is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from howdah.testing.launched import Launched, until

TOKEN = "0123456789abcdef0123456789abcdef01234567"
USER = {
    "LABEL_STUDIO_USERNAME": "ada@example.com",
    "LABEL_STUDIO_PASSWORD": "a long password",
    "LABEL_STUDIO_USER_TOKEN": TOKEN,
}
CONFIG = '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="yes"/></Choices></View>'
CHOICE = {"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": ["yes"]}}


def ask(url: str, path: str, body: Any = None) -> Any:
    """The REST interface's answer to a GET, or to a POST of `body`."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url + path, data=data, headers=headers), timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def howdah(launched: Launched, *words: str, environ: Mapping[str, str] | None = None) -> str:
    """The command line, on the store that the launcher runs."""
    command = [str(Path(sys.executable).parent / "howdah"), *words]
    told = {"HOME": str(launched.home), "PATH": "/usr/bin:/bin", **(environ or {})}
    done = subprocess.run(command, env=told, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def label(url: str, tasks: list[int], saved: list[int], stop: threading.Event) -> None:
    """Annotate one task after the other; `saved` gets the annotations that were acknowledged."""
    for task in tasks:
        if stop.is_set():
            return
        saved.append(ask(url, f"/api/tasks/{task}/annotations/", {"result": [CHOICE]})["id"])


def committed(launched: Launched) -> list[int]:
    """Every annotation that the label commits hold, sorted."""
    with tempfile.TemporaryDirectory() as folder:
        howdah(launched, "get", "file", "labels@master:/", "-r", "-o", folder)
        files = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    return sorted(annotation["id"] for file in files for annotation in file["annotations"])


def test_labels_and_commits_are_there_after_everything_was_destroyed(tmp_path: Path) -> None:
    saved: list[int] = []
    stop = threading.Event()
    with Launched(tmp_path / "data", "--port", "0", environ=USER) as launched:
        url = launched.url
        project = ask(url, "/api/projects", {"title": "Words", "label_config": CONFIG})["id"]
        ask(url, f"/api/projects/{project}/import", [{"text": f"word {at}"} for at in range(400)])
        found = ask(url, f"/api/tasks?project={project}&page_size=400")["tasks"]
        target = ask(url, "/api/storages/export/pachyderm", {"project": project, "title": "L", "pach_repo": "labels"})
        thread = threading.Thread(target=label, args=(url, [task["id"] for task in found], saved, stop))
        thread.start()
        until(lambda: len(saved) >= 5, what="the first labels")
        ask(url, f"/api/storages/export/pachyderm/{target['id']}/sync", {})
        until(lambda: len(saved) >= 10, what="more labels")
        first, before = committed(launched), list(saved)
        howdah(launched, "backup", str(tmp_path / "backup.tar"), "--data", str(launched.data))
        stop.set()
        thread.join()
    shutil.rmtree(tmp_path / "data")
    howdah(launched, "restore", str(tmp_path / "backup.tar"), "--data", str(tmp_path / "data"))
    with Launched(tmp_path / "data", "--port", "0", environ=USER) as again:
        url = again.url
        assert set(first) <= set(committed(again))
        ask(url, f"/api/storages/export/pachyderm/{target['id']}/sync", {})
        kept = committed(again)
        assert set(before) <= set(kept) <= set(saved)
        assert len(kept) == len(set(kept))
        assert len(howdah(again, "list", "commit", "labels@master", "-o", "json").splitlines()) == 2
