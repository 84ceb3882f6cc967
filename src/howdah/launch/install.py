"""Makes the private virtual environment beside launch.py and installs Howdah into it, when that is needed.

Standard library only. The environment carries a note of what it was made from: a start that finds the note up to date
installs nothing. The project is installed so that its source is used where it lies: a changed source needs no install,
changed requirements do. An environment whose making was interrupted is made anew; one that we did not make is never
touched. Launches at the same time take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from howdah.filesystems import NO_LOCKS
from howdah.launch import environment
from howdah.launch.processes import piped

VENV = ".venv"
_NOTE = "howdah-install.json"
_REQUIREMENTS = ("pyproject.toml", "constraints.txt")
_LISTED = (" + ", " - ", " ~ ")

Say = Callable[[str], None]


class InstallFailed(Exception):
    """The installation cannot be made; the message tells what to do about it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the installation of the project at `root` lies."""

    root: Path

    @property
    def venv(self) -> Path:
        """The virtual environment's folder."""
        return self.root / VENV

    @property
    def python(self) -> Path:
        """The virtual environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def templates(self) -> Path:
        """Where the database lies that each new data folder starts from."""
        return self.venv / "share" / "howdah"

    @property
    def note(self) -> Path:
        """The note of what the environment was made from."""
        return self.venv / _NOTE


@dataclass(frozen=True, slots=True)
class Note:
    """What an environment was made from; `requirements` is empty while it is being made."""

    root: str
    requirements: str = ""
    extras: tuple[str, ...] = ()


def requirements_digest(root: Path) -> str:
    """Changes when an installed environment would have to change; never when only the source did."""
    digest = hashlib.sha256()
    for name in _REQUIREMENTS:
        digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def read_note(place: Place) -> Note | None:
    """The environment's note; None if there is none that can be read."""
    try:
        found = json.loads(place.note.read_text(encoding="utf-8"))
        return Note(str(found["root"]), str(found["requirements"]), tuple(map(str, found["extras"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_note(place: Place, note: Note) -> None:
    """Replace the environment's note, whole or not at all."""
    scratch = place.note.with_suffix(".new")
    told = {"root": note.root, "requirements": note.requirements, "extras": list(note.extras)}
    scratch.write_text(json.dumps(told, indent=1), encoding="utf-8")
    os.replace(scratch, place.note)


Installer = Callable[[Place, tuple[str, ...], Mapping[str, str], Say], None]


@contextmanager
def turn(root: Path, say: Say) -> Iterator[None]:
    """Holds the right to install here; waits for another launch that has it, where the file system knows locks."""
    with open(root / f"{VENV}.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another launch is installing here; waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            say(f"{root} lies where files cannot be locked: start no other launch here until this one is ready")
        yield


def is_ready(place: Place, extras: tuple[str, ...]) -> bool:
    """Whether the environment is whole and made from the present requirements, with these extras at least."""
    note = read_note(place)
    return (
        note is not None
        and note.root == str(place.root)
        and note.requirements == requirements_digest(place.root)
        and set(extras) <= set(note.extras)
        and os.access(place.python, os.X_OK)
    )


def ensure(
    root: Path,
    extras: tuple[str, ...],
    environ: Mapping[str, str],
    say: Say,
    *,
    installer: Installer | None = None,
) -> Place:
    """The project's installation, made or renewed if need be; raises `InstallFailed`.

    `installer` brings the packages into the environment; from the network if not told.
    """
    place = Place(root)
    if is_ready(place, extras):
        return place
    with turn(root, say):
        if is_ready(place, extras):  # the launch that we waited for has done it
            return place
        note = read_note(place)
        if note is None and place.venv.exists() and any(place.venv.iterdir()):
            raise InstallFailed(
                f"{place.venv} was not made by launch.py. Move it away (or delete it) and run launch.py again."
            )
        whole = note is not None and note.requirements and note.root == str(root) and os.access(place.python, os.X_OK)
        if not whole:
            _make_venv(place, environ, say)
        extras = tuple(sorted({*extras, *(note.extras if note is not None and whole else ())}))
        write_note(place, Note(str(root)))
        (installer or _install)(place, extras, environ, say)
        write_note(place, Note(str(root), requirements_digest(root), extras))
    return place


def run(command: list[str], environ: Mapping[str, str], *, cwd: Path, quiet: bool = False) -> bool:
    """Whether `command` ran well. Unless `quiet`, the user sees its output, but for uv's list of all packages.

    It is printed by this Python's own means: an engine that runs us may show nothing else.
    """
    try:
        process = piped(command, environ, cwd=cwd)
    except OSError:
        return False
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if not quiet and not line.startswith(_LISTED):
                print(line, end="", flush=True)
    return process.returncode == 0


def _make_venv(place: Place, environ: Mapping[str, str], say: Say) -> None:
    say(f"Making a private Python {sys.version_info.major}.{sys.version_info.minor} environment in {place.venv}")
    if place.venv.exists():
        shutil.rmtree(place.venv)
    place.venv.mkdir(parents=True)
    write_note(place, Note(str(place.root)))  # from here on a leftover is known to be ours, and unfinished
    base = str(getattr(sys, "_base_executable", sys.executable))  # launch.py may itself be run by some venv's Python
    command = [base, "-I", "-m", "venv", "--without-pip", str(place.venv)]
    if not run(command, environ, cwd=place.root):
        raise InstallFailed(
            f"{base} cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"
        )


def find_uv(place: Place, environ: Mapping[str, str], say: Say) -> list[str] | None:
    """A command that runs uv: the user's own, or one fetched by pip into the environment; None if neither works."""
    for candidate in (shutil.which("uv", path=environ.get("PATH")), str(place.venv / "bin" / "uv")):
        if candidate and run([candidate, "--version"], environ, cwd=place.root, quiet=True):
            return [candidate]
    pip = find_pip(place, environ)
    say("Fetching uv, which installs faster than pip")
    constraints = str(place.root / "constraints.txt")
    if run([*pip, "install", "--quiet", "-c", constraints, "uv"], environ, cwd=place.root):
        return [str(place.venv / "bin" / "uv")]
    return None


def find_pip(place: Place, environ: Mapping[str, str]) -> list[str]:
    """A command that runs pip on the environment; raises `InstallFailed` if this machine has no pip at all."""
    own = [str(place.python), "-I", "-m", "pip"]
    if run([*own, "--version"], environ, cwd=place.root, quiet=True):
        return own
    if run([str(place.python), "-I", "-m", "ensurepip", "--default-pip"], environ, cwd=place.root, quiet=True):
        return own
    base = str(getattr(sys, "_base_executable", sys.executable))
    borrowed = [base, "-m", "pip", "--python", str(place.python)]  # Debian has pip without ensurepip, or the reverse
    if run([*borrowed, "--version"], environ, cwd=place.root, quiet=True):
        return borrowed
    raise InstallFailed(
        "This Python has neither pip nor uv. On Debian or Ubuntu: apt-get install python3-venv; elsewhere install uv."
    )


def _install(place: Place, extras: tuple[str, ...], environ: Mapping[str, str], say: Say) -> None:
    constraints = place.root / "constraints.txt"
    wanted = ["-c", str(constraints), "-e", f"{place.root}[{','.join(extras)}]"]
    uv = find_uv(place, environ, say)
    say("Installing Howdah and Label Studio (about 160 packages; a minute or less where the network is fast)")
    if uv is not None:
        sources = environment.for_uv(environ, environment.pip_config_files(environ, Path.home()))
        pinned = ["--build-constraints", str(constraints), *wanted]
        command = [*uv, "pip", "install", "--python", str(place.python), *pinned]
        if run(command, sources, cwd=place.root):
            return
        say("uv could not do it; trying pip")
    # What packages are built with: older pips take it from the one variable, newer ones from the other.
    pins = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), constraints.as_uri())
    if not run([*find_pip(place, environ), "install", "--no-compile", *wanted], {**environ, **pins}, cwd=place.root):
        raise InstallFailed("The packages could not be installed; the lines above tell why. Then run launch.py again.")
