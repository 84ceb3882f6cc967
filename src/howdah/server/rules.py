"""What may be read and written by URL, and how much.

Who may write to the store may let it fetch what it can reach, so what no file should come from is refused: addresses
at which clouds tell machines their secrets, and this machine's files but in folders that are named.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from howdah.errors import Denied, Invalid, Unavailable, Unsupported, WrongState

# Where clouds tell machines about themselves, apart from the link-local addresses.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # the last four bytes are an address of the older kind

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Rules:
    """What URLs may name: schemes, folders of this machine (with `file`), how many bytes, and how long it may take.

    Limits of 0 do not limit. `is_public_only` leaves out addresses that are not reachable from everywhere.
    """

    schemes: frozenset[str] = frozenset({"http", "https", "s3", "gs"})
    folders: tuple[Path, ...] = ()
    most: int = 0
    seconds: float = 0
    is_public_only: bool = False

    def without_size(self) -> Rules:
        """The same, for as many bytes as there are."""
        return replace(self, most=0)

    def scheme(self, url: str) -> str:
        """The URL's scheme; raises if it has none, or one that is not offered."""
        scheme, colon, _ = url.partition("://")
        scheme = scheme.lower()
        if not colon or not scheme.isalnum():
            raise Invalid(f'URL "{url}" invalid: it begins with no scheme, as https:// is one', kind="bad-url")
        if scheme == "file" and not self.folders:
            raise Denied(
                f'URL "{url}" is not allowed: files of the store\'s machine are read and written only below the folders'
                " that `howdah serve --url-folder` names",
                kind="url-denied",
            )
        if scheme != "file" and scheme not in self.schemes:
            offered = ", ".join([*sorted(self.schemes), *(["file"] if self.folders else [])])
            raise Unsupported(f'URL "{url}" cannot be read: only {offered} are offered by this server')
        return scheme

    def check_address(self, text: str, url: str) -> None:
        """Raise `Denied` if nothing may be fetched from this address."""
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        is_hidden = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
        if is_hidden or address in _METADATA:
            raise Denied(
                f'URL "{url}" is not allowed: nothing is fetched from the address {address}', kind="url-denied"
            )
        if self.is_public_only and not address.is_global:
            raise Denied(
                f'URL "{url}" is not allowed: {address} is no public address, and this server fetches from no others',
                kind="url-denied",
            )

    def local(self, url: str) -> Path:
        """The path that a file URL names, links followed; raises `Denied` outside the folders that are allowed."""
        named = url.partition("://")[2]
        host, slash, path = named.partition("/")
        if host not in {"", "localhost"} or "\0" in named:
            raise Invalid(f'URL "{url}" invalid: write file:///FOLDER/FILE', kind="bad-url")
        return self.inside(Path(slash + path), url)

    def inside(self, path: Path, url: str) -> Path:
        """The path with its links followed; raises `Denied` outside the folders that are allowed."""
        resolved = path.resolve()
        if not any(resolved.is_relative_to(folder.resolve()) for folder in self.folders):
            raise Denied(
                f'URL "{url}" is not allowed: {path} is in none of the folders that `howdah serve --url-folder` names',
                kind="url-denied",
            )
        return resolved


def _plain(address: Address) -> Address:
    """The address of the older kind that one of the newer kind stands for, or else itself."""
    if isinstance(address, ipaddress.IPv6Address):
        found = address.ipv4_mapped or address.sixtofour
        if found is None and address in _TRANSLATED:
            found = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return found or address
    return address


@dataclass(slots=True)
class Budget:
    """How much of its limits one URL has used, and whether anybody still waits for it."""

    rules: Rules
    url: str
    stop: threading.Event
    used: int = 0
    begun: float = field(default_factory=time.monotonic)

    def spend(self, size: int) -> None:
        """Count bytes that have come; raises as soon as that is too much, takes too long, or nobody waits any more."""
        self.used += size
        self.check(self.used)
        if self.stop.is_set():
            raise Unavailable(f'"{self.url}" was given up: who asked for it is gone', kind="cancelled")
        if self.rules.seconds and time.monotonic() - self.begun > self.rules.seconds:
            raise Unavailable(
                f'URL "{self.url}" took longer than {self.rules.seconds:.0f} s, which is this server\'s limit:'
                " fetch it in parts, or raise the limit with `howdah serve --url-seconds`",
                kind="url-too-slow",
            )

    def check(self, size: int) -> None:
        """Raise if the whole is larger than what is allowed."""
        if self.rules.most and size > self.rules.most:
            raise WrongState(
                f'URL "{self.url}" holds more than {self.rules.most} bytes, which is this server\'s limit: fetch less,'
                " or raise the limit with `howdah serve --url-bytes`",
                kind="url-too-large",
            )
