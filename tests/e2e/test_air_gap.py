"""A bundle is made for real; a machine without any network installs from it, and the walkthrough is done there.

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

from howdah.launch import environment, packing
from howdah.launch.install import Place

pytestmark = pytest.mark.xdist_group("air-gap")

_ROOT = Path(__file__).parents[2]
_APART = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@pytest.mark.skipif(sys.platform != "linux", reason="platform: namespaces are Linux's")
@pytest.mark.timeout(900)
def test_machine_without_network_installs_from_a_bundle_and_the_walkthrough_works(tmp_path: Path) -> None:
    if subprocess.run([*_APART, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us make a network namespace")
    order = packing.parse(["-o", str(tmp_path / "b.tar")])
    file = packing.pack(Place(Path(sys.prefix).parent), order, environment.clean(os.environ), print)
    subprocess.run(["tar", "-xf", str(file), "howdah"], check=True, cwd=tmp_path)
    command = [*_APART, sys.executable, "-m", "tests.e2e.apart", str(tmp_path), str(file)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=_ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    found = json.loads(done.stdout.splitlines()[-1])
    assert "a-name-to-prove-it.example" in found["proof"]
    assert found["asked"] == []
    assert found["no_route"] == 0
