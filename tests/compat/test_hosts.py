"""The plugin inside older versions of Label Studio, each in an environment of its own that is kept for the next run.

The plugin's own tests run there, those that go through every hook: tables made, checks content, files become tasks,
annotations become a commit, media in ranges. By default on the oldest version that we know and on one between; on all
with `just hosts`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from howdah.doctor import services
from howdah.launch import environment
from howdah.launch.install import Place, find_uv

ROOT = Path(__file__).parents[2]
CACHE = Path(sys.prefix) / "share" / "howdah" / "hosts"  # goes with the checkout whose source it uses
SOME, OTHERS = ("1.20.0", "1.22.0"), ("1.21.0", "1.23.1")
VERSIONS = SOME + OTHERS if os.environ.get("HOWDAH_HOSTS") == "all" else SOME
BESIDE = ("gunicorn", "psycopg[binary]", "obstore", "pytest", "pytest-timeout", "hypothesis", "playwright")
FLOWS = [
    "test_hooks.py::test_no_check_finds_an_error_in_this_host_or_an_older_one",
    "test_hooks.py::test_a_page_of_the_data_manager_asks_for_links_once",
    "test_hooks.py::test_a_save_and_its_note_are_one_transaction",
    "test_hooks.py::test_removing_duplicates_keeps_the_link_so_that_a_sync_adds_nothing",
    "test_hooks.py::test_the_file_name_is_a_column_of_the_data_manager",
    "test_hooks.py::test_deleting_a_task_frees_its_file_for_the_next_sync",
    "test_source_sync.py::test_a_second_sync_adds_only_what_is_new",
    "test_source_sync.py::test_json_files_hold_tasks",
    "test_source_sync.py::test_webhooks_hear_of_new_tasks",
    "test_source_sync.py::test_rows_are_those_of_the_hosts_own_storage[True]",
    "test_target_sync.py::test_twelve_annotations_by_two_users_are_one_commit",
    "test_target_sync.py::test_updates_in_bulk_are_staged",
    "test_staging.py::test_deletes_of_queries",
    "test_taskrows.py::test_every_field_is_as_the_host_shows_it",
    "test_target_sync.py::test_deleting_a_project_with_annotations_and_a_target_leaves_nothing",
    "test_storage_api.py::test_files_previews_what_a_sync_would_take",
    "test_media.py::test_each_form_of_range_gives_that_part",
    "test_media.py::test_older_and_project_paths_serve_as_well",
    "test_media.py::test_an_unchanged_file_is_not_sent_again",
    "test_showing.py::test_nothing_else_of_the_store_is",
    "test_exports.py::test_coco_has_the_same_categories_pictures_and_annotations",
    "test_exports.py::test_yolo_has_the_same_files",
]


def installed(version: str) -> Place:
    """The environment of a version, made anew where it was made of other packages, by another Python or elsewhere."""
    wanted = ["-e", str(ROOT), f"label-studio=={version}", *BESIDE]
    told = "\n".join([*wanted, sys.version, sys.base_prefix, (ROOT / "pyproject.toml").read_text()])
    place = Place(CACHE / f"{version}-{hashlib.sha256(told.encode()).hexdigest()[:16]}")
    environ = environment.clean(os.environ)
    whole = place.root / "whole"
    if not whole.exists():
        for older in CACHE.glob(f"{version}-*"):
            shutil.rmtree(older)
        place.root.mkdir(parents=True)
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", place.venv], check=True, env=environ)
        shutil.copy(ROOT / "constraints.txt", place.root)
        uv = find_uv(place, environ, print)
        assert uv is not None, "uv is missing, and pip could not get it"
        sources = environment.for_uv(environ, environment.pip_config_files(environ, Path.home()))
        command = [*uv, "pip", "install", "--quiet", "--python", str(place.python), *wanted]
        subprocess.run(command, check=True, env=sources)
        whole.touch()
    return place


@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_plugin_works_in_an_older_host(version: str) -> None:
    python = str(installed(version).python)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "LABEL_STUDIO"))}
    for name in ("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "HOWDAH_DATABASE"):
        inherited.pop(name, None)
    # -W: that host's own packages warn of themselves.
    command = [python, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "300"]
    tests = [f"tests/labelstudio/{name}" for name in FLOWS]
    done = subprocess.run([*command, *tests], check=False, cwd=ROOT, env=inherited, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout


def test_what_the_doctor_calls_tested_is_tested() -> None:
    newest = metadata.version("label-studio")
    assert {*services._KNOWN} == {*SOME, *OTHERS, newest}
