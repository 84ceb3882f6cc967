"""versionpb_v2.API, admin_v2.API and enterprise_v2.API: what this server is."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from howdah import __version__
from howdah.pfs import metadata
from howdah.server import folder
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.wire.gen import admin_pb2, enterprise_pb2, version_pb2

# The version of Pachyderm whose interface this server speaks; its clients compare it with their own.
SPEAKS = (2, 12, 2)


class VersionCalls:
    """Answers which version of the interface is spoken."""

    async def GetVersion(self, _: Empty, __: Context) -> version_pb2.Version:
        major, minor, micro = SPEAKS
        return version_pb2.Version(major=major, minor=minor, micro=micro, platform=f"howdah {__version__}")


class AdminCalls(Calls):
    """Answers which server this is; both ids stay with the data folder."""

    async def InspectCluster(self, _: admin_pb2.InspectClusterRequest, __: Context) -> admin_pb2.ClusterInfo:
        (id, deployment_id), words = await self._look(lambda tx: (folder.ids(tx), metadata.cluster(tx)))
        return admin_pb2.ClusterInfo(
            id=id,
            deployment_id=deployment_id,
            warnings_ok=True,
            metadata=words,
            web_resources=admin_pb2.WebResource(),
        )


class EnterpriseCalls:
    """Answers clients that ask for a license first: nothing here is kept back for want of one."""

    async def GetState(self, _: enterprise_pb2.GetStateRequest, __: Context) -> enterprise_pb2.GetStateResponse:
        return enterprise_pb2.GetStateResponse(state=enterprise_pb2.ACTIVE)

    async def GetActivationCode(
        self, _: enterprise_pb2.GetActivationCodeRequest, __: Context
    ) -> enterprise_pb2.GetActivationCodeResponse:
        return enterprise_pb2.GetActivationCodeResponse(state=enterprise_pb2.ACTIVE)

    async def PauseStatus(
        self, _: enterprise_pb2.PauseStatusRequest, __: Context
    ) -> enterprise_pb2.PauseStatusResponse:
        return enterprise_pb2.PauseStatusResponse(status=enterprise_pb2.PauseStatusResponse.UNPAUSED)
