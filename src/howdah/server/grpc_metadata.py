"""metadata.API: edits of what people attach to nouns."""

from __future__ import annotations

from howdah.errors import Invalid
from howdah.pfs import metadata
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.wire.gen import metadata_pb2
from howdah.wire.metadata import target_from_wire


class MetadataCalls(Calls):
    """Answers for metadata; a call's edits are made all or none."""

    async def EditMetadata(
        self, request: metadata_pb2.EditMetadataRequest, _: Context
    ) -> metadata_pb2.EditMetadataResponse:
        edits = [metadata.Edit(target_from_wire(each), _operation(each)) for each in request.edits]
        await self._step(lambda made: metadata.edit(made.tx, edits))
        return metadata_pb2.EditMetadataResponse()


def _operation(message: metadata_pb2.Edit) -> metadata.Operation:
    kind = message.WhichOneof("op")
    if kind == "replace":
        return metadata.Replace(dict(message.replace.replacement))
    if kind == "add_key":
        return metadata.AddKey(message.add_key.key, message.add_key.value)
    if kind == "edit_key":
        return metadata.EditKey(message.edit_key.key, message.edit_key.value)
    if kind == "delete_key":
        return metadata.DeleteKey(message.delete_key.key)
    raise Invalid("edit says nothing to do: replace, or add, edit or delete a key", kind="bad-message")
