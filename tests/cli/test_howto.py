"""What the how-to shows works as shown."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from howdah.testing.servers import StoreServer
from tests.cli.conftest import HOWDAH, SECONDS

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "command-line.md"


def test_commands_of_the_howto_work_top_to_bottom(tmp_path: Path, home: Path) -> None:
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S))
    (tmp_path / "photos").mkdir()
    for place in ("liberty.png", "photos/a.png", "photos/b (1) ü.png"):
        (tmp_path / place).write_bytes(place.encode())
    with StoreServer(tmp_path / "data") as server:
        environ = {"PATH": f"{Path(HOWDAH).parent}:/usr/bin:/bin", "HOME": str(home), "HOWDAH_ADDRESS": server.address}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, b"howdah: repo default/nowhere not found\n")
    assert (tmp_path / "photos-again" / "b (1) ü.png").read_bytes() == "photos/b (1) ü.png".encode()
