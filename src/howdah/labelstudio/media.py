"""Bytes of a task's files, streamed from the store to people who may see the project, under this site's own address.

Takes the place of the host's view at the same path, and leaves all but Pachyderm's files to it. The host's own proxy
knows no suffix ranges, cuts other ranges at a size of its own, and hides a store that is away behind an empty answer.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from rest_framework import status
from rest_framework.response import Response

from howdah.errors import HowdahError, Invalid, NotFound, Unavailable
from howdah.infos import FileType
from howdah.labelstudio import connections, host, kinds, sending, showing, uris
from howdah.labelstudio.models import PachydermImportStorage
from howdah.labelstudio.ranges import Span, Unsatisfiable, matches, parse_ranges
from howdah.names import File, is_commit_id
from howdah.uris import parse_uri

# Types that a browser would run as a page of this site when opened by themselves.
_ACTIVE_TYPES = {"text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}
_YEAR = 31_536_000

logger = logging.getLogger(__name__)


class _Media:
    """The host's resolving view, but for the files of our storages, which are answered here."""

    http_method_names = ("get", "head", "options")
    instances: Any

    def head(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """As GET; the server leaves the body out."""
        return self.get(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The file that `fileuri` names, if the person may see it; what is no address of ours goes to the host."""
        file = _asked(request)
        if file is None:
            return super().get(request, *args, **kwargs)  # type: ignore[misc]
        (key,) = kwargs.values()
        instance = next(iter(self.instances.filter(pk=key)), None)
        if instance is None:
            return Response(status=status.HTTP_404_NOT_FOUND)
        if not instance.has_permission(request.user):
            return Response(status=status.HTTP_403_FORBIDDEN)
        try:
            storage = showing.storage_of(file, instance)
            if storage is None:
                raise NotFound(f"{file} is shown by no source of this project")
            return _answer(request, storage, file)
        except (NotFound, Invalid) as error:
            return Response({"detail": str(error)}, status=error.http)
        except HowdahError as error:
            logger.warning("cannot read %s: %s", file, error)
            return Response({"detail": str(error)}, status=status.HTTP_502_BAD_GATEWAY)

    def proxy_data_from_storage(self, request: HttpRequest, uri: str, project: Any, storage: Any) -> Any:
        """What only looks like an address of ours; the host asks for other storages' files."""
        if not isinstance(storage, PachydermImportStorage):
            return super().proxy_data_from_storage(request, uri, project, storage)  # type: ignore[misc]
        return Response({"detail": f"{uri} is no file of this storage"}, status=status.HTTP_404_NOT_FOUND)


class TaskMedia(_Media, host.TaskResolveStorageUri):
    """Files of one task."""

    instances = host.Task.objects.select_related("project__organization", host.LINK_NAME).order_by()


class ProjectMedia(_Media, host.ProjectResolveStorageUri):
    """Files of one project."""

    instances = host.Project.objects.select_related("organization").order_by()


def _asked(request: HttpRequest) -> File | None:
    """The file whose address the request names, in base64 or plain as the host takes it; None if it is none of ours."""
    text = request.GET.get("fileuri", "")
    try:
        return parse_uri(uris.decode(text))
    except ValueError:
        return parse_uri(unquote(text))


def _answer(request: HttpRequest, storage: PachydermImportStorage, file: File) -> HttpResponse:
    headers = _headers(request, file)
    if matches(request.headers.get("If-None-Match"), headers.get("ETag")):
        # The commit of a pinned address never changes: no look at the store is needed.
        return HttpResponse(status=304, headers=headers)
    conn = storage.connect()
    try:
        content = sending.Content(conn, file)
    except Unavailable:
        connections.forget(conn)
        raise
    if content.info.type is not FileType.FILE:
        raise NotFound(f"{file} is a directory")
    return _send(request, content, headers)


def _headers(request: HttpRequest, file: File) -> dict[str, str]:
    """What does not depend on the content. Kept copies are the browser's own, and of the person who is signed in."""
    headers = {
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie, Authorization",
    }
    if is_commit_id(file.commit.id):
        headers["Cache-Control"] = f"private, max-age={_YEAR}, immutable"
        headers["ETag"] = f'"{request.user.pk}-{sha256(str(file).encode()).hexdigest()}"'
    return headers


def _send(request: HttpRequest, content: sending.Content, headers: dict[str, str]) -> HttpResponse:
    size = content.info.size
    try:
        spans = parse_ranges(_range_header(request, headers), size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    whole = spans[0] if len(spans) == 1 else Span(0, size)
    begun = content.pieces(whole)
    # Fetched at once, so that a failure is an answer and not an empty body.
    first = next(begun, b"") if request.method != "HEAD" and len(spans) <= 1 else b""
    kind = _kind(content, first if whole.start == 0 else b"")
    headers["Content-Type"] = kind
    if kind.partition(";")[0] in _ACTIVE_TYPES:
        # What was put into a repo must never run with the session of the person who opens it.
        headers["Content-Security-Policy"] = "sandbox"
    body: Iterable[bytes]
    if len(spans) > 1:
        parts = sending.Parts(spans, size, kind, secrets.token_hex(16))
        headers |= {"Content-Type": parts.kind, "Content-Length": str(parts.length)}
        body = parts.body(content)
    else:
        headers["Content-Length"] = str(whole.length)
        body = sending.chained(first, begun)
        if spans:
            headers["Content-Range"] = whole.told(size)
    return StreamingHttpResponse(
        () if request.method == "HEAD" else body, status=206 if spans else 200, headers=headers
    )


def _kind(content: sending.Content, first: bytes) -> str:
    """The Content-Type; where the name tells none, the first bytes are looked at, if need be those in the store."""
    kind = kinds.of_name(content.file.path)
    if kind is None:
        kind = kinds.of_content(first or b"".join(content.pieces(Span(0, min(content.info.size, kinds.FIRST)))))
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _range_header(request: HttpRequest, headers: dict[str, str]) -> str | None:
    """The Range header, unless it is meant for another version of the file."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition != headers.get("ETag"):
        return None
    return request.headers.get("Range")
