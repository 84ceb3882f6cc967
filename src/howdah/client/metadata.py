"""Verbs on metadata. Each takes what carries it; None is the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from howdah.client.channel import Connection
from howdah.wire.gen import metadata_pb2
from howdah.wire.metadata import Target, target_to_wire

Edit: TypeAlias = metadata_pb2.Edit


def replace(target: Target, metadata: Mapping[str, str]) -> Edit:
    """The edit that puts this in the place of all metadata."""
    edit = target_to_wire(target)
    edit.replace.SetInParent()
    edit.replace.replacement.update(metadata)
    return edit


def add(target: Target, key: str, value: str) -> Edit:
    """The edit that adds a key that is not there."""
    edit = target_to_wire(target)
    edit.add_key.key, edit.add_key.value = key, value
    return edit


def change(target: Target, key: str, value: str) -> Edit:
    """The edit that gives a key this value, whether it is there or not."""
    edit = target_to_wire(target)
    edit.edit_key.key, edit.edit_key.value = key, value
    return edit


def delete(target: Target, key: str) -> Edit:
    """The edit that takes a key away."""
    edit = target_to_wire(target)
    edit.delete_key.key = key
    return edit


def edit(conn: Connection, *edits: Edit) -> None:
    """Make all the edits, or none if one of them cannot be made."""
    conn.call(conn.metadata.EditMetadata, metadata_pb2.EditMetadataRequest(edits=edits))
