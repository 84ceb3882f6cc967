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


def error(told: str) -> Unavailable:
    """For what a fence has told that it was refused."""
    return Unavailable(f"code cannot be fenced in ({told}): {remedy()}", kind="fence")


def remedy(read: Callable[[str], str] | None = None, exists: Callable[[str], bool] | None = None) -> str:
    """What allows fences here, by what this system's settings say."""
    read, exists = read or _setting, exists or _exists
    if sys.platform != "linux":
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


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text("utf-8").strip()
    except OSError:
        return ""


def _exists(path: str) -> bool:
    return Path(path).exists()
