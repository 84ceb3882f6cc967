"""Where a database on a PostgreSQL server is: URLs as libpq reads them, and the settings that name one.

No text that comes from here holds a password, but for `Address.url`. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from howdah.errors import Invalid, Unavailable
from howdah.settings import DATABASE, DATABASE_PASSWORD_FILE

_EXPECTED = "expected postgresql://USER:PASSWORD@HOST:PORT/NAME, with other characters in it percent-encoded"
_PLACE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]*))(?::(?P<port>\d*))?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAMED = {"user": "user", "password": "password", "host": "host", "port": "port", "dbname": "name"}


@dataclass(frozen=True, slots=True)
class Address:
    """A database on a server. What is empty is found as PostgreSQL's own programs find it, a password file included."""

    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""
    name: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """The address for people: without the password and the options."""
        return self._url(quote(self.user))

    @property
    def url(self) -> str:
        """The whole address, secrets included."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        text = self._url(quote(self.user, safe="") + secret)
        told = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in self.options.items())
        return f"{text}{'&' if '?' in text else '?'}{told}" if told else text

    def _url(self, user: str) -> str:
        apart = "/" in self.host or "," in self.host  # a folder of a Unix socket, or several hosts
        host = "" if apart else f"[{self.host}]" if ":" in self.host else self.host
        place = f"{user}@{host}" if user else host
        port = f":{self.port}" if self.port and not apart else ""
        more = f"?host={quote(self.host)}" + (f"&port={self.port}" if self.port else "") if apart else ""
        return f"postgresql://{place}{port}/{quote(self.name)}{more}"

    def parameters(self) -> dict[str, str]:
        """As the driver wants it."""
        told = {"user": self.user, "password": self.password, "host": self.host, "port": self.port, "dbname": self.name}
        return {name: value for name, value in told.items() if value} | dict(self.options)


def parse(text: str) -> Address:
    """The address that a URL names, as libpq reads it; `Invalid` for anything else. It never repeats the URL."""
    scheme, mark, rest = text.strip().partition("://")
    if not mark or scheme not in {"postgresql", "postgres"}:
        raise invalid("it does not begin with postgresql://")
    if any(sign.isspace() or not sign.isprintable() for sign in rest):
        raise invalid("there is a space in it")
    try:
        parts = urlsplit(f"//{rest}")
    except ValueError:
        raise invalid("the host is none") from None
    if parts.fragment or text.count("#"):
        raise invalid("there is a # in it")
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    place = _PLACE.fullmatch(parts.netloc.rpartition("@")[2])
    if place is None or "/" in parts.path.lstrip("/"):
        raise invalid("HOST:PORT/NAME in it cannot be told apart")
    found = {
        "user": _plain(user),
        "password": _plain(password),
        "host": _plain(place["six"] or place["host"] or ""),
        "port": place["port"] or "",
        "name": _plain(parts.path.lstrip("/")),
    }
    return _address(found, _options(parts.query))


def _address(found: dict[str, str], options: dict[str, str]) -> Address:
    found |= {_NAMED[name]: value for name, value in options.items() if name in _NAMED}
    if not found["name"]:
        raise invalid("it names no database")
    if any(port and not (port.isdigit() and 0 < int(port) < 65536) for port in found["port"].split(",")):
        raise invalid("its port is none")
    return Address(**found, options={name: value for name, value in options.items() if name not in _NAMED})


def _options(query: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in query.split("&") if part]
    if not all(name and mark for name, mark, _ in pairs):
        raise invalid("what follows the ? is not NAME=VALUE&NAME=VALUE")
    return {_plain(name): _plain(value) for name, _, value in pairs}


def _plain(text: str) -> str:
    try:
        if _BAD_ESCAPE.search(text):
            raise ValueError
        plain = unquote(text, errors="strict")
    except ValueError:
        raise invalid("there is a % in it that encodes nothing") from None
    if "\0" in plain:
        raise invalid("there is a NUL in it")
    return plain


def invalid(reason: str) -> Invalid:
    """The error for an address that cannot be one; `reason` must hold no secret."""
    return Invalid(f"database address invalid: {reason}; {_EXPECTED}", kind="bad-address")


def chosen(told: str, environ: Mapping[str, str]) -> Address | None:
    """The database that `told`, or else the environment, names; None if neither does. Raises a `HowdahError`."""
    text = told or DATABASE.read(environ)
    if not text:
        return None
    address = parse(text)
    file = DATABASE_PASSWORD_FILE.read(environ)
    if address.password or not file:
        return address
    try:
        password = Path(file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise Unavailable(
            f"{DATABASE_PASSWORD_FILE.name}: {file} cannot be read ({reason}): let this user read it"
        ) from error
    return replace(address, password=password)
