"""Addresses of files of one version (`howdah.uris`), and as the host takes them."""

from __future__ import annotations

import base64

from howdah.uris import SCHEME, find_uris, format_uri, parse_uri, replace_uris, short_uri

__all__ = ["SCHEME", "encode", "find_uris", "format_uri", "parse_uri", "replace_uris", "short_uri"]


def encode(uri: str) -> str:
    """`uri` as the host takes it in its query parameter `fileuri`."""
    return base64.urlsafe_b64encode(uri.encode()).decode()
