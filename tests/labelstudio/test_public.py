"""What a request is made to look like on its way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from howdah.labelstudio.public import AtPublicURL


def _inside(url: str, **environ: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        return ()

    AtPublicURL(application, url)({"wsgi.url_scheme": "http", "PATH_INFO": "/", **environ}, print)
    return seen


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/label", "/"),
        ("/label/", "/"),
        ("/label/projects/", "/projects/"),
        ("/projects/", "/projects/"),
        ("/labels/", "/labels/"),
        ("/label/label/", "/label/"),
    ],
)
def test_path_of_the_public_url_is_taken_off_once(path: str, inside: str) -> None:
    assert _inside("https://a.example.com/label", PATH_INFO=path)["PATH_INFO"] == inside


@pytest.mark.parametrize(
    ("name", "scheme"), [("a.example.com:8443", "https"), ("a.example.com", "http"), ("127.0.0.1:8080", "http")]
)
def test_who_asks_by_the_public_name_came_by_the_public_scheme(name: str, scheme: str) -> None:
    told = _inside("https://a.example.com:8443", HTTP_HOST=name, HTTP_X_FORWARDED_PROTO="http")
    assert told["wsgi.url_scheme"] == scheme
