"""What an edit makes of metadata, and that a call's edits happen all or none."""

from pathlib import Path

import pytest

from howdah.errors import Invalid, NotFound, WrongState
from howdah.names import Branch, Project
from howdah.pfs import metadata, projects, repos
from howdah.pfs.metadata import AddKey, DeleteKey, Edit, EditKey, Operation, Replace
from tests.pfs.stores import REPO, new_store


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        (Replace({"x": "1"}), {"x": "1"}),
        (Replace({}), {}),
        (AddKey("b", "2"), {"a": "1", "b": "2"}),
        (EditKey("a", "3"), {"a": "3"}),
        (EditKey("b", ""), {"a": "1", "b": ""}),
        (DeleteKey("a"), {}),
        (DeleteKey("b"), {"a": "1"}),
    ],
)
def test_operation_changes_metadata(operation: Operation, after: dict[str, str]) -> None:
    assert metadata.apply({"a": "1"}, operation) == after


def test_key_that_is_there_is_not_added_and_none_is_empty() -> None:
    with pytest.raises(WrongState, match='metadata of default: key "a" already exists'):
        metadata.apply({"a": "1"}, AddKey("a", "1"), Project())
    for operation in (AddKey("", "1"), EditKey("", "1"), DeleteKey(""), Replace({"": "1"})):
        with pytest.raises(Invalid, match="metadata of the cluster: a key must not be empty"):
            metadata.apply({}, operation)


def test_edits_happen_all_or_none(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        edits = [Edit(target, AddKey("a", "1")) for target in (Project(), REPO, None)]
        with pytest.raises(NotFound, match='branch "missing" not found'), store.database.write() as tx:
            metadata.edit(tx, [*edits, Edit(Branch(REPO, "missing"), AddKey("a", "1"))])
        with store.database.write() as tx:
            assert metadata.cluster(tx) == {}
            metadata.edit(tx, edits)
            assert metadata.cluster(tx) == {"a": "1"}
            assert repos.inspect(tx, REPO).metadata == projects.inspect(tx, Project()).metadata == {"a": "1"}
