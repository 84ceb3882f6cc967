"""versionpb_v2.API and admin_v2.API: what this server is."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from howdah import __version__
from howdah.server.methods import Context
from howdah.wire.gen import admin_pb2, version_pb2

# The version of Pachyderm whose interface this server speaks; its clients compare it with their own.
SPEAKS = (2, 12, 2)


class VersionCalls:
    """Answers which version of the interface is spoken."""

    async def GetVersion(self, _: Empty, __: Context) -> version_pb2.Version:
        major, minor, micro = SPEAKS
        return version_pb2.Version(major=major, minor=minor, micro=micro, platform=f"howdah {__version__}")


class AdminCalls:
    """Answers which server this is; both ids stay with the data folder."""

    def __init__(self, id: str, deployment_id: str) -> None:
        self._id = id
        self._deployment_id = deployment_id

    async def InspectCluster(self, _: admin_pb2.InspectClusterRequest, __: Context) -> admin_pb2.ClusterInfo:
        return admin_pb2.ClusterInfo(
            id=self._id,
            deployment_id=self._deployment_id,
            warnings_ok=True,
            web_resources=admin_pb2.WebResource(),
        )
