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
    ],
)
def test_public_url_has_no_slash_at_its_end(told: str, url: str) -> None:
    assert arguments.public_url(told) == url


@pytest.mark.parametrize(
    "told",
    ["labels.example.com", "ftp://labels.example.com", "https://", "https:///label", "https://a b", "https://a:port",
     "https://me@labels.example.com", "https://labels.example.com/?a=1", "https://labels.example.com/#a"],
)  # fmt: skip
def test_what_is_no_public_url_is_refused_with_an_example(told: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as https://"):
        arguments.public_url(told)
