"""Finding a port to answer on."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

_TRIES = 1000
_MOST = 65535
_PATIENCE = 0.5


def url_host(host: str) -> str:
    """`host` as a browser on this machine would write it."""
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def is_free(host: str, port: int) -> bool:
    """Whether a server could answer on this address just now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # On some systems one may bind beside a server that answers on another form of the address.
        probe.settimeout(_PATIENCE)
        if probe.connect_ex((url_host(host).strip("[]"), port)) == 0:
            return False
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free(host: str) -> int:
    """A port that the system says is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def candidates(wanted: int) -> Iterable[int]:
    """The ports to try for `wanted`, in order."""
    return range(wanted, min(wanted + _TRIES, _MOST + 1))


def choose(ports: Iterable[int], free: Callable[[int], bool], otherwise: Callable[[], int]) -> int:
    """The first of `ports` that is free, else what `otherwise` finds."""
    return next((port for port in ports if free(port)), None) or otherwise()
