"""Requests as a reverse proxy passes them on, made to look as they did at the public URL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class AtPublicURL:
    """A WSGI application that knows its public URL, if it has one.

    The URL's path is taken off a request's path; a proxy may also have done that already. Where the proxy hands on the
    public name but not how it was reached, the URL tells.
    """

    def __init__(self, application: Application, url: str) -> None:
        parts = urlsplit(url)
        self._application = application
        self._scheme, self._name, self._prefix = parts.scheme, parts.netloc, parts.path.rstrip("/")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer the request."""
        path = environ.get("PATH_INFO", "")
        if self._prefix and f"{path}/".startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        if self._name and environ.get("HTTP_HOST") == self._name:
            environ["wsgi.url_scheme"] = self._scheme  # which the proxy's word outranks, where it is believed
        return self._application(environ, start_response)


def keep_path(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the host takes the URL's path off a request to which it adds a slash; this puts it back."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path == request.path_info:
            request.path = (settings.FORCE_SCRIPT_NAME or "") + request.path_info
        return get_response(request)

    return answer


def refuse_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form that is not accepted, which behind a proxy mostly means: the public URL is another one."""
    home = settings.HOSTNAME or f"{request.scheme}://{request.get_host()}"
    origin = request.headers.get("Origin", "null")
    known = origin in {"null", _origin(home)}
    told = {"known": known, "origin": origin, "home": home}
    return render(request, "howdah/form_refused.html", told, status=403)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def how_seen(request: HttpRequest, name: str) -> HttpResponse:
    """How this request looks here, for `howdah doctor`: told to those alone who can write into the data folder."""
    if not (Path(settings.BASE_DATA_DIR) / f"seen-{name}").is_file():
        return HttpResponse(status=404)
    return JsonResponse({"scheme": request.scheme, "name": request.get_host()})
