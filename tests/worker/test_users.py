"""Whom code runs as."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.worker import users
from tests.worker.conftest import as_nobody

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")


def test_a_worker_of_root_has_other_users_and_nobody_else_does() -> None:
    assert [users.of_slot(0), users.of_slot(2)] == ([61184, 61186] if os.geteuid() == 0 else [None, None])


def test_who_is_root_in_a_namespace_of_his_own_stays_who_he_is(python: str, open_folder: Path) -> None:
    shutil.copy(users.__file__, open_folder / "users.py")
    code = f"import runpy; print(runpy.run_path('{open_folder}/users.py')['of_slot'](0))"
    command = as_nobody("unshare", "--map-root-user", python, "-c", code)

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout, done.returncode) == ("None\n", 0), done.stderr
