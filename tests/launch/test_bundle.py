"""A bundle that does not fit, or is damaged, is refused in one line. One that is used: tests/e2e/test_air_gap.py."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from howdah.launch import bundle, packing
from howdah.launch.bundle import Content, Manifest, Target
from howdah.launch.install import InstallFailed, Place, requirements_digest

ROOT = Path(__file__).resolve().parents[2]
HERE, LIBC = bundle.machine_of(Path(sys.executable))


def _archive(file: Path, files: dict[str, bytes], manifest: Manifest | None = None) -> Path:
    """A bundle of these files, whose manifest tells the truth unless another one is given."""
    told = {name: Content(sha256(data).hexdigest(), len(data)) for name, data in files.items()}
    manifest = manifest or Manifest("1.0", requirements_digest(ROOT), HERE, "", told)
    with tarfile.open(file, "w:") as archive:
        for name, data in {bundle.MANIFEST: manifest.to_json(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An environment of this project's requirements, without anything in it."""
    root = tmp_path / "project"
    root.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    place = Place(root)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place.venv)], check=True)
    return place


def _refused(file: Path, place: Place) -> str:
    with pytest.raises(InstallFailed) as refused:
        bundle.install(file, place, ("labelstudio",), {"PATH": "/usr/bin:/bin"}, lambda _text: None)
    assert "\n" not in str(refused.value)
    assert not list(place.venv.glob("bundle-*"))
    return str(refused.value)


MANIFEST = Manifest("1.0", requirements_digest(ROOT), HERE, "", {})


@pytest.mark.parametrize(
    ("manifest", "remedy"),
    [
        (replace(MANIFEST, target=Target("3.99", HERE.platform)), "run launch.py with python3.99"),
        (replace(MANIFEST, target=Target(HERE.python, "other-cpu")), f"bundle --python {HERE.python} --platform"),
        (replace(MANIFEST, requirements="other"), "use the source that lies in it: tar -xf"),
        (replace(MANIFEST, glibc="99.1"), "use a newer Linux, or a container"),
    ],
)
def test_bundle_for_something_else_is_refused_with_the_remedy(
    place: Place, tmp_path: Path, manifest: Manifest, remedy: str
) -> None:
    assert remedy in _refused(_archive(tmp_path / "b.tar", {}, manifest), place)


def test_missing_file_is_told(place: Place, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in _refused(tmp_path / "none.tar", place)


@pytest.mark.parametrize("damage", ["changed", "cut", "not a tar", "empty", "no manifest", "missing"])
def test_damaged_bundle_is_refused_and_nothing_of_it_is_used(place: Place, tmp_path: Path, damage: str) -> None:
    file = _archive(tmp_path / "b.tar", {"wheels/uv-1-py3-none-any.whl": b"\x07" * 50_000})
    whole = file.read_bytes()
    listed = replace(MANIFEST, files={"wheels/gone.whl": Content("0", 1)})
    if damage == "missing":
        _archive(file, {}, listed)
    else:
        spoiled = {
            "changed": whole.replace(b"\x07" * 9, b"\x08" + b"\x07" * 8, 1),
            "cut": whole[:20_000],
            "not a tar": b"<html>" * 1000,
            "empty": b"",
            "no manifest": whole[512:],
        }
        file.write_bytes(spoiled[damage])
    assert "is damaged or no bundle" in _refused(file, place)


@pytest.mark.parametrize("name", ["wheels/../../evil", "wheels/sub/evil", "wheels/", "wheels/.."])
def test_bundle_writes_nowhere_else(place: Place, tmp_path: Path, name: str) -> None:
    assert "is not a plain name" in _refused(_archive(tmp_path / "b.tar", {name: b"x"}), place)


def test_bundle_without_its_installer_is_refused(place: Place, tmp_path: Path) -> None:
    assert "uv is not in it" in _refused(_archive(tmp_path / "b.tar", {"wheels/a-1-py3-none-any.whl": b""}), place)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    file = _archive(tmp_path / "c.tar", {"wheels/uv-1-py3-none-any.whl": empty.getvalue()})
    assert "holds no program" in _refused(file, place)


def test_manifest_reads_as_written() -> None:
    manifest = replace(MANIFEST, glibc="2.28", files={"wheels/a.whl": Content("ab", 3)})
    assert bundle.read_manifest(manifest.to_json()) == manifest


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1}', b"\xff"])
def test_other_text_is_no_manifest(text: bytes) -> None:
    with pytest.raises(ValueError):
        bundle.read_manifest(text)


def test_oldest_glibc_that_all_wheels_run_with_is_found() -> None:
    names = ["a-1-py3-none-any.whl", "b-1-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"]
    assert packing._needed_glibc(names) == "2.17"
    assert packing._needed_glibc([*names, "c-1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"]) == "2.27"
    assert packing._needed_glibc(names[:1]) == ""


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-cp312-cp312-manylinux_2_17_aarch64.whl", True),
        ("a-1-cp312-cp312-linux_aarch64.whl", False),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp312-cp312-macosx_11_0_arm64.whl", False),
    ],
)
def test_wheel_of_another_machine_is_not_packed(name: str, *, there: bool) -> None:
    target = Target("3.12", "linux-aarch64")
    if there:
        packing._check_runs_there([Path(name)], target, Target("3.12", "linux-x86_64"))
    else:
        with pytest.raises(InstallFailed, match="There is no wheel of a for Python 3.12 on linux-aarch64"):
            packing._check_runs_there([Path(name)], target, Target("3.12", "linux-x86_64"))
