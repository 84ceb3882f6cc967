"""Makes what the converter wrote the same on each run: no dates of today, no colours by chance, no times in archives.

What is written here is known line by line. Where the converter should write otherwise, the export ends with an error
rather than with bytes that nobody can repeat.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from howdah.convert.formats import Format
from howdah.errors import Unsupported

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of everything in archives: the earliest that they know."""
_INFO = 4  # how far the lines of `info` are indented, and those of the lists' items
_ITEM = 6
_YEAR = re.compile(rf'^ {{{_INFO}}}"year": \d+')
_DATE = re.compile(rf'^ {{{_INFO}}}"date_created": "[^"]*"')
_COLOR = re.compile(rf'^ {{{_ITEM}}}"color": "[^"]*"')
_NAME = re.compile(rf'^ {{{_ITEM}}}"name": "(.*)",?$')
_FILE = re.compile(rf'^( {{{_ITEM}}}"(?:file_name|path)": ".*)\.png(",?)$')


def settle(out: Path, format: Format, newest: datetime | None) -> None:
    """Settle the converter's files in `out`; `newest`, when the last annotation was changed, takes the place of now."""
    time = newest or datetime(*EPOCH)
    settlers: dict[str, Callable[[], None]] = {
        "COCO": lambda: _settle_info(out / "result.json", time, lines=2),
        "YOLO": lambda: _settle_info(out / "notes.json", time, lines=1),
        "YOLO_OBB": lambda: _settle_info(out / "notes.json", time, lines=1),
        "BRUSH_TO_COCO": lambda: _settle_brushes(out / "result_coco.json", time),
        "TSV": lambda: os.replace(out / "result.csv", out / "result.tsv"),
        "DOCLANG": lambda: _settle_archives(out),
    }
    settlers.get(format.code, lambda: None)()


def _settle_info(path: Path, time: datetime, *, lines: int) -> None:
    seen = 0
    here = json.dumps(f"{path.parent}/")[1:-1]
    places = (here, here.replace("/", "\\/"))  # older converters write where this file is

    def settled(line: str) -> str:
        nonlocal seen
        line, years = _YEAR.subn(f'{" " * _INFO}"year": {time.year}', line)
        line, dates = _DATE.subn(f'{" " * _INFO}"date_created": "{time:%Y-%m-%d %H:%M:%S}"', line)
        seen += years + dates
        return line.replace(places[0], "").replace(places[1], "")

    _rewrite(path, settled)
    if seen != lines:
        raise Unsupported(
            f"label-studio-sdk writes {path.name} otherwise than is known here: install the version that Howdah pins",
            kind="unknown-converter",
        )


def _settle_brushes(path: Path, time: datetime) -> None:
    """Besides, colours follow from the labels' names, and pictures have their own endings again: see `staging`."""
    name = ""

    def settled(line: str) -> str:
        nonlocal name
        found = _NAME.match(line)
        name = found[1] if found else name
        colour = hashlib.sha256(name.encode()).hexdigest()[:6]
        return _FILE.sub(r"\1\2", _COLOR.sub(f'{" " * _ITEM}"color": "#{colour}"', line))

    _rewrite(path, settled)
    _settle_info(path, time, lines=2)


def _rewrite(path: Path, settled: Callable[[str], str]) -> None:
    scratch = path.with_name(path.name + ".settled")
    with path.open(encoding="utf-8", newline="") as old, scratch.open("w", encoding="utf-8", newline="") as new:
        new.writelines(map(settled, old))
    os.replace(scratch, path)


def _settle_archives(out: Path) -> None:
    for path in out.glob("*.dclx"):
        scratch = path.with_name(path.name + ".settled")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(scratch, "w") as new:
            for info in sorted(old.infolist(), key=attrgetter("filename")):
                with old.open(info) as content, entry(new, info.filename, info.file_size) as to:
                    for piece in iter(lambda: content.read(1 << 20), b""):  # noqa: B023  (read in turn)
                        to.write(piece)
        os.replace(scratch, path)


def entry(archive: zipfile.ZipFile, name: str, size: int, *, packed: bool = True) -> BinaryIO:
    """A new file of the archive, to be written: its time and rights say nothing of this machine."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.file_size = size
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    opened: BinaryIO = archive.open(info, "w")  # type: ignore[assignment]  # it needs only write
    return opened


def paths(folder: Path) -> Iterator[str]:
    """The files below a folder, relative to it, in order."""
    yield from sorted(
        Path(place, name).relative_to(folder).as_posix() for place, _, names in os.walk(folder) for name in names
    )
