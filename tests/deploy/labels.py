"""Labeling by the REST interface, as a script does it, with the first user's token."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from howdah.client import channel, files, repos
from howdah.names import Commit, File, parse_repo
from howdah.testing.launched import until

TOKEN = "container-token"
USER = {
    "LABEL_STUDIO_USERNAME": "ada@example.com",
    "LABEL_STUDIO_PASSWORD": "a long password",
    "LABEL_STUDIO_USER_TOKEN": TOKEN,
}
CONFIG = '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="Yes"/></Choices></View>'
RESULT = {"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": ["Yes"]}}


def ask(url: str, data: dict[str, Any] | None = None) -> Any:
    """The answer to a GET, or to a POST of `data`."""
    body = None if data is None else json.dumps(data).encode()
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        return json.loads(answer.read())


def _sync(url: str, kind: str, project: int, repo: str) -> None:
    """A storage without an address of its own, and one Sync of it to the end."""
    path = f"{url}/api/storages/{kind}"
    storage = ask(path, {"project": project, "title": repo, "pach_repo": f"{repo}@master"})["id"]
    ask(f"{path}/{storage}/sync", {})
    until(lambda: ask(f"{path}/{storage}")["status"] == "completed", what=f"the Sync of {repo}")


def label(url: str, store: str) -> int:
    """A picture in the store, a project, a Sync, an annotation, a Sync of that; the annotated task."""
    with channel.connect(store) as connection:
        for name in ("images", "labels"):
            repos.create(connection, parse_repo(name))
        with files.modify(connection, Commit(parse_repo("images"), "master")) as changes:
            changes.put("/a.json", b'{"text": "An elephant"}')
    project = ask(f"{url}/api/projects/", {"title": "In a container", "label_config": CONFIG})["id"]
    _sync(url, "pachyderm", project, "images")
    (task,) = ask(f"{url}/api/tasks?project={project}&resolve_uri=false")["tasks"]
    ask(f"{url}/api/tasks/{task['id']}/annotations/", {"result": [RESULT]})
    _sync(url, "export/pachyderm", project, "labels")
    return int(task["id"])


def labels_in_store(store: str, task: int) -> Any:
    """The choices of the task's first annotation, as the store has it."""
    with channel.connect(store) as connection:
        found = json.loads(
            b"".join(files.get(connection, File(Commit(parse_repo("labels"), "master"), f"/{task}.json")))
        )
    return found["annotations"][0]["result"][0]["value"]


def labels_in_studio(url: str, task: int) -> Any:
    """The same, as Label Studio has it."""
    return ask(f"{url}/api/tasks/{task}")["annotations"][0]["result"][0]["value"]
