"""The whole product on PostgreSQL: labeled, stopped, started again, backed up, lost and restored."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from howdah.postgres import server
from howdah.postgres.address import Address
from howdah.testing.launched import Launched, get, until
from howdah.testing.postgres import PostgresServer
from tests.backup.test_product import CHOICE, CONFIG, TOKEN, USER, ask, committed, howdah

ROOT = Path(__file__).parents[2]
# The plugin's promises that rest on the database: bulk inserts, uniqueness, transactions, locks, recovery.
SYNCS = [
    "test_source_sync.py::test_a_second_sync_adds_only_what_is_new",
    "test_source_sync.py::test_a_file_is_a_task_once_in_the_database_too",
    "test_source_sync.py::test_awkward_names_come_back_as_they_were",
    "test_source_sync.py::test_json_files_hold_tasks",
    "test_source_sync.py::test_text_that_the_database_cannot_hold_is_told_and_the_rest_is_taken",
    "test_source_sync.py::test_rows_are_those_of_the_hosts_own_storage",
    "test_target_sync.py::test_twelve_annotations_by_two_users_are_one_commit",
    "test_target_sync.py::test_updates_in_bulk_are_staged",
    "test_target_sync.py::test_deleting_a_project_with_annotations_and_a_target_leaves_nothing",
    "test_target_layout.py::test_a_target_that_comes_back_takes_its_old_files_away_and_no_others",
    "test_staging.py::test_actions_of_the_data_manager",
    "test_drawn.py::test_the_note_and_the_annotation_are_one_transaction",
    "test_taskrows.py::test_every_field_is_as_the_host_shows_it",
    "test_crash.py::test_a_sync_after_one_that_died_holds_each_change_once",
    "test_crash.py::test_labeling_goes_on_while_the_store_is_away",
    "test_runs.py::test_a_second_run_is_refused_while_the_first_lives",
    "test_runs.py::test_a_run_that_was_taken_over_leaves_the_storage_alone",
    "test_runs.py::test_a_run_whose_process_is_gone_is_taken_over",
    "test_media.py::test_each_form_of_range_gives_that_part",
    "test_showing.py::test_nothing_else_of_the_store_is",
    "test_turns.py",
    "test_hooks.py::test_a_save_and_its_note_are_one_transaction",
    "test_hooks.py::test_removing_duplicates_keeps_the_link_so_that_a_sync_adds_nothing",
]


def environ(address: Address) -> dict[str, str]:
    return {**USER, "HOWDAH_DATABASE": address.url}


@pytest.fixture(scope="module")
def migrated(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that the product has made its tables in, to make others like it."""
    address = postgres.database("migrated")
    with Launched(tmp_path_factory.mktemp("first") / "data", "--port", "0", "--database", address.url) as launched:
        assert get(f"{launched.url}/user/login/").status == 200
    assert server.check(address).migrations > 200
    return address.name


@dataclass
class Work:
    """A project with a source and a target, in which somebody labels."""

    url: str
    project: int
    source: int
    target: int
    tasks: list[int]
    saved: list[int] = field(default_factory=list)

    def label(self, tasks: list[int]) -> None:
        for task in tasks:
            self.saved.append(ask(self.url, f"/api/tasks/{task}/annotations/", {"result": [CHOICE]})["id"])

    def sync(self, storage: str) -> Any:
        return ask(self.url, f"/api/storages/{storage}/sync", {})


def begin(launched: Launched, file: Path) -> Work:
    """Three files in a repo, each a task, two of them labeled and committed."""
    url = launched.url
    file.write_text("words")
    howdah(launched, "create", "repo", "texts")
    for name in ("ä.txt", "b.txt", "c.txt"):
        howdah(launched, "put", "file", f"texts@master:/{name}", "-f", str(file))
    project = ask(url, "/api/projects", {"title": "Wörter", "label_config": CONFIG})["id"]
    source = ask(url, "/api/storages/pachyderm", {"project": project, "title": "S", "pach_repo": "texts"})["id"]
    fields = {"project": project, "title": "L", "pach_repo": "labels"}
    target = ask(url, "/api/storages/export/pachyderm", fields)["id"]
    work = Work(url, project, source, target, [])
    assert work.sync(f"pachyderm/{source}")["status"] == "completed"
    work.tasks = [task["id"] for task in ask(url, f"/api/tasks?project={project}")["tasks"]]
    work.label(work.tasks[:2])
    assert work.sync(f"export/pachyderm/{target}")["status"] == "completed"
    return work


def check_secret(launched: Launched, address: Address) -> None:
    """The password reaches Label Studio's process, and nothing that others can see."""
    texts = [path.read_bytes() for path in launched.data.rglob("*") if path.is_file()]
    doctor = howdah(launched, "doctor", "--data", str(launched.data), environ=environ(address))
    assert f"PostgreSQL {server.check(address).version} at postgresql://howdah@127.0.0.1" in doctor
    texts += [launched.printed.encode(), doctor.encode()]
    if sys.platform == "linux":
        children = launched.children()
        texts += [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (launched.process.pid, *children.values())]
        texts += [Path(f"/proc/{children['store']}/environ").read_bytes()]
    secrets = (address.password.encode(), address.url.encode().partition(b"@")[0].rpartition(b":")[2])
    assert not [text for text in texts if any(secret in text for secret in secrets)]


def check_refusals(launched: Launched, address: Address, backup: Path) -> None:
    """A folder and a backup whose rows are elsewhere want to know where."""
    data, half = str(launched.data), backup.with_name("half")
    with Launched(launched.data, "--port", "0") as refused:
        assert refused.process.wait(120) == 1
        assert "has its Label Studio in postgresql://howdah@127.0.0.1" in refused.printed
    with pytest.raises(AssertionError, match="name that database with --database or HOWDAH_DATABASE"):
        howdah(launched, "backup", str(half), "--data", data)
    with pytest.raises(AssertionError, match="holds a PostgreSQL database: name an empty one"):
        howdah(launched, "restore", str(backup), "--data", str(half))
    with pytest.raises(AssertionError, match="is not empty"):
        howdah(launched, "restore", str(backup), "--data", str(half), environ=environ(address))
    assert not half.exists()


@pytest.mark.timeout(600)
def test_everything_is_there_after_a_restart_and_after_a_loss(
    postgres: PostgresServer, migrated: str, tmp_path: Path
) -> None:
    address = postgres.database("labels", f"TEMPLATE {migrated}")
    data, backup = tmp_path / "data", tmp_path / "backup.tar"
    with Launched(data, "--port", "0", environ=environ(address)) as launched:
        work = begin(launched, tmp_path / "a.txt")
        assert committed(launched) == sorted(work.saved)
        log = (data / "logs" / "label-studio.log").read_text()
        assert f"Database: postgresql://howdah@127.0.0.1:{address.port}/labels" in log
        assert "Bringing Label Studio's database" not in log  # it has had them all
        check_secret(launched, address)
    assert not (data / "label-studio" / "label_studio.sqlite3").exists()

    secret = tmp_path / "password"
    secret.write_text(f"{address.password}\n")
    told = {**USER, "HOWDAH_DATABASE": str(address), "HOWDAH_DATABASE_PASSWORD_FILE": str(secret)}
    with Launched(data, "--port", "0", environ=told) as launched:
        work.url = launched.url
        postgres.stop()
        assert get(f"{work.url}/api/projects", headers={"Authorization": f"Token {TOKEN}"}).status >= 500
        postgres.start()
        work.label(work.tasks[2:])  # a server that was started anew is found again
        howdah(launched, "backup", str(backup), "--data", str(data), environ=told)
    assert address.password.encode() not in backup.read_bytes()
    check_refusals(launched, address, backup)
    before = postgres.dumped(address)
    shutil.rmtree(data)
    postgres.ask("DROP DATABASE labels")

    back = postgres.database("labels again")
    howdah(launched, "restore", str(backup), "--data", str(data), environ=environ(back))
    assert postgres.dumped(back) == before
    with Launched(data, "--port", "0", environ=environ(back)) as again:
        work.url = again.url
        assert committed(again) == sorted(work.saved[:2])
        work.sync(f"export/pachyderm/{work.target}")
        until(lambda: committed(again) == sorted(work.saved), what="the label that was not committed before")
        work.sync(f"pachyderm/{work.source}")
        assert len(ask(work.url, f"/api/tasks?project={work.project}")["tasks"]) == 3


@pytest.mark.timeout(600)
def test_syncs_keep_their_promises(postgres: PostgresServer, migrated: str) -> None:
    address = postgres.database("syncs", f"TEMPLATE {migrated}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    tests = [f"tests/labelstudio/{name}" for name in SYNCS]
    # The runner's own variables would make that run believe to be one of its workers.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, *tests], check=False, cwd=ROOT, env=inherited | environ(address), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "skipped" not in done.stdout
