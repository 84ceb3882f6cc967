"""The public URL: whether requests to it arrive at this instance, and what the proxy in front tells about them.

The instance is asked through the public URL how it saw that very request. It tells only who can write into its data
folder: the one who asks puts a file there whose name is in the question, and takes it away again.
"""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from howdah.doctor.finding import Finding, failure, good, warning
from howdah.settings import TRUST_PROXY

REACHED = "public url"
TOLD = "proxy headers"
_LIMIT = 10.0
_FOREIGN = {"X-Forwarded-Host": "spoofed.invalid", "X-Forwarded-Proto": "spoofed"}
_EXAMPLES = "see docs/howto/behind-a-proxy.md"


@dataclass(frozen=True, slots=True)
class Seen:
    """How a request looked to Howdah: the scheme and the name (with its port) that it believes."""

    scheme: str
    name: str


class _Elsewhere(Exception):
    """The answer did not come from this instance."""


class _Guarded(_Elsewhere):
    """The answer is somebody's who wants to know who asks."""


def examine(data: Path, public: str, here: str) -> Iterator[Finding]:
    """Whether `public` leads to the instance at `here` on this data folder, and if so, what the proxy hands on."""
    try:
        with _admission(data / "label-studio") as name:
            yield from _judged(f"{public}/howdah/seen/{name}", public, here)
    except OSError as error:
        yield warning(REACHED, f"cannot be asked: {error}", "run howdah doctor as the user who runs Howdah")


@contextmanager
def _admission(folder: Path) -> Iterator[str]:
    """What to ask with, good until the block ends."""
    name = secrets.token_hex(16)
    file = folder / f"seen-{name}"
    file.touch(mode=0o600, exist_ok=False)
    try:
        yield name
    finally:
        file.unlink()


def _judged(address: str, public: str, here: str) -> Iterator[Finding]:
    context = ssl.create_default_context()
    try:
        try:
            seen = _ask(address, context)
            yield good(REACHED, f"{public} leads to this instance")
        except ssl.SSLCertVerificationError as error:
            context = _unverified()
            seen = _ask(address, context)
            yield _mistrusted(public, error)
        yield headers(public, seen, _ask(address, context, _FOREIGN))
    except (_Elsewhere, OSError) as error:
        yield _unreached(public, here, error)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing secret is asked or told
    return context


def _ask(address: str, context: ssl.SSLContext, headers: Mapping[str, str] | None = None) -> Seen:
    """Raises `_Elsewhere` if another answers, `OSError` if nobody does."""
    request = urllib.request.Request(address, headers=dict(headers or {}))  # noqa: S310 -- http or https alone
    try:
        with urllib.request.urlopen(request, timeout=_LIMIT, context=context) as answer:  # noqa: S310
            if answer.url != address:
                raise _Guarded(f"it leads on to {answer.url.partition('?')[0]}")
            found = json.loads(answer.read(1000))
            return Seen(str(found["scheme"]), str(found["name"]))
    except urllib.error.HTTPError as error:
        kind = _Guarded if error.code in {401, 403} else _Elsewhere
        raise kind(f"the answer is {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from error
    except (ValueError, LookupError, TypeError, http.client.HTTPException) as error:
        raise _Elsewhere("something else answers") from error


def _mistrusted(public: str, error: ssl.SSLCertVerificationError) -> Finding:
    remedy = "give the proxy one that browsers trust; for one of your own: SSL_CERT_FILE=ca.pem howdah doctor"
    return warning(REACHED, f"{public} has a certificate that is not trusted here: {error.verify_message}", remedy)


def _unreached(public: str, here: str, error: Exception) -> Finding:
    if isinstance(error, _Guarded):
        remedy = f"none if that is a sign-in before Howdah's; else let the proxy pass requests on to {here}"
        return warning(REACHED, f"{public} cannot be looked through: {error}", remedy)
    if isinstance(error, _Elsewhere):
        remedy = f"let the proxy pass requests on to {here}, {_EXAMPLES}"
        return failure(REACHED, f"{public} does not lead to this instance: {error}", remedy)
    if isinstance(error, socket.gaierror):
        remedy = "none if people's machines know it; else add it to the name service"
        return warning(REACHED, f"the name in {public} is not known on this machine", remedy)
    return failure(REACHED, f"{public} does not answer ({error})", f"start the proxy, {_EXAMPLES}")


def headers(public: str, seen: Seen, foreign: Seen) -> Finding:
    """What is wrong with what the proxy hands on, the worst first; `foreign` came with headers of the visitor's own."""
    wanted = urlsplit(public)
    if seen.name != wanted.netloc:
        told = f"the proxy hands on the name {seen.name} and not {wanted.netloc}: links in REST answers lead there"
        return warning(TOLD, told, "pass on Host or X-Forwarded-Host (nginx: proxy_set_header Host $http_host;)")
    if seen.scheme != wanted.scheme:
        told = (
            f"the proxy says that people come by {seen.scheme}, not {wanted.scheme}: links in REST answers lead there"
        )
        remedy = f"pass on X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto {wanted.scheme};)"
        return warning(TOLD, told, remedy)
    if foreign != seen:
        told = "the proxy hands on X-Forwarded-Host or X-Forwarded-Proto as visitors send them"
        remedy = f"let it set both, {_EXAMPLES}, or start Howdah with {TRUST_PROXY.name}=false"
        return warning(TOLD, told, remedy)
    return good(TOLD, f"{wanted.scheme} and {wanted.netloc} arrive, and visitors cannot change them")
