from __future__ import annotations

import argparse

import pytest

from howdah.launch import arguments


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("https://labels.example.com", "https://labels.example.com"),
        ("https://labels.example.com/", "https://labels.example.com"),
        ("https://labels.example.com:8443/a/label/", "https://labels.example.com:8443/a/label"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTPS://Labels.Example.COM:443/Label", "https://labels.example.com/Label"),
        ("http://labels.example.com:80", "http://labels.example.com"),
        ("http://labels.example.com:443", "http://labels.example.com:443"),
        ("https://étiquettes.example.com:8443", "https://xn--tiquettes-93a.example.com:8443"),
        ("https://xn--tiquettes-93a.example.com", "https://xn--tiquettes-93a.example.com"),
    ],
)
def test_public_url_is_as_browsers_write_it_without_a_slash_at_its_end(told: str, url: str) -> None:
    assert arguments.public_url(told) == url


@pytest.mark.parametrize(
    "told",
    ["labels.example.com", "ftp://labels.example.com", "https://", "https:///label", "https://a b", "https://a:port",
     "https://me@labels.example.com", "https://labels.example.com/?a=1", "https://labels.example.com/#a",
     "https://straße.example.com", "https://a..b"],
)  # fmt: skip
def test_what_is_no_public_url_is_refused_with_an_example(told: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as https://"):
        arguments.public_url(told)


@pytest.mark.parametrize("path", ["étiquettes", "%C3%A9", "a//b", "..", "a/../b", "a;b"])
def test_path_that_browsers_and_proxies_may_write_otherwise_is_refused(path: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="plain letters, digits"):
        arguments.public_url(f"https://labels.example.com/{path}")
