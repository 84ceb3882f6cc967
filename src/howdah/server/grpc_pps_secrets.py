"""pps_v2.API: secrets."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from howdah.errors import Invalid
from howdah.pps import secrets
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2


class SecretCalls(Calls):
    """Answers for secrets; none tells a value."""

    async def CreateSecret(self, request: pps_pb2.CreateSecretRequest, _: Context) -> Empty:
        try:
            text = request.file.decode()
        except UnicodeDecodeError as error:
            raise Invalid("secret cannot be read: it is no UTF-8", kind="bad-secret") from error
        await self._step(lambda made: secrets.create(made.tx, text, now=made.now))
        return Empty()

    async def InspectSecret(self, request: pps_pb2.InspectSecretRequest, _: Context) -> pps_pb2.SecretInfo:
        name = need(request.secret.name or None, "secret")
        return wire.secret_info_to_wire(await self._look(lambda tx: secrets.inspect(tx, name)))

    async def ListSecret(self, _: Empty, __: Context) -> pps_pb2.SecretInfos:
        found = await self._look(secrets.list)
        return pps_pb2.SecretInfos(secret_info=map(wire.secret_info_to_wire, found))

    async def DeleteSecret(self, request: pps_pb2.DeleteSecretRequest, _: Context) -> Empty:
        name = need(request.secret.name or None, "secret")
        await self._step(lambda made: secrets.delete(made.tx, name))
        return Empty()
