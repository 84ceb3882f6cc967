"""The output of a job is copied to where its pipeline says, before the job is a success."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.client import channel
from howdah.infos import JobState
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer

COPY = "cp /pfs/in/* /pfs/out"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What files may be written to."""
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


@pytest.fixture
def mill(tmp_path: Path, folder: Path) -> Iterator[Mill]:
    options = ("--url-folder", str(folder))
    with (
        StoreServer(tmp_path / "data", *options, workers=2) as server,
        channel.connect(server.address) as conn,
    ):
        yield Mill(conn)


@pytest.mark.parametrize("way", ["URL", "object_storage"])
def test_files_go_to_the_folder_that_is_named(mill: Mill, folder: Path, way: str) -> None:
    url = f"file://{folder}/out"
    repo = mill.repo({"/a": b"1", "/b": b"22"})
    egress = {"URL": url} if way == "URL" else {"object_storage": {"url": url}}
    pipeline = mill.pipeline(pfs(repo, name="in"), COPY, egress=egress)

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS, told.reason
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()} == {"a": b"1", "b": b"22"}


def test_no_output_is_none_to_copy(mill: Mill, folder: Path) -> None:
    repo = mill.repo({"/a": b"1"})

    told = mill.wait(mill.pipeline(repo, "true", egress={"URL": f"file://{folder}/out"}))

    assert told.state is JobState.JOB_SUCCESS, told.reason


def test_a_place_that_nobody_allows_fails_the_job_by_its_name(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})

    told = mill.wait(mill.pipeline(pfs(repo, name="in"), COPY, egress={"URL": "file:///elsewhere"}))

    assert told.state is JobState.JOB_FAILURE
    assert told.reason.startswith("egress failed: ")
    assert "file:///elsewhere" in told.reason
