"""The reference page names every field, check and status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from howdah.labelstudio import checks, host
from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "storage.md").read_text()
INHERITED = {"id", "created_at", "synchronizable", "can_delete_objects", "last_sync_job"}


@pytest.mark.parametrize("model", [PachydermImportStorage, PachydermExportStorage])
def test_every_field_is_told(model: type[PachydermImportStorage]) -> None:
    names = {field.name for field in model._meta.fields} - INHERITED
    assert {name for name in names if f"`{name}" not in PAGE and f"{name}." not in PAGE} == set()


def test_every_check_is_told() -> None:
    source = Path(checks.__file__).read_text() + Path(host.__file__).read_text()
    numbers = {f"howdah.E{int(number):03}" for number in re.findall(r"(?:_error\(|^ +(?:\*\()?\()(\d+),", source, re.M)}
    ids = numbers | set(re.findall(r"howdah\.[EW]\d{3}", source))
    assert {"howdah.E001", "howdah.E011", "howdah.W002"} < ids
    assert ids == set(re.findall(r"howdah\.[EW]\d{3}", PAGE))


def test_every_status_is_told() -> None:
    assert {status for status in PachydermImportStorage.Status.values if f"`{status}`" not in PAGE} == set()
