"""Draws pictures to look for edges in: plain shapes, as PPM files, into the folder that is named."""

import random
import sys
from pathlib import Path

WIDTH, HEIGHT = 96, 64
SHAPES = ("square", "disc", "ring", "stripes")


def inside(shape: str, x: int, y: int) -> bool:
    across, down = x - WIDTH // 2, y - HEIGHT // 2
    far = across * across + down * down
    return {
        "square": max(abs(across), abs(down)) < 20,
        "disc": far < 24 * 24,
        "ring": 14 * 14 < far < 24 * 24,
        "stripes": (x // 12) % 2 == 0,
    }[shape]


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        chance = random.Random(shape)
        colours = [
            bytes(chance.randrange(40, 120) for _ in range(3)),
            bytes(chance.randrange(160, 250) for _ in range(3)),
        ]
        pixels = b"".join(colours[inside(shape, x, y)] for y in range(HEIGHT) for x in range(WIDTH))
        (folder / f"{shape}.ppm").write_bytes(b"P6 %d %d 255\n" % (WIDTH, HEIGHT) + pixels)


if __name__ == "__main__":
    main()
