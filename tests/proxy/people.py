"""People without a browser, who keep cookies and send what a browser sends."""

from __future__ import annotations

import json
import re
import ssl
from http.client import HTTPResponse
from http.cookiejar import Cookie, CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPSHandler, Request, build_opener

PASSWORD = "a long password"


class Person:
    """One person at the site `url`, of which everything is asked by its full address."""

    def __init__(self, url: str, certificate: str | None = None) -> None:
        self.url = url
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._jar = CookieJar()
        handlers: list[Any] = [HTTPCookieProcessor(self._jar)]
        if certificate:
            handlers.append(HTTPSHandler(context=ssl.create_default_context(cafile=certificate)))
        self._opener = build_opener(*handlers)

    @property
    def cookies(self) -> dict[str, Cookie]:
        """The cookies that the site has set."""
        return {cookie.name: cookie for cookie in self._jar}

    def open(self, path: str, body: bytes | None = None, **headers: str) -> HTTPResponse | HTTPError:
        """The answer to a GET, or to a POST of `body`, of any status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            token = str(self.cookies["csrftoken"].value) if "csrftoken" in self.cookies else ""
            named = {"Origin": self._origin, "Referer": self.url + path, "X-CSRFToken": token, **named}
        try:
            answer: HTTPResponse = self._opener.open(Request(self.url + path, body, named), timeout=60)
        except HTTPError as error:
            return error
        return answer

    def send(self, path: str, **fields: str) -> HTTPResponse | HTTPError:
        """Fill in the form at `path` and send it."""
        with self.open(path) as page:
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
        given = {"csrfmiddlewaretoken": found[1] if found else "", **fields}
        return self.open(path, urlencode(given).encode(), Content_Type="application/x-www-form-urlencoded")

    def sign_up(self, email: str, query: str = "") -> HTTPResponse | HTTPError:
        """Make an account."""
        return self.send(f"/user/signup/{query}", email=email, password=PASSWORD, how_find_us="Other")

    def sign_in(self, email: str) -> HTTPResponse | HTTPError:
        """Enter with an account."""
        return self.send("/user/login/", email=email, password=PASSWORD, persist_session="on")

    def ask(self, path: str, data: dict[str, Any] | None = None) -> Any:
        """The REST interface's answer."""
        body = None if data is None else json.dumps(data).encode()
        with self.open(path, body, Content_Type="application/json") as answer:
            text = answer.read()
            assert answer.status in {200, 201, 202}, f"{path}: {answer.status} {text!r}"
            return json.loads(text)
