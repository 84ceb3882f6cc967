"""Labels divided for training and testing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import AlreadyExists, Invalid
from howdah.recipes.split import Shares, divide

TESTED, TESTED_TEXTS = [3, 7, 16], [0, 5, 14]
COMMITS = "0123456789ab40123456789abcdef012", "0123456789ab40123456789abcdef013"


def task(id: int, commit: str = COMMITS[0], **data: Any) -> dict[str, Any]:
    shown = {"image": f"pfs://default/images@{commit}:/{id}.png"}
    return {"id": id, "data": data or shown, "annotations": []}


def put(folder: Path, content: dict[str, Any]) -> Path:
    for path, value in content.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return folder


def files(folder: Path) -> list[str]:
    return sorted(os.path.relpath(Path(place, name), folder) for place, _, names in os.walk(folder) for name in names)


def test_tasks_go_to_two_folders_that_are_labels_each(tmp_path: Path) -> None:
    labels = put(tmp_path / "labels", {f"{id}.json": task(id) for id in range(100)})
    put(labels, {".howdah/labeling.xml": "<View/>", "below/1.png.json": task(1), "odd.json": "?"})

    done = divide(labels, tmp_path / "out", Shares(0.3))

    assert set(done.counts) == {"train", "test"}
    assert sum(done.counts.values()) == 101
    assert 20 <= done.counts["test"] <= 40
    assert done.notes[0].startswith("/odd.json is no task, left out: no JSON")
    found = files(tmp_path / "out")
    assert len(found) == 101 + 2
    assert {"train/.howdah/labeling.xml", "test/.howdah/labeling.xml"} <= {*found}
    for path in found:
        place = tmp_path / "out" / path
        assert place.readlink() == labels / path.split("/", 1)[1]
    part = next(path.split("/")[0] for path in found if path.endswith("/1.json"))
    assert f"{part}/below/1.png.json" in found  # it shows the same picture


def test_a_task_stays_where_it_is_when_its_file_is_edited_and_more_are_tested() -> None:
    few, more = Shares(0.1), Shares(0.1, 0.2)
    for id in range(200):
        assert few.part(task(id)) == few.part(task(id, COMMITS[1]))
        assert (few.part(task(id)) == "test") == (more.part(task(id)) == "test")


def test_another_seed_draws_others() -> None:
    parts = [[Shares(0.5, seed=seed).part(task(id)) for id in range(64)] for seed in ("", "two")]
    assert parts[0] != parts[1]


def test_the_parts_of_a_task_never_change() -> None:
    # What was tested in one version of this program is not to be trained on in the next.
    assert [id for id in range(20) if Shares().part(task(id)) == "test"] == TESTED
    assert [id for id in range(20) if Shares().part(task(id, text=f"Text {id}")) == "test"] == TESTED_TEXTS


@given(st.floats(0, 1), st.floats(0, 1), st.text())
def test_shares_are_kept(test: float, validation: float, text: str) -> None:
    if test + validation > 1:
        with pytest.raises(Invalid, match="from 0 to 1"):
            Shares(test, validation)
        return
    shares = Shares(test, validation)
    assert shares.part(task(1, text=text)) in shares.parts


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_that_are_none_are_refused(share: float) -> None:
    with pytest.raises(Invalid, match="from 0 to 1"):
        Shares(share)


def test_labels_of_several_projects_keep_their_folders(tmp_path: Path) -> None:
    labels = put(tmp_path / "labels", {f"{name}/.howdah/labeling.xml": "<View/>" for name in ("cats", "dogs")})
    put(labels, {"cats/1.json": task(1), "dogs/1.json": task(2)})

    divide(labels, tmp_path / "out", Shares(0))
    with pytest.raises(AlreadyExists, match="out is not empty: choose another one"):
        divide(labels, tmp_path / "out", Shares(0))
    assert files(tmp_path / "out") == [
        "train/cats/.howdah/labeling.xml", "train/cats/1.json", "train/dogs/.howdah/labeling.xml", "train/dogs/1.json",
    ]  # fmt: skip
