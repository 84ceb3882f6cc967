"""What a server tells about itself: version and cluster info to messages and back."""

from __future__ import annotations

from howdah.infos import ClusterInfo, Version
from howdah.wire.gen import admin_pb2, version_pb2


def version_to_wire(version: Version) -> version_pb2.Version:
    """The version's message."""
    return version_pb2.Version(
        major=version.major, minor=version.minor, micro=version.micro, additional=version.additional
    )


def version_from_wire(message: version_pb2.Version) -> Version:
    """The version."""
    return Version(message.major, message.minor, message.micro, message.additional)


def cluster_info_to_wire(info: ClusterInfo) -> admin_pb2.ClusterInfo:
    """The cluster info's message; the warnings are what is worth a warning, so `warnings_ok` is always set."""
    return admin_pb2.ClusterInfo(
        id=info.id,
        deployment_id=info.deployment_id,
        warnings_ok=True,
        warnings=info.warnings,
        metadata=dict(info.metadata),
    )


def cluster_info_from_wire(message: admin_pb2.ClusterInfo) -> ClusterInfo:
    """The cluster info."""
    return ClusterInfo(message.id, message.deployment_id, tuple(message.warnings), dict(message.metadata))
