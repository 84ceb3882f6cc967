"""Finds edges in each picture of /pfs/images by Sobel's operator: black, with white where brightness changes."""

import os
from pathlib import Path

IMAGES, OUT = Path("/pfs/images"), Path("/pfs/out")
STEEP = 128


def read(path: Path) -> "tuple[int, int, list[int]]":
    """Width, height and the brightness of each pixel of a PPM file."""
    kind, width, height, _, rest = path.read_bytes().split(maxsplit=4)
    if kind != b"P6":
        raise ValueError(f"{path} is no PPM file")
    size = int(width) * int(height)
    pixels = path.read_bytes()[-3 * size :]
    return int(width), int(height), [sum(pixels[3 * at : 3 * at + 3]) // 3 for at in range(size)]


def edges(width: int, height: int, light: "list[int]") -> bytes:
    def slope(at: int, along: int, beside: int) -> int:
        ahead, behind = at + along, at - along
        return sum(
            weight * (light[ahead + step] - light[behind + step])
            for weight, step in ((1, -beside), (2, 0), (1, beside))
        )

    found = bytearray(width * height)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            at = y * width + x
            steep = abs(slope(at, 1, width)) + abs(slope(at, width, 1))
            found[at] = 255 if steep > STEEP else 0
    return bytes(found)


def main() -> None:
    for place, _, names in os.walk(IMAGES):
        for name in names:
            source = Path(place, name)
            width, height, light = read(source)
            target = (OUT / source.relative_to(IMAGES)).with_suffix(".pgm")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"P5 %d %d 255\n" % (width, height) + edges(width, height, light))


if __name__ == "__main__":
    main()
