"""`howdah export`, in process and as it is installed."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.conftest import HOWDAH, SECONDS, Howdah

pytestmark = pytest.mark.filterwarnings("default")  # what the converter warns of is not ours
CONFIG = """<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">
<Label value="Cat"/></RectangleLabels></View>"""
BOX = {
    "from_name": "box", "to_name": "image", "type": "rectanglelabels", "original_width": 10, "original_height": 20,
    "value": {"x": 0, "y": 0, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["Cat"]},
}  # fmt: skip


@pytest.fixture
def labels(howdah: Howdah, images: str) -> str:
    """A repo with one task, its configuration, and a file that is no task."""
    project = images.partition("/")[0]
    assert howdah("put", "file", f"{images}@master:/a b.png", stdin=b"no picture").code == 0
    commit = json.loads(howdah("inspect", "commit", f"{images}@master", "--raw").stdout)["commit"]["id"]
    task = {
        "id": 1,
        "data": {"image": f"pfs://{images}@{commit}:/a%20b.png"},
        "annotations": [{"id": 2, "result": [BOX], "completed_by": 1, "updated_at": "2026-05-01T10:00:00Z"}],
    }
    repo = f"{project}/labels"
    assert howdah("create", "repo", repo).code == 0
    content = {"/1.json": json.dumps(task), "/.howdah/labeling.xml": CONFIG, "/odd.json": "?"}
    for path, text in content.items():
        assert howdah("put", "file", f"{repo}@master:{path}", stdin=text.encode()).code == 0
    return repo


def test_labels_become_an_archive(either: Howdah, labels: str, tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    done = either("export", f"{labels}@master", "--format", "yolo", "--media", "-o", str(out))

    assert done.code == 0
    assert done.stdout.startswith(f"{out}: yolo of {labels}@")
    assert done.stdout.endswith(":/: 1 task, 1 annotation, 4 files\n")
    assert "howdah: /odd.json is no task, left out: no JSON" in done.stderr
    with ZipFile(out) as archive:
        assert archive.namelist() == ["classes.txt", "images/a b.png", "labels/a b.txt", "notes.json"]


def test_labels_become_a_folder_and_a_commit_alike(howdah: Howdah, labels: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exports = labels.replace("/labels", "/exports")
    assert howdah("create", "repo", exports).code == 0

    assert howdah("export", f"{labels}@master", "--format", "coco", "-o", str(out)).code == 0
    done = howdah("export", f"{labels}@master", "--format", "coco", "--to", f"{exports}@master:/set")

    assert done.stdout.startswith(f"{exports}@master:/set: coco of {labels}@")
    assert howdah("get", "file", f"{exports}@master:/set/result.json").bytes == (out / "result.json").read_bytes()
    assert f"coco of {labels}@" in howdah("inspect", "commit", f"{exports}@master").stdout


def test_a_configuration_may_come_from_a_file(howdah: Howdah, labels: str, tmp_path: Path) -> None:
    (tmp_path / "choices.xml").write_text(CONFIG.replace("Cat", "Other"))
    told = ("export", f"{labels}@master", "--format", "yolo", "-o", str(tmp_path / "out"))

    assert howdah(*told, "--config", str(tmp_path / "none.xml")).code == 7
    assert howdah(*told, "--config", str(tmp_path / "choices.xml")).code == 0
    assert (tmp_path / "out" / "classes.txt").read_text() == "Other\nCat\n"


def test_wrong_ways_are_refused_with_the_remedy(howdah: Howdah, labels: str, tmp_path: Path) -> None:
    told = ("export", f"{labels}@master", "--format")
    nowhere = howdah(*told, "coco")
    both = howdah(*told, "coco", "-o", "x", "--to", "y@master")
    same = howdah(*told, "coco", "--to", labels)
    odd = howdah(*told, "conll", "-o", str(tmp_path / "x"))
    missing = howdah("export", f"{labels}@nothing", "--format", "coco", "-o", str(tmp_path / "x"))

    assert [result.code for result in (nowhere, both, same, odd, missing)] == [2, 2, 2, 2, 3]
    assert "either -o PATH or --to" in nowhere.stderr
    assert "write the export to a repo of its own" in same.stderr
    assert "choose one of coco, csv, json" in odd.stderr
    assert not (tmp_path / "x").exists()


def test_help_does_not_load_the_converter() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from howdah.cli.main import main;"
        "assert CliRunner().invoke(main, ['export', '--help']).exit_code == 0;"
        "print([name for name in sys.modules if name in ('label_studio_sdk', 'lxml', 'numpy', 'tqdm')])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


def test_progress_is_shown_on_a_terminal(howdah: Howdah, labels: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    command = [HOWDAH, "export", f"{labels}@master", "--format", "json", "-o", str(tmp_path / "out")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=SECONDS, check=False)
    os.close(theirs)
    shown = os.read(ours, 100_000)
    os.close(ours)

    assert done.returncode == 0
    assert b"reading" in shown
    assert b"writing" in shown
