"""Installs from a bundle and opens the login page, in a network namespace of its own (see `test_bundle`).

Its arguments are a folder, in which the project's source lies as `howdah`, and the bundle. It prints the page's status
and the exit code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from howdah.testing.launched import Launched, get


def main(folder: Path, bundle: str) -> None:
    """Do it with nothing on the path but the system's programs, and a home folder that is empty."""
    python = str(Path(sys.executable).resolve())
    command = (python, str(folder / "howdah" / "launch.py"), "--bundle", bundle)
    with Launched(folder / "data", "--port", "0", environ={"PATH": "/usr/bin:/bin"}, command=command) as launched:
        print(get(f"{launched.url}/user/login/").status, flush=True)
        assert f"from {bundle}" in launched.printed
        assert "Preparing" not in launched.printed
        print(launched.stop())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
