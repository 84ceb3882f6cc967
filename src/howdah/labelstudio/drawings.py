"""Pictures drawn by rules: simple landscapes with things in them whose places are known. Pure but for Pillow.

The same number gives the same picture, so that a demo project is the same everywhere and nothing has to be downloaded.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 420
KINDS = ("House", "Tree", "Car", "Balloon")

_GROUND = 280
_SKIES = ((214, 234, 248), (253, 235, 208), (232, 218, 239), (208, 236, 231))
_GRASS = ((125, 180, 108), (160, 190, 110), (110, 160, 120), (190, 190, 120))
_BRIGHT = ((205, 92, 92), (70, 130, 180), (218, 165, 32), (147, 112, 219), (60, 160, 140))

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in a picture: what it is and where, in pixels."""

    kind: str
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture as JPEG and what is in it."""

    content: bytes
    things: tuple[Thing, ...]


def scene(number: int, *, edited: bool = False) -> Scene:
    """The picture with this number; `edited` has one balloon more in it."""
    chance = random.Random(number)  # noqa: S311  (to be the same each time is the point)
    image = Image.new("RGB", (WIDTH, HEIGHT), chance.choice(_SKIES))
    pen = ImageDraw.Draw(image)
    sun = chance.randrange(40, WIDTH - 80)
    pen.ellipse((sun, 24, sun + 52, 76), fill=(250, 215, 90))
    for _ in range(3):
        middle, reach = chance.randrange(WIDTH), chance.randrange(140, 260)
        hill = (middle - reach, _GROUND - 70, middle + reach, _GROUND + 120)
        pen.ellipse(hill, fill=_darker(chance.choice(_GRASS), 0.9))
    pen.rectangle((0, _GROUND, WIDTH, HEIGHT), fill=chance.choice(_GRASS))
    things = [_draw(pen, chance, kind, slot) for slot, kind in enumerate(_cast(chance))]
    if edited:
        things.append(_balloon(pen, random.Random(number + 1000), 1))  # noqa: S311
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return Scene(out.getvalue(), tuple(things))


def _cast(chance: random.Random) -> list[str]:
    return [chance.choice(KINDS) for _ in range(chance.randrange(2, 5))]


def _draw(pen: ImageDraw.ImageDraw, chance: random.Random, kind: str, slot: int) -> Thing:
    draw = {"House": _house, "Tree": _tree, "Car": _car, "Balloon": _balloon}[kind]
    return draw(pen, chance, slot)


def _place(chance: random.Random, slot: int, width: int) -> int:
    """Where something of this width begins: each slot is a quarter of the picture, so nothing hides another."""
    quarter = WIDTH // 4
    return slot * quarter + chance.randrange(4, max(5, quarter - width - 4))


def _house(pen: ImageDraw.ImageDraw, chance: random.Random, slot: int) -> Thing:
    width, height, colour = chance.randrange(90, 130), chance.randrange(70, 100), chance.choice(_BRIGHT)
    left, bottom = _place(chance, slot, width), _GROUND + chance.randrange(20, 70)
    top, roof = bottom - height, 44
    pen.rectangle((left, top, left + width, bottom), fill=colour)
    pen.polygon(((left, top), (left + width // 2, top - roof), (left + width, top)), fill=_darker(colour, 0.6))
    pen.rectangle((left + 14, top + 18, left + 38, top + 42), fill=(245, 245, 220))
    pen.rectangle((left + width - 38, bottom - 46, left + width - 14, bottom), fill=_darker(colour, 0.4))
    return Thing("House", left, top - roof, width, height + roof)


def _tree(pen: ImageDraw.ImageDraw, chance: random.Random, slot: int) -> Thing:
    width, height = chance.randrange(60, 100), chance.randrange(110, 170)
    left, bottom = _place(chance, slot, width), _GROUND + chance.randrange(20, 90)
    top, middle = bottom - height, left + width // 2
    pen.rectangle((middle - 7, bottom - height // 2, middle + 7, bottom), fill=(120, 80, 50))
    pen.ellipse((left, top, left + width, top + height * 2 // 3), fill=(46, chance.randrange(100, 150), 70))
    return Thing("Tree", left, top, width, height)


def _car(pen: ImageDraw.ImageDraw, chance: random.Random, slot: int) -> Thing:
    width, height, colour = chance.randrange(100, 140), 56, chance.choice(_BRIGHT)
    left, bottom = _place(chance, slot, width), _GROUND + chance.randrange(60, 120)
    top = bottom - height
    pen.polygon(
        ((left + 22, top + 26), (left + 38, top), (left + width - 38, top), (left + width - 18, top + 26)),
        fill=_darker(colour, 0.8),
    )
    pen.rectangle((left, top + 24, left + width, bottom - 10), fill=colour)
    for wheel in (left + 16, left + width - 40):
        pen.ellipse((wheel, bottom - 24, wheel + 24, bottom), fill=(40, 40, 40))
    return Thing("Car", left, top, width, height)


def _balloon(pen: ImageDraw.ImageDraw, chance: random.Random, slot: int) -> Thing:
    width, colour = chance.randrange(56, 80), chance.choice(_BRIGHT)
    left, top = _place(chance, slot, width), chance.randrange(16, 70)
    height = width + 44
    pen.ellipse((left, top, left + width, top + width + 8), fill=colour)
    pen.line((left + width // 4, top + width, left + width // 2 - 8, top + height - 16), fill=(90, 90, 90))
    pen.line((left + width * 3 // 4, top + width, left + width // 2 + 8, top + height - 16), fill=(90, 90, 90))
    pen.rectangle((left + width // 2 - 10, top + height - 18, left + width // 2 + 10, top + height), fill=(140, 90, 50))
    return Thing("Balloon", left, top, width, height)


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (int(part * share) for part in colour)
    return red, green, blue
