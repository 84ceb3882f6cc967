"""What to do where a kernel, a container or an administrator does not allow fences."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from howdah.errors import Unavailable

_SETTINGS = {
    "kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or a profile of AppArmor that allows `userns`",
    ),
    "user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=15000"),
}
_CONTAINERS = ("/.dockerenv", "/run/.containerenv")


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text("utf-8").strip()
    except OSError:
        return ""


def _exists(path: str) -> bool:
    return Path(path).exists()


class Refused(Unavailable):
    """Code cannot be fenced in here: what was refused, and what allows it."""

    def __init__(self, told: str, remedy: str) -> None:
        super().__init__(f"code cannot be fenced in ({told}): {remedy}", kind="fence")
        self.told = told
        self.remedy = remedy


def error(told: str) -> Refused:
    """For what a fence has told that it was refused."""
    return Refused(told, remedy())


def remedy(
    read: Callable[[str], str] = _setting, exists: Callable[[str], bool] = _exists, platform: str = sys.platform
) -> str:
    """What allows fences here, by what this system's settings say."""
    if platform != "linux":
        return "use Linux, or run code unfenced (--unfenced)"
    for name, (closed, command) in _SETTINGS.items():
        if read(name) == closed:
            return f"allow user namespaces: {command}"
    if any(map(exists, _CONTAINERS)):
        return (
            "start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"
            " (Podman: --security-opt unmask=ALL), or run code unfenced (--unfenced)"
        )
    return "allow user namespaces, or run code unfenced (--unfenced)"
