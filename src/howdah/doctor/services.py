"""What runs, or could: the ports, the instance on the data folder and the proxy before it, the store, the host."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from howdah.client import channel, cluster
from howdah.doctor import proxy
from howdah.doctor.finding import Finding, State, failure, good, warning
from howdah.errors import HowdahError
from howdah.settings import DEFAULT_HOST, DEFAULT_STORE_PORT, DEFAULT_WEB_PORT

_KNOWN = ("1.20.0", "1.21.0", "1.22.0", "1.23.1", "1.23.2")  # see tests/compat/test_hosts.py
_LIMIT = 5.0


def examine(data: Path, address: str) -> Iterator[Finding]:
    """Every check of what runs, in order; `address` is the store that the command line would use."""
    record = _record(data)
    found = instance(record, data)
    yield found
    if (public := record.get("public_url")) and found.state is State.GOOD:
        yield from proxy.examine(data, str(public), str(record["url"]))
    for name, port in (("web", DEFAULT_WEB_PORT), ("store", DEFAULT_STORE_PORT)):
        yield port_of(name, port, is_ours=f":{port}" in f"{record.get('url')} {record.get('store')}")
    yield store(str(record.get("store") or address))
    yield host()


def instance(record: dict[str, object], data: Path) -> Finding:
    """Whether the recorded instance answers."""
    if not record:
        return good("instance", f"none runs on {data}")
    url = str(record.get("url", ""))
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=_LIMIT) as answer:  # noqa: S310 -- our own record's URL
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except (OSError, ValueError) as error:
        remedy = f"start it again: python3 launch.py --data {data}; if that does not help, see {data}/logs"
        return failure("instance", f"{url} does not answer ({getattr(error, 'reason', error)})", remedy)
    if status >= 500:
        return failure("instance", f"{url} answers {status}", f"see {data}/logs/label-studio.log")
    return good("instance", f"{url} answers")


def port_of(name: str, port: int, *, is_ours: bool) -> Finding:
    """Whether the default port is free."""
    check = f"{name} port"
    if is_ours:
        return good(check, f"{port} is this instance's")
    with contextlib.closing(socket.socket()) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((DEFAULT_HOST, port))
        except OSError as error:
            return warning(check, f"{port} cannot be had ({error.strerror})", "nothing: the next free one is taken")
    return good(check, f"{port} is free")


def store(address: str) -> Finding:
    """Whether the store answers."""
    try:
        with channel.connect(address, timeout=_LIMIT) as connection:
            version = cluster.version(connection)
    except HowdahError as error:
        return warning("store", error.message, "start it: python3 launch.py, or howdah serve")
    return good("store", f"{address} speaks version {version}")


def host() -> Finding:
    """Whether Label Studio is installed, in a version that was tested."""
    try:
        version = metadata.version("label-studio")
    except metadata.PackageNotFoundError:
        return warning("label studio", "is not installed", "install it: python3 launch.py")
    if version not in _KNOWN:
        return warning("label studio", f"{version} is not among the tested ones", f"install {_KNOWN[-1]}")
    return good("label studio", f"{version}, a tested one")


def _record(data: Path) -> dict[str, object]:
    try:
        found = json.loads((data / "instance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
