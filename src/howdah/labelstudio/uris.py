"""Addresses of files of one version (`howdah.uris`) as the host takes them, in its query parameter `fileuri`."""

from __future__ import annotations

import base64


def encode(uri: str) -> str:
    """`uri` as text that needs no escapes."""
    return base64.urlsafe_b64encode(uri.encode()).decode()


def decode(text: str) -> str:
    """What was encoded; raises `ValueError` if it was not."""
    return base64.urlsafe_b64decode(text.encode()).decode()
