from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_APART = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@pytest.mark.skipif(sys.platform != "linux", reason="platform: namespaces are Linux's")
def test_machine_without_network_labels_a_picture_and_looks_nothing_up(tmp_path: Path) -> None:
    if subprocess.run([*_APART, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us make a network namespace")
    script = Path(__file__).with_name("offline.py")
    done = subprocess.run(
        [*_APART, sys.executable, str(script), str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["proof"]
    assert found == {
        "proof": found["proof"],
        "asked": [],
        "no_route": 0,
        "pages": [200] * 4,
        "status": "completed",
        "tasks": 1,
        "shown": 200,
        "same": True,
    }
