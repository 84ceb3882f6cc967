"""Runs Howdah on a machine without network and tells which names anything tried to look up, and what it reached for.

To be started in network and mount namespaces of its own (see `test_offline`), with a scratch folder as its argument.
The machine's resolver is a server of ours on loopback that notes each question and answers that there is no such name.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

from howdah.testing.launched import Launched, get

TOKEN = "offline-token"
USER = {
    "LABEL_STUDIO_USERNAME": "first@example.com",
    "LABEL_STUDIO_PASSWORD": "a long password",
    "LABEL_STUDIO_USER_TOKEN": TOKEN,
}
LABELS = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
<Label value="Cat"/></RectangleLabels></View>"""
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
NO_SUCH_NAME = 0x8183


def _name(question: bytes) -> str:
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("ascii", "replace"))
        at += 1 + question[at]
    return ".".join(labels)


def note_lookups(asked: list[str], scratch: Path) -> None:
    """Become this namespace's resolver."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    file = scratch / "resolv.conf"
    file.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(file), "/etc/resolv.conf"], check=True)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer() -> None:
        while True:
            question, client = server.recvfrom(4096)
            asked.append(_name(question))
            server.sendto(question[:2] + NO_SUCH_NAME.to_bytes(2, "big") + question[4:], client)

    threading.Thread(target=answer, daemon=True).start()


def unroutable() -> int:
    """How many packets had nowhere to go since the namespace was made."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:"))
    return int(values[names.index("OutNoRoutes")])


def _api(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, data, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def label_a_picture(launched: Launched, scratch: Path) -> dict[str, Any]:
    """The walkthrough by API: a picture in the store, a project, a source storage, a sync, the picture shown."""
    picture = scratch / "pixel.png"
    picture.write_bytes(PIXEL)
    environ = {**os.environ, "HOME": str(launched.home)}
    for words in (["create", "repo", "images"], ["put", "file", "images@master:/pixel.png", "-f", str(picture)]):
        subprocess.run([sys.executable, "-m", "howdah", *words], check=True, env=environ)
    project = _api(launched.url, "/api/projects/", {"title": "Offline", "label_config": LABELS})["id"]
    source = {"project": project, "title": "images", "pach_repo": "images@master", "use_blob_urls": True}
    storage = _api(launched.url, "/api/storages/pachyderm", source)["id"]
    synced = _api(launched.url, f"/api/storages/pachyderm/{storage}/sync", {})
    tasks = _api(launched.url, f"/api/tasks?project={project}&resolve_uri=true")["tasks"]
    shown = get(launched.url + tasks[0]["data"]["image"], {"Authorization": f"Token {TOKEN}"})
    return {"status": synced["status"], "tasks": len(tasks), "shown": shown.status, "same": shown.body == PIXEL}


def main(scratch: Path) -> None:
    """Do it and print what came of it as one line of JSON."""
    asked: list[str] = []
    note_lookups(asked, scratch)
    try:  # the recorder itself must work, or its silence would mean nothing
        socket.getaddrinfo("a-name-to-prove-it.example", 80)
    except socket.gaierror:
        proof = list(asked)
    asked.clear()
    before = unroutable()
    with Launched(scratch / "data", "--port", "0", environ=USER) as launched:
        pages = [get(launched.url + path).status for path in ("/user/login/", "/heidi-tips", "/version/", "/health/")]
        found = label_a_picture(launched, scratch)
    print(json.dumps({"proof": proof, "asked": asked, "no_route": unroutable() - before, "pages": pages, **found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
