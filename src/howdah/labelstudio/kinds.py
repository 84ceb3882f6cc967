"""The media type of a file: by the ending of its name, and where that tells nothing, by its first bytes.

The same on every machine: the system's own tables of types are not asked. Pure.
"""

from __future__ import annotations

import mimetypes
import re

UNKNOWN = "application/octet-stream"
FIRST = 512
"""So many first bytes are enough for `of_content`."""

_TABLE = mimetypes.MimeTypes()
# What Python's own table lacks, or tells otherwise in some of its versions.
for _ending, _kind in {
    ".avif": "image/avif",
    ".dcm": "application/dicom",
    ".flac": "audio/flac",
    ".geojson": "application/geo+json",
    ".heic": "image/heic",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".tsv": "text/tab-separated-values",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".yaml": "text/plain",
    ".yml": "text/plain",
}.items():
    _TABLE.add_type(_kind, _ending)

# How files of a kind begin.
_BEGINNINGS = [
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"RIFF....WAVE", "audio/x-wav"),
        (rb"RIFF....AVI ", "video/x-msvideo"),
        (rb"BM.{4}\0{4}", "image/bmp"),
        (rb"II\*\0|MM\0\*", "image/tiff"),
        (rb"....ftypavif", "image/avif"),
        (rb"....ftyphei", "image/heic"),
        (rb"....ftypM4A", "audio/mp4"),
        (rb"....ftypqt", "video/quicktime"),
        (rb"....ftyp", "video/mp4"),
        (rb"\x1aE\xdf\xa3.{0,60}webm", "video/webm"),
        (rb"\x1aE\xdf\xa3", "video/x-matroska"),
        (rb"OggS", "audio/ogg"),
        (rb"fLaC", "audio/flac"),
        (rb"ID3|\xff[\xfb\xf3\xf2]", "audio/mpeg"),
        (rb"%PDF-", "application/pdf"),
        (rb"PK\x03\x04", "application/zip"),
        (rb"\x1f\x8b", "application/gzip"),
        (rb"PAR1", "application/vnd.apache.parquet"),
    )
]
_NO_TEXT = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


def of_name(path: str) -> str | None:
    """The type that the ending of `path` tells; None if it tells nothing."""
    name = path.rpartition("/")[2].lower()
    # A data URL, of which the table would tell the type, is no name of a file.
    kind, encoding = _TABLE.guess_type(name.replace(":", "_"))
    # The type of what comes out when a file is unpacked is no type of the file.
    return kind if encoding is None else {"gzip": "application/gzip"}.get(encoding, UNKNOWN)


def of_content(first: bytes) -> str:
    """The type that a file's first bytes tell. Never one that a browser would run: markup is plain text."""
    for pattern, kind in _BEGINNINGS:
        if pattern.match(first):
            return kind
    return "text/plain" if first and _is_text(first[:FIRST]) else UNKNOWN


def _is_text(first: bytes) -> bool:
    if _NO_TEXT & frozenset(first):
        return False
    try:
        first.decode()
    except UnicodeDecodeError as error:
        # A letter of several bytes may be cut at the end of what was looked at.
        return error.end == len(first) and len(first) - error.start < 4  # noqa: PLR2004
    return True
