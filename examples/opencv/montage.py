"""Puts the pictures (PPM and PGM) of the folders that are named side by side, and writes a PNG file, the last name."""

import struct
import sys
import zlib
from pathlib import Path

COLUMNS, GAP, BACKGROUND = 4, 4, b"\x87\xce\xeb"


def read(path: Path) -> "tuple[int, int, list[bytes]]":
    """Width, height and the rows of a picture, three bytes a pixel."""
    content = path.read_bytes()
    kind, width, height, _, _ = content.split(maxsplit=4)
    across, depth = int(width), 3 if kind == b"P6" else 1
    pixels = content[-depth * across * int(height) :]
    rows = [pixels[at : at + depth * across] for at in range(0, len(pixels), depth * across)]
    if depth == 1:
        rows = [b"".join(bytes([light]) * 3 for light in row) for row in rows]
    return across, int(height), rows


def row_of(picture: "tuple[int, int, list[bytes]]", y: int, wide: int) -> bytes:
    """A row of a picture, filled up to the width of its place."""
    width, height, rows = picture
    return rows[y] + BACKGROUND * (wide - width) if y < height else BACKGROUND * wide


def png(width: int, rows: "list[bytes]") -> bytes:
    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", packed) + part(b"IEND", b"")


def main() -> None:
    *folders, target = map(Path, sys.argv[1:])
    found = sorted(path for folder in folders for path in folder.rglob("*.p[gp]m"))
    pictures = [read(path) for path in found]
    wide, high = max(each[0] for each in pictures) + GAP, max(each[1] for each in pictures) + GAP
    rows = []
    for first in range(0, len(pictures), COLUMNS):
        line = pictures[first : first + COLUMNS]
        for y in range(high):
            row = b"".join(row_of(each, y, wide) for each in line)
            rows.append(row + BACKGROUND * (wide * (COLUMNS - len(line))))
    target.write_bytes(png(wide * COLUMNS, rows))
    print(f"{len(pictures)} pictures")


if __name__ == "__main__":
    main()
