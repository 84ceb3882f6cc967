"""Fetch what an http or https URL names. Each address is looked at before it is connected to, after redirects too."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

from howdah.errors import HowdahError, Invalid, Unavailable, Unsupported, WrongState
from howdah.server.rules import Budget, Rules

_TIMEOUT = 60.0  # seconds without a byte
_READ = 1 << 20
_HIDDEN_NAMES = ("metadata.google.internal", "metadata.goog", "metadata")
_WEB = frozenset({"http", "https"})


def read(budget: Budget) -> Iterator[bytes]:
    """The body, piece by piece; an answer of 400 and above raises, as does one that is cut short."""
    url = budget.url
    request = urllib.request.Request(_checked(url, budget.rules), headers={"User-Agent": "howdah"})  # noqa: S310 -- scheme checked
    try:
        with _opener(budget.rules).open(request, timeout=_TIMEOUT) as answer:
            told = answer.headers.get("Content-Length", "")
            expected = int(told) if told.isdecimal() else None
            budget.check(expected or 0)
            size = 0
            while data := answer.read1(_READ):  # what has come: a slow server is looked at for each bit that it sends
                size += len(data)
                budget.spend(len(data))
                yield data
            if expected is not None and size != expected:
                raise http.client.IncompleteRead(b"", expected - size)
    except HowdahError:
        raise
    except urllib.error.HTTPError as error:
        raise WrongState(
            f'error retrieving content from "{url}": {error.code} {error.reason}', kind="url-refused"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, HowdahError):
            raise reason from None
        raise Unavailable(
            f'error retrieving content from "{url}": {reason}; the store itself must be able to reach it',
            kind="url-unreachable",
        ) from error


def _checked(url: str, rules: Rules) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # looked at only now, and refused if it is no port
        host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    except ValueError as error:
        raise Invalid(f'URL "{url}" invalid: {error}', kind="bad-url") from error
    if parts.scheme not in _WEB & rules.schemes:
        raise Unsupported(f'URL "{url}" cannot be read: only http and https are offered by this server')
    if not parts.hostname or not host.isprintable() or " " in host:
        raise Invalid(f'URL "{url}" invalid: it names no host', kind="bad-url")
    _check_host(parts.hostname, url, rules)
    # Names of photographs come with spaces and letters beyond ASCII; the wire wants them escaped.
    path = urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


def _check_host(host: str, url: str, rules: Rules) -> None:
    """Look at a host that needs no resolving: a proxy, if there is one, would connect to it unseen."""
    if host.rstrip(".").lower() in _HIDDEN_NAMES:
        rules.check_address("169.254.169.254", url)
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    rules.check_address(host, url)


def _opener(rules: Rules) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Http(rules), _Https(rules), _Redirects(rules))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to what may be fetched only."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]  # noqa: PLR0917, D102
        _checked(newurl, self._rules)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_connection, http.client.HTTPConnection, self._rules), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, rules: Rules) -> None:
        super().__init__()
        self._rules = rules

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        make = partial(_connection, http.client.HTTPSConnection, self._rules)
        return self.do_open(make, req, context=ssl.create_default_context())


def _connection(
    kind: type[http.client.HTTPConnection], rules: Rules, host: str, **options: Any
) -> http.client.HTTPConnection:
    """A connection that looks at each address that its host's name stands for, and connects to what it looked at."""
    made: Any = kind(host, **options)
    made._create_connection = partial(_connect, rules)  # noqa: SLF001 -- the library's own place for this
    connection: http.client.HTTPConnection = made
    return connection


def _connect(rules: Rules, place: tuple[str, int], timeout: float, _: object = None) -> socket.socket:
    """A connection to the first address of the host that answers; all of them must be allowed."""
    host, port = place
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        rules.check_address(str(address[0]), host)
    failure: OSError = OSError(f"host {host} has no address")
    for family, kind, protocol, _name, address in found:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(timeout)
            made.connect(address)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure
