"""Bytes of a task's files, streamed from the store to people who may see the project, under this site's own address.

Takes the place of the host's view at the same path, and leaves all but Pachyderm's files to it. The host's own proxy
knows no suffix ranges, cuts other ranges at a size of its own, and hides a store that is away behind an empty answer.
"""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from rest_framework import status
from rest_framework.response import Response

from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import Corrupt, HowdahError, Invalid, NotFound, Unavailable
from howdah.infos import FileType
from howdah.labelstudio import connections, host
from howdah.labelstudio.models import PachydermImportStorage
from howdah.labelstudio.ranges import Span, Unsatisfiable, parse_range
from howdah.labelstudio.uris import parse_uri
from howdah.names import File, is_commit_id

# Types that a browser would run as a page of this site when opened by themselves.
_ACTIVE_TYPES = {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}

logger = logging.getLogger(__name__)


class _Media:
    """The host's resolving view, with its last step done by us for our storages."""

    http_method_names = ("get", "head", "options")

    def head(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """As GET; the server leaves the body out."""
        return self.get(request, *args, **kwargs)  # type: ignore[attr-defined]

    def proxy_data_from_storage(self, request: HttpRequest, uri: str, project: Any, storage: Any) -> Any:
        """The host has checked the user's permission and found the storage; answer with the file."""
        if not isinstance(storage, PachydermImportStorage):
            return super().proxy_data_from_storage(request, uri, project, storage)  # type: ignore[misc]
        file = parse_uri(uri)
        if file is None or file.commit.repo != storage.repo:
            return Response({"detail": f"{uri} is no file of this storage"}, status=status.HTTP_404_NOT_FOUND)
        try:
            return _answer(request, storage, file)
        except (NotFound, Invalid) as error:
            return Response({"detail": str(error)}, status=error.http)
        except HowdahError as error:
            logger.warning("cannot read %s: %s", file, error)
            return Response({"detail": str(error)}, status=status.HTTP_502_BAD_GATEWAY)


class TaskMedia(_Media, host.TaskResolveStorageUri):
    """Files of one task."""


class ProjectMedia(_Media, host.ProjectResolveStorageUri):
    """Files of one project."""


def _answer(request: HttpRequest, storage: PachydermImportStorage, file: File) -> HttpResponse:
    headers = _headers(request, file)
    if request.headers.get("If-None-Match") == headers.get("ETag", ""):
        # The commit of a pinned address never changes: no look at the store is needed.
        return HttpResponse(status=304, headers=headers)
    conn = storage.connect()
    try:
        info = files.inspect(conn, file)
    except Unavailable:
        connections.forget(conn)
        raise
    if info.type is not FileType.FILE:
        raise NotFound(f"{file} is a directory")
    try:
        span = parse_range(_range_header(request, headers), info.size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{info.size}", "Accept-Ranges": "bytes"})
    part = span or Span(0, info.size)
    headers["Content-Length"] = str(part.length)
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{info.size}"
    content: Iterable[bytes] = () if request.method == "HEAD" or not part.length else _first_then_rest(conn, file, part)
    return StreamingHttpResponse(content, status=200 if span is None else 206, headers=headers)


def _headers(request: HttpRequest, file: File) -> dict[str, str]:
    kind = mimetypes.guess_type(file.path)[0] or "application/octet-stream"
    headers = {
        "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
    }
    if kind in _ACTIVE_TYPES:
        # What was put into a repo must never run with the session of the person who opens it.
        headers["Content-Security-Policy"] = "sandbox"
    if is_commit_id(file.commit.id):
        headers["Cache-Control"] = f"private, max-age={settings.RESOLVER_PROXY_CACHE_TIMEOUT}, must-revalidate"
        headers["ETag"] = f'"{request.user.pk}-{sha256(str(file).encode()).hexdigest()}"'
    return headers


def _range_header(request: HttpRequest, headers: dict[str, str]) -> str | None:
    """The Range header, unless it is meant for another version of the file."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition != headers.get("ETag"):
        return None
    return request.headers.get("Range")


def _first_then_rest(conn: Connection, file: File, span: Span) -> Iterator[bytes]:
    """The bytes of `span`. The first piece is fetched at once, so that a failure is an answer and not an empty body."""
    pieces = _pieces(conn, file, span)
    first = next(pieces, b"")
    return _chain(first, pieces)


def _chain(first: bytes, rest: Generator[bytes, None, None]) -> Iterator[bytes]:
    with closing(rest):
        yield first
        yield from rest


def _pieces(conn: Connection, file: File, span: Span) -> Generator[bytes, None, None]:
    """Exactly `span`; stopping early cancels the call to the store."""
    left = span.length
    with closing(files.get(conn, file, offset=span.start)) as pieces:
        for piece in pieces:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return
    raise Corrupt(f"{file} ended {left} bytes early")
