"""Fetch what a URL names, for files that are put by URL. Only http and https."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from howdah.errors import Invalid, Unavailable, Unsupported, WrongState

_TIMEOUT = 60.0  # seconds without a byte
_READ = 1 << 20
_FIRST_ERROR = 400


def read(url: str) -> Iterator[bytes]:
    """The body, piece by piece; an answer of 400 and above raises, as does one that is cut short."""
    request = urllib.request.Request(_checked(url), headers={"User-Agent": "howdah"})  # noqa: S310 -- scheme checked
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            expected = answer.headers.get("Content-Length")
            size = 0
            while data := answer.read(_READ):
                size += len(data)
                yield data
            if expected is not None and size != int(expected):
                raise http.client.IncompleteRead(b"", int(expected) - size)
    except urllib.error.HTTPError as error:
        raise WrongState(
            f'error retrieving content from "{url}": {error.code} {error.reason}', kind="url-refused"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise Unavailable(
            f'error retrieving content from "{url}": {reason}; the store itself must be able to reach it',
            kind="url-unreachable",
        ) from error


def _checked(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # looked at only now, and refused if it is no port
        host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    except ValueError as error:
        raise Invalid(f'URL "{url}" invalid: {error}', kind="bad-url") from error
    if parts.scheme not in {"http", "https"}:
        raise Unsupported(f'URL "{url}" cannot be read: only http and https are offered by this server')
    if not parts.hostname or not host.isprintable() or " " in host:
        raise Invalid(f'URL "{url}" invalid: it names no host', kind="bad-url")
    # Names of photographs come with spaces and letters beyond ASCII; the wire wants them escaped.
    path = urllib.parse.quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


class _NoLocalFiles(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]  # noqa: PLR0917, D102
        _checked(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_NoLocalFiles)
