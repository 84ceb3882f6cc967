"""What `python3 launch.py` does before anything is installed: read the command line, install, go on inside.

Standard library only; everything imported from here must be so too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from howdah.launch import arguments, bundle, environment, packing
from howdah.launch.install import InstallFailed, Place, ensure
from howdah.settings import DATABASE

EXTRAS = ("labelstudio",)
TEST_EXTRAS = ("labelstudio", "test")


def say(text: str) -> None:
    """Tell the user."""
    print(f"* {text}", flush=True)


def _go_on(place: Place, module: str, argv: list[str], environ: dict[str, str]) -> int:
    """Become the installed program: same process id, so whoever started us keeps hold of it."""
    sys.stdout.flush()
    command = [str(place.python), "-I", "-X", "utf8", "-m", module, *argv]
    os.execve(command[0], command, environ)  # noqa: S606  (no shell is wanted)


def main(root: str, argv: list[str]) -> int:
    """Install if need be, then run Howdah, its tests for `test`, or make a bundle; returns if that is done or fails."""
    environ = environment.clean(os.environ)
    testing, packs = argv[:1] == ["test"], argv[:1] == ["bundle"]
    # A mistake or --help should not wait for an installation.
    order = packing.parse(argv[1:]) if packs else None
    file = None if testing or packs else arguments.parse(argv).bundle
    try:
        template = testing or packs or wants_template(argv, environ)
        place = installed(root, environ, TEST_EXTRAS if testing else EXTRAS, file, template=template)
        if order is not None:
            packing.pack(place, order, environ, say)
            return 0
    except (InstallFailed, OSError) as error:  # the latter for a full disk, or a folder that may not be written
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next launch goes on from here.", file=sys.stderr)
        return 130
    if testing:
        return _go_on(place, "howdah.launch.suite", [root, *argv[1:]], environ)
    return _go_on(place, "howdah.launch.main", *arguments.hidden(argv, environ))


def installed(
    root: str,
    environ: dict[str, str],
    extras: tuple[str, ...] = EXTRAS,
    file: Path | None = None,
    *,
    template: bool = True,
) -> Place:
    """The installation, made if need be, from the bundle `file` if there is one; raises `InstallFailed`.

    With the `template` of Label Studio's SQLite database, of which no start on another database has need.
    """
    installer = None if file is None else partial(bundle.install, file)
    place = ensure(Path(root), extras, environ, say, installer=installer)
    if template:
        _make_template(place, environ)
    return place


def wants_template(argv: list[str], environ: Mapping[str, str]) -> bool:
    """Whether Label Studio's database will be SQLite."""
    return not DATABASE.read(arguments.hidden(argv, environ)[1])


def _make_template(place: Place, environ: dict[str, str]) -> None:
    """Prepare the database that each new data folder starts from, if this installation has none yet."""
    if any(place.templates.glob("label-studio-*.sqlite3")):
        return
    say("Preparing Label Studio's database (once; half a minute)")
    command = [str(place.python), "-I", "-m", "howdah.labelstudio.prepare"]
    done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise InstallFailed(f"Label Studio's database could not be prepared:\n{done.stderr.strip()}")
