"""Howdah started by a script that some engine runs, as Cloudera AI and notebooks do.

The engine's process is not ours: it is not replaced, not ended, and its Python stays as it is. Howdah runs as a process
of its own, for as long as the script does: an interrupt of the script stops it, and so does the engine's end.

Standard library only, and the platform's own client where there is one.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from howdah.launch import arguments, cloudera, entry, environment
from howdah.launch.install import InstallFailed, Place
from howdah.launch.processes import piped
from howdah.settings import PUBLIC_URL

_GRACE = 60.0


def run(root: str, argv: list[str]) -> None:
    """As `start`, for engines, to whom `sys.exit` means something else: a failure is an exception."""
    code = start(root, argv)
    if code:
        raise RuntimeError(f"Howdah ended with exit code {code}; the lines above tell why")


def start(root: str, argv: list[str]) -> int:
    """Install if need be, then run Howdah until it ends or this is interrupted; the exit code."""
    options = [*_platform(Path(root), os.environ), *argv]
    file = arguments.parse(options).bundle  # a mistake or --help should not wait for an installation
    environ = environment.clean(os.environ)
    if cloudera.is_here(environ):
        url = options[options.index("--public-url") + 1] if "--public-url" in options else ""
        environ |= cloudera.settings(environ, url)
    try:
        place = entry.installed(root, environ, file=file)
    except (InstallFailed, OSError) as error:
        print(f"error: {error}", flush=True)
        return 1
    options, environ = arguments.hidden(options, environ)
    command = [str(place.python), "-I", "-X", "utf8", "-m"]
    return _watch(
        [*command, "howdah.launch.guard", str(os.getpid()), *command, "howdah.launch.main", *options], environ
    )


def install(root: str) -> Place:
    """The installation, made if need be; a failure is an exception, as for `run`."""
    try:
        return entry.installed(root, environment.clean(os.environ))
    except InstallFailed as error:
        raise RuntimeError(str(error)) from None


def _platform(root: Path, environ: Mapping[str, str]) -> list[str]:
    """The options that follow from where we are."""
    if not cloudera.is_here(environ):
        return ["--no-browser"]
    url = cloudera.told_url(environ) or _application_url(environ) or cloudera.session_url(environ)
    if not url:
        entry.say(f"The public URL is not known; set {PUBLIC_URL.name} if sign-in is refused")
    return cloudera.arguments(environ, root, url)


def _application_url(environ: Mapping[str, str]) -> str:
    """The URL of our application by the platform's interface; empty if it does not tell."""
    project = environ.get(cloudera.PROJECT)
    if not project:
        return ""
    try:
        client = importlib.import_module("cmlapi").default_client()
        found = client.list_applications(project, page_size=100).applications
    except Exception as error:  # a foreign client's: whatever it raises, there is another way
        entry.say(f"The platform does not tell this application's URL ({type(error).__name__}: {error})")
        return ""
    return cloudera.application_url(environ, found)


def _watch(command: list[str], environ: Mapping[str, str]) -> int:
    """Run the command in a session of its own and pass on what it prints, by the engine's own means of printing."""
    process = piped(command, environ, start_new_session=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
        except KeyboardInterrupt:
            process.terminate()
        try:
            return process.wait(_GRACE)
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            process.kill()
            return process.wait()
