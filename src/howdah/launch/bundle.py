"""A bundle: one archive that holds all that an installation needs, for machines without network.

Standard library only. A bundle is an uncompressed tar (wheels are compressed already):

* `manifest.json`, first: for which Python and platform it is, which requirements it satisfies, and every file's digest;
* `wheels/`: every package at its pinned version, uv and the build tools among them;
* `template/`: Label Studio's empty database, which takes half a minute to make;
* `howdah/`: the project's source, so that one file is all that has to be carried.

Nothing of a bundle is used before its digest is found right. How one is made: `howdah.launch.packing`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from howdah.launch.install import InstallFailed, Place, Say, requirements_digest, run

MANIFEST = "manifest.json"
WHEELS = "wheels/"
TEMPLATE = "template/"
SOURCE = "howdah/"
_FORMAT = 1
_BLOCK = 1 << 20
_GLIBC = "glibc"
_ASK = (
    "import platform, sys; print('%d.%d' % sys.version_info[:2],"
    " sys.platform.replace('darwin', 'macos') + '-' + platform.machine(), '-'.join(platform.libc_ver()))"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a bundle is for: a Python such as 3.12 and a platform such as linux-x86_64."""

    python: str
    platform: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}"


@dataclass(frozen=True, slots=True)
class Content:
    """One file of a bundle."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle tells of itself; `glibc` is the oldest that its wheels run with, empty where there is none."""

    howdah: str
    requirements: str
    target: Target
    glibc: str
    files: Mapping[str, Content]

    def to_json(self) -> bytes:
        """As it lies in the bundle."""
        told = {
            "format": _FORMAT,
            "howdah": self.howdah,
            "requirements": self.requirements,
            "python": self.target.python,
            "platform": self.target.platform,
            "glibc": self.glibc,
            "files": {name: {"sha256": file.sha256, "size": file.size} for name, file in sorted(self.files.items())},
        }
        return json.dumps(told, indent=1).encode() + b"\n"


def read_manifest(text: bytes) -> Manifest:
    """The reverse of `to_json`; raises `ValueError` for anything else."""
    try:
        told: dict[str, Any] = json.loads(text)
        if told["format"] != _FORMAT:
            raise ValueError(f"format {told['format']}, and only {_FORMAT} is known")
        return Manifest(
            str(told["howdah"]),
            str(told["requirements"]),
            Target(str(told["python"]), str(told["platform"])),
            str(told["glibc"]),
            {str(name): Content(str(file["sha256"]), int(file["size"])) for name, file in told["files"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{MANIFEST}: {error!r}") from error


def machine_of(python: Path) -> tuple[Target, str]:
    """What this interpreter runs on, and its C library with version, as `glibc-2.36`; `-` if that is unknown."""
    asked = subprocess.run([str(python), "-I", "-c", _ASK], check=True, capture_output=True, text=True)  # noqa: S603
    version, platform, libc = asked.stdout.split()
    return Target(version, platform), libc


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def check_fit(file: Path, manifest: Manifest, root: Path, machine: tuple[Target, str]) -> None:
    """Raise `InstallFailed` with the remedy unless the bundle is for this machine and these requirements."""
    target, libc = machine
    another = f"make another where there is network: python3 launch.py bundle --python {target.python}"
    if manifest.target.platform != target.platform:
        raise InstallFailed(
            f"{file} is for {manifest.target}, and this is {target}: {another} --platform {target.platform}"
        )
    if manifest.target.python != target.python:
        other = f"run launch.py with python{manifest.target.python}"
        raise InstallFailed(f"{file} is for {manifest.target}, and this is {target}: {other}, or {another}")
    if manifest.requirements != requirements_digest(root):
        raise InstallFailed(
            f"{file} is for Howdah {manifest.howdah} with other requirements than {root} has: use the source that lies "
            f"in it: tar -xf {file} howdah && cd howdah"
        )
    name, _, version = libc.partition("-")
    if manifest.glibc and (name != _GLIBC or _numbers(version) < _numbers(manifest.glibc)):
        raise InstallFailed(
            f"{file} needs a Linux with glibc {manifest.glibc} or newer, and this has {libc.strip('-') or 'none'}: "
            "use a newer Linux, or a container"
        )


def _copy(name: str, source: IO[bytes], expected: Content, destination: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with destination.open("wb") as out:
        while block := source.read(_BLOCK):
            digest.update(block)
            size += len(block)
            out.write(block)
    if (digest.hexdigest(), size) != (expected.sha256, expected.size):
        raise ValueError(f"{name} is not what it was")


def unpack(archive: tarfile.TarFile, manifest: Manifest, prefix: str, folder: Path) -> list[Path]:
    """Copy the files below `prefix` into `folder` and give them; raises `ValueError` at the first that is wrong.

    Names are taken from the manifest and must be plain: a bundle writes nowhere else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, expected in manifest.files.items():
        if not name.startswith(prefix):
            continue
        base = name[len(prefix) :]
        if base != os.path.basename(base) or base in {"", ".", ".."}:
            raise ValueError(f"{name} is not a plain name")
        source = archive.extractfile(name)
        if source is None:
            raise ValueError(f"{name} is not a file")
        _copy(name, source, expected, folder / base)
        found.append(folder / base)
    return found


def _manifest_of(archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    source = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
    if source is None:
        raise ValueError(f"it does not begin with {MANIFEST}")
    return read_manifest(source.read())


def _open(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, "r:")
    except OSError as error:
        raise InstallFailed(f"{file} cannot be read: {error.strerror}. Give the path of a bundle.") from error


def install(file: Path, place: Place, extras: tuple[str, ...], environ: Mapping[str, str], say: Say) -> None:
    """Install from the bundle alone into the environment at `place`; raises `InstallFailed` with the remedy."""
    try:
        with (
            _open(file) as archive,
            tempfile.TemporaryDirectory(prefix="bundle-", dir=place.venv) as scratch,
        ):
            manifest = _manifest_of(archive)
            check_fit(file, manifest, place.root, machine_of(place.python))
            say(f"Installing Howdah {manifest.howdah} and Label Studio from {file}")
            wheels = unpack(archive, manifest, WHEELS, Path(scratch, "wheels"))
            _install_wheels(place, extras, (wheels, Path(scratch)), environ)
            unpack(archive, manifest, TEMPLATE, place.templates)
    except (ValueError, KeyError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise InstallFailed(
            f"{file} is damaged or no bundle ({error}): copy it again, and compare sha256sum with the first machine's"
        ) from error


def _install_wheels(
    place: Place, extras: tuple[str, ...], at: tuple[list[Path], Path], environ: Mapping[str, str]
) -> None:
    wheels, scratch = at
    # Settings of uv's could aim it at an index, and its cache could lie on another file system and cost a copy.
    own = {name: value for name, value in environ.items() if not name.startswith("UV_")}
    constraints = str(place.root / "constraints.txt")
    options = ["--no-config", "--offline", "--no-index", "--find-links", str(scratch / "wheels")]
    command = [
        str(_unpack_uv(wheels, scratch)), "pip", "install", "--python", str(place.python), "--quiet",
        *options, "--cache-dir", str(scratch / "cache"),
        "-c", constraints, "--build-constraints", constraints, "-e", f"{place.root}[{','.join(extras)}]",
    ]  # fmt: skip
    if not run(command, own, cwd=place.root):
        raise InstallFailed("The packages of the bundle could not be installed; the lines above tell why.")


def _unpack_uv(wheels: list[Path], scratch: Path) -> Path:
    """The uv that the bundle carries; so the machine needs neither pip nor uv."""
    wheel = next((wheel for wheel in wheels if wheel.name.startswith("uv-")), None)
    if wheel is None:
        raise ValueError("uv is not in it")
    with zipfile.ZipFile(wheel) as content:
        names = [name for name in content.namelist() if name.endswith(".data/scripts/uv")]
        if not names:
            raise ValueError(f"{wheel.name} holds no program")
        program = scratch / "uv"
        program.write_bytes(content.read(names[0]))
    program.chmod(0o700)
    return program
