"""What the how-to of pipelines shows works as shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from howdah.testing.servers import StoreServer
from tests.cli.conftest import HOWDAH

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "pipelines.md"


def test_commands_of_the_howto_work_top_to_bottom(tmp_path: Path, home: Path) -> None:
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S))
    with StoreServer(tmp_path / "data", workers=2) as server:
        environ = {
            "PATH": f"{Path(HOWDAH).parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(home),
            "HOWDAH_ADDRESS": server.address,
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert [
        line for line in done.stderr.splitlines() if "is over without success, killed: job stopped" not in line
    ] == []
    assert (tmp_path / "pipelines.svg").read_text().count("<rect ") == 5
    assert "images:/1.png" in done.stdout
