"""Label Studio's processes and the store are killed at arbitrary moments of Syncs: nothing is lost, nothing is twice.

Some kills in the suite; `HOWDAH_STORM=100` has as many as that, `HOWDAH_STORM_SEED` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from howdah.client import channel, commits, files, repos
from howdah.client.channel import Connection
from howdah.infos import CommitState
from howdah.launch import ports
from howdah.names import Commit, File, parse_branch, parse_repo
from howdah.testing.launched import until
from howdah.testing.servers import StoreServer
from tests.backup.test_product import CHOICE, CONFIG, USER, ask

KILLS = int(os.environ.get("HOWDAH_STORM", "6"))
SEED = int(os.environ.get("HOWDAH_STORM_SEED", "20261121"))
ENDED = ("completed", "completed_with_errors")
AWAY = (OSError, AssertionError, json.JSONDecodeError)


class Studio:
    """Label Studio's processes, as the launcher starts them; they can be killed one by one or all at once."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.store = folder, store
        self.port = ports.any_free("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"
        self._start()

    def _start(self) -> None:
        told = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO_")},
            **USER,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "howdah.labelstudio.settings",
            "HOWDAH_ADDRESS": self.store,
        }
        with (self.folder.parent / "studio.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "howdah.labelstudio.serve", "--port", str(self.port)],
                env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self._answers, 120, "Label Studio")

    def _answers(self) -> bool:
        with suppress(*AWAY):
            return ask(self.url, "/api/version") is not None
        return False

    def kill_all(self) -> None:
        """As when the machine's memory is gone; then it is started again."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self._start()

    def kill_one(self, chance: random.Random) -> None:
        """One of the processes that answer requests, or the one behind them: another takes its place."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if children:
            os.kill(int(chance.choice(children)), signal.SIGKILL)
        until(self._answers, 60, "Label Studio")

    def stop(self) -> None:
        """End it well."""
        self.process.terminate()
        self.process.wait(60)


class Storm:
    """People who label, somebody who commits files and Syncs, and what they were told."""

    def __init__(self, studio: Studio, conn: Connection, chance: random.Random) -> None:
        self.studio, self.conn, self.chance = studio, conn, chance
        self.saved: list[int] = []
        self.paths: dict[str, bytes] = {}
        repos.create(conn, parse_repo("words"))
        self.put(30)
        made = ask(studio.url, "/api/projects", {"title": "Words", "label_config": CONFIG})
        self.project = made["id"]
        fields = {"project": self.project, "title": "S"}
        source = ask(studio.url, "/api/storages/pachyderm", {**fields, "pach_repo": "words"})
        target = ask(studio.url, "/api/storages/export/pachyderm", {**fields, "pach_repo": "labels"})
        self.source = f"/api/storages/pachyderm/{source['id']}"
        self.target = f"/api/storages/export/pachyderm/{target['id']}"

    def put(self, count: int) -> None:
        """A commit of so many new files, and another content of a file that was there."""
        fresh = {f"/{len(self.paths) + number:05d}.txt": b"new" for number in range(count)}
        edited = (
            {path: b"edited %d" % len(self.paths) for path in self.chance.sample(sorted(self.paths), 1)}
            if self.paths
            else {}
        )
        commit = commits.start(self.conn, parse_branch("words@master"))
        with files.modify(self.conn, commit) as changes:
            for path, data in {**fresh, **edited}.items():
                changes.put(path, data)
        commits.finish(self.conn, commit)
        self.paths |= fresh | edited

    def label(self, stop: threading.Event) -> None:
        """Annotate task after task; an annotation counts once it was acknowledged."""
        while not stop.is_set():
            with suppress(*AWAY):
                found = ask(self.studio.url, f"/api/tasks?project={self.project}&page_size=100")["tasks"]
                for task in random.Random(len(self.saved)).sample(found, min(len(found), 5)):
                    if stop.is_set():
                        return
                    body = {"result": [CHOICE]}
                    self.saved.append(ask(self.studio.url, f"/api/tasks/{task['id']}/annotations/", body)["id"])

    def sync(self, stop: threading.Event) -> None:
        """Ask for Syncs of both."""
        while not stop.is_set():
            for storage in (self.source, self.target):
                with suppress(*AWAY):
                    ask(self.studio.url, f"{storage}/sync", {})

    def settle(self, storage: str) -> None:
        """Sync until it has ended well."""

        def done() -> bool:
            with suppress(*AWAY):
                ask(self.studio.url, f"{storage}/sync", {})
            return ask(self.studio.url, storage)["status"] == "completed"

        until(done, 120, f"the end of {storage}: {ask(self.studio.url, storage)}")


@contextmanager
def at_work(*work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Each in a thread until the block ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=one, args=(stop,)) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(120)


def labels(conn: Connection) -> list[dict[str, Any]]:
    """The tasks in the head of the labels."""
    head = Commit(parse_repo("labels"), "master")
    infos = [info for info in files.walk(conn, File(head, "/")) if info.file.path.endswith(".json")]
    return [json.loads(b"".join(files.get(conn, info.file))) for info in infos]


@pytest.mark.timeout(3600)
def test_kills_at_any_moment_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    store = StoreServer(tmp_path / "store")
    (tmp_path / "studio").mkdir()
    studio = Studio(tmp_path / "studio", store.address)
    try:
        with channel.connect(store.address) as conn:
            storm = Storm(studio, conn, chance)
            for _ in range(KILLS):
                with at_work(storm.label, storm.sync):
                    time.sleep(chance.uniform(0, 1.5))  # any moment will do
                    victim = chance.choice(["all", "one", "one", "store"])
                    if victim == "store":
                        store.kill()
                        store = StoreServer(tmp_path / "store", port=store.port)
                    elif victim == "all":
                        studio.kill_all()
                    else:
                        studio.kill_one(chance)
                storm.put(chance.randrange(1, 20))
            storm.settle(storm.source)
            storm.settle(storm.target)
            check(storm)
    finally:
        studio.stop()
        store.stop()


def check(storm: Storm) -> None:
    """Every file is a task once, every annotation in history once, and no commit is left open."""
    found: list[dict[str, Any]] = []
    while (
        len(
            page := ask(
                storm.studio.url,
                f"/api/tasks?project={storm.project}&page={len(found) // 100 + 1}&page_size=100&fields=all",
            )["tasks"]
        )
        == 100
    ):
        found += page
    found += page
    shown = Counter(task["storage_filename"] for task in found)
    assert shown == Counter(storm.paths.keys())
    there = sorted(annotation["id"] for task in found for annotation in task["annotations"])
    assert set(storm.saved) <= set(there)
    committed = sorted(annotation["id"] for task in labels(storm.conn) for annotation in task["annotations"])
    assert committed == there
    history = list(commits.list(storm.conn, parse_repo("labels")))
    assert all(info.state is CommitState.FINISHED for info in history)
    assert sum(int(info.description.split(" new")[0]) for info in history if not info.error) == len(there)
