"""Files read one after the other, from one stream or each by itself."""

from __future__ import annotations

import pytest

from howdah.client import files
from howdah.infos import FileInfo, FileType
from howdah.labelstudio import contents
from howdah.labelstudio.contents import Contents
from howdah.names import Commit, File, parse_repo
from tests.labelstudio.conftest import Shelf

FILES = {f"{name}.json": f"content of {name}".encode() for name in ("a", "b/c", "b/d", "e", "f", "g")}


def listed(shelf: Shelf, commit: Commit) -> list[FileInfo]:
    return [info for info in files.walk(shelf.conn, File(commit, "/")) if info.type is FileType.FILE]


@pytest.mark.parametrize("folder", [None, "/", "/b", "/nowhere", "/**.json"])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, 2), slice(None, None, -1)])
@pytest.mark.parametrize("limit", [16 << 20, 20])
def test_every_way_of_reading_reads_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, folder: str | None, order: slice, limit: int
) -> None:
    monkeypatch.setattr(contents, "_PASSED", limit)
    repo = shelf.repo(**FILES)
    commit = Commit(parse_repo(repo), "master")
    chosen = listed(shelf, commit)[order]

    reader = Contents(shelf.conn, commit, folder)
    read = {info.file.path[1:]: reader.read(info) for info in chosen}
    reader.close()

    assert read == {info.file.path[1:]: FILES[info.file.path[1:]] for info in chosen}
