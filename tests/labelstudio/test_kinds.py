"""Media types: by name where it tells one, else by the first bytes, and never a type that a browser would run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.labelstudio import kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/a.JPG", "image/jpeg"),
        ("/x.d/a.flac", "audio/flac"),
        ("/a.m4a", "audio/mp4"),
        ("/a.webp", "image/webp"),
        ("/a.mkv", "video/x-matroska"),
        ("/a.nii.gz", "application/gzip"),
        ("/a.tar.bz2", "application/octet-stream"),
        ("/data:text/html,a", None),
        ("/x.jpg/a", None),
        ("/a.unknown", None),
        ("/jpg", None),
        ("/.jpg", None),
        ("/a.", None),
    ],
)
def test_a_telling_ending_tells_the_type(name: str, kind: str | None) -> None:
    assert kinds.of_name(name) == kind


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"RIFF\n\0\0\nWEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/x-wav"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"ID3\x04\0", "audio/mpeg"),
        (b"%PDF-1.7\n", "application/pdf"),
        ("Grüße".encode(), "text/plain"),
        (("x" * 511 + "ü").encode(), "text/plain"),
        (b"<html><script>", "text/plain"),
        (b"<svg xmlns=", "text/plain"),
        (b"\0\1\2", "application/octet-stream"),
        (b"\xff\xfe\xfd", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_first_bytes_tell_the_type(first: bytes, kind: str) -> None:
    assert kinds.of_content(first) == kind


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_make_a_page_of_a_file(first: bytes) -> None:
    assert kinds.of_content(first).partition("/")[0] in {"image", "audio", "video", "text", "application"}
    assert not {"html", "xml", "svg", "javascript"} & set(kinds.of_content(first).replace("+", "/").split("/"))
