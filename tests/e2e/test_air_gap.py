"""The walkthrough on a machine without any network: nothing that it needs is elsewhere.

That the product by itself asks for no name is shown by tests/launch/test_offline.py. Here a browser is there as well;
it is told to look up nothing, so every question is Howdah's, and where its pages send it the walkthrough checks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("air-gap")

_ROOT = Path(__file__).parents[2]
_APART = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@pytest.mark.skipif(sys.platform != "linux", reason="platform: namespaces are Linux's")
def test_the_walkthrough_works_without_network(tmp_path: Path) -> None:
    if subprocess.run([*_APART, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us make a network namespace")
    command = [*_APART, sys.executable, "-m", "tests.e2e.apart", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=_ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    found = json.loads(done.stdout.splitlines()[-1])
    assert "a-name-to-prove-it.example" in found["proof"]
    assert found["asked"] == []
    assert found["no_route"] == 0
