"""Makes a bundle, on a machine with network, for a machine without: `python3 launch.py bundle`.

Standard library only; uv finds out which versions the other machine needs, pip fetches them. Packages that come as
source are built here, and taken only if what comes out runs everywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.launch import environment
from howdah.launch.bundle import MANIFEST, SOURCE, TEMPLATE, WHEELS, Content, Manifest, Target, machine_of
from howdah.launch.install import InstallFailed, Place, Say, find_pip, find_uv, requirements_digest, run

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
_GLIBC = ("2.5", "2.12", "2.17", "2.24", "2.26", "2.27", "2.28")
_OLD_NAMES = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
# For each platform: uv's name of it, and the wheels' tags, as pip takes them.
PLATFORMS = {
    "linux-x86_64": ("x86_64-manylinux_2_28", "x86_64"),
    "linux-aarch64": ("aarch64-manylinux_2_28", "aarch64"),
    "macos-arm64": ("aarch64-apple-darwin", "macosx_14_0_arm64"),
    "macos-x86_64": ("x86_64-apple-darwin", "macosx_14_0_x86_64"),
}
# What building the project's own package takes, and the program that installs.
_TOOLS = "uv\nhatchling\neditables\n"
_SOURCES = ("launch.py", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", "CHANGELOG.md", "src", "docs")


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for; None where it is to be as this machine is."""

    python: str | None
    platform: str | None
    output: Path | None


def parser() -> argparse.ArgumentParser:
    """The command line of `launch.py bundle`."""
    made = argparse.ArgumentParser(
        prog="launch.py bundle",
        description="Make one file from which `launch.py --bundle FILE` installs on a machine without network.",
    )
    made.add_argument("--python", choices=PYTHONS, help="Python version of that machine (default: as here)")
    made.add_argument("--platform", choices=PLATFORMS, help="platform of that machine (default: as here)")
    made.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to make (default: named for these)")
    return made


def parse(argv: list[str]) -> Order:
    """The order that `argv` tells; a mistake or `--help` ends the process, as command lines do."""
    found = parser().parse_args(argv)
    return Order(found.python, found.platform, found.output)


def pack(place: Place, order: Order, environ: Mapping[str, str], say: Say) -> Path:
    """Make the bundle that is ordered with the installation at `place` and give its path; raises `InstallFailed`.

    The file appears whole or not at all.
    """
    here, _ = machine_of(place.python)
    target = Target(order.python or here.python, order.platform or here.platform)
    if target.platform not in PLATFORMS:
        raise InstallFailed(f"Bundles are made for {', '.join(PLATFORMS)}: name one with --platform.")
    version = _version(place.root)
    file = (order.output or Path(f"howdah-{version}-py{target.python}-{target.platform}.tar")).expanduser().resolve()
    if not file.parent.is_dir():
        raise InstallFailed(f"{file.parent} is not a folder: make it first, or name another file with -o.")
    with tempfile.TemporaryDirectory(prefix=".howdah-bundle-", dir=file.parent) as scratch:
        wheels = _gather(place, target, Path(scratch), environ, say)
        _check_runs_there(wheels, target, here)
        glibc = _needed_glibc(wheel.name for wheel in wheels)
        files = {f"{WHEELS}{wheel.name}": wheel for wheel in wheels}
        files |= {f"{TEMPLATE}{path.name}": path for path in place.templates.glob("label-studio-*.sqlite3")}
        manifest = Manifest(version, requirements_digest(place.root), target, glibc, _contents(files))
        whole = Path(scratch, "whole.tar")
        _write(whole, manifest, files, place.root)
        os.replace(whole, file)
    say(f"{file} ({file.stat().st_size >> 20} MB, {len(wheels)} packages) is for {target}; its SHA-256 is")
    say(_digest(file))
    return file


def _version(root: Path) -> str:
    found = re.search(r'^version = "([^"]+)"', (root / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "0"


def _gather(place: Place, target: Target, scratch: Path, environ: Mapping[str, str], say: Say) -> list[Path]:
    """All wheels that an installation on `target` takes."""
    sources = environment.for_uv(environ, environment.pip_config_files(environ, Path.home()))
    uv = find_uv(place, environ, say)
    if uv is None:
        raise InstallFailed("Making a bundle takes uv, and it could not be fetched; the lines above tell why.")
    pins, tools, folder = scratch / "pins.txt", scratch / "tools.txt", scratch / "wheels"
    tools.write_text(_TOOLS)
    say(f"Finding out what Howdah needs with {target}")
    compiling = [
        *uv, "pip", "compile", "--quiet", "--python", str(place.python), "--python-version", target.python,
        "--python-platform", PLATFORMS[target.platform][0], str(place.root / "pyproject.toml"), str(tools),
        "--extra", "labelstudio", "-c", str(place.root / "constraints.txt"), "--no-header", "--no-annotate",
        "--no-emit-index-url", "--no-emit-find-links", "-o", str(pins),
    ]  # fmt: skip
    if not run(compiling, sources, cwd=scratch):
        raise InstallFailed("No set of versions was found; the lines above tell why.")
    say(f"Fetching {len(pins.read_text('utf-8').splitlines())} packages (about 300 MB)")
    fetching = ["download", "--quiet", "--no-deps", "-r", str(pins), "-d", str(folder), *_tags(target)]
    if not run([*find_pip(place, environ), *fetching], environ, cwd=scratch):
        raise InstallFailed("The packages could not be fetched; the lines above tell why.")
    for source in sorted(path for path in folder.iterdir() if path.suffix != ".whl"):
        building = ["build", "--quiet", "--wheel", "--build-constraints", str(place.root / "constraints.txt")]
        if not run([*uv, *building, "-o", str(folder), str(source)], sources, cwd=scratch):
            raise InstallFailed(f"{source.name} comes as source and could not be built; the lines above tell why.")
    return sorted(folder.glob("*.whl"))


def _tags(target: Target) -> list[str]:
    """Options that tell pip which wheels run on `target`."""
    machine = PLATFORMS[target.platform][1]
    tags = [machine]
    if target.platform.startswith("linux"):
        names = [*_OLD_NAMES, *(f"manylinux_{version.replace('.', '_')}" for version in _GLIBC), "linux"]
        tags = [f"{name}_{machine}" for name in names]
    told = [option for tag in tags for option in ("--platform", tag)]
    return ["--implementation", "cp", "--python-version", target.python, *told]


def _check_runs_there(wheels: Iterable[Path], target: Target, here: Target) -> None:
    """A wheel that was built here for this machine must not go to another kind."""
    system, machine = target.platform.split("-")
    marks = ("linux" if system == "linux" else "macosx", machine)
    for wheel in wheels:
        tag = wheel.stem.rpartition("-")[2]
        foreign = tag != "any" and not (marks[0] in tag and (marks[1] in tag or "universal2" in tag))
        if foreign or (tag.startswith("linux_") and target != here):
            raise InstallFailed(f"There is no wheel of {wheel.stem.partition('-')[0]} for {target}: make it there.")


def _needed_glibc(names: Iterable[str]) -> str:
    """The oldest glibc with which all these wheels run; empty if none of them minds."""
    needed = [min(versions, key=_number) for name in names if (versions := _glibc_versions(name))]
    return max(needed, key=_number, default="")


def _glibc_versions(name: str) -> list[str]:
    tags = Path(name).stem.rpartition("-")[2].split(".")
    new = [f"{found[1]}.{found[2]}" for tag in tags if (found := re.match(r"manylinux_(\d+)_(\d+)_", tag))]
    return new + [version for old, version in _OLD_NAMES.items() if any(tag.startswith(f"{old}_") for tag in tags)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _contents(files: Mapping[str, Path]) -> dict[str, Content]:
    return {name: Content(_digest(path), path.stat().st_size) for name, path in files.items()}


def _write(path: Path, manifest: Manifest, files: Mapping[str, Path], root: Path) -> None:
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as archive:
        text = manifest.to_json()
        head = tarfile.TarInfo(MANIFEST)
        head.size = len(text)
        archive.addfile(head, io.BytesIO(text))
        for name, file in sorted(files.items()):
            archive.add(file, name, recursive=False, filter=_plain)
        for name in _SOURCES:
            if (root / name).exists():
                archive.add(root / name, f"{SOURCE}{name}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without who owned it and when, so that the same content makes the same file."""
    if "__pycache__" in member.name or not (member.isfile() or member.isdir()):
        return None
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() or member.name.endswith("launch.py") else 0o644
    return member
