"""What a server tells about itself."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from howdah.client.channel import Connection
from howdah.infos import ClusterInfo, Version
from howdah.wire import cluster
from howdah.wire.gen import admin_pb2


def version(conn: Connection) -> Version:
    """The version of the API that the server speaks."""
    return cluster.version_from_wire(conn.call(conn.version.GetVersion, Empty()))


def inspect(conn: Connection) -> ClusterInfo:
    """The server's own description."""
    return cluster.cluster_info_from_wire(conn.call(conn.admin.InspectCluster, admin_pb2.InspectClusterRequest()))
