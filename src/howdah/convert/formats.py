"""What each format of the converter does with the media, so that its input can be made ready. Pure.

A format that is not listed is taken as one of data alone: it is offered as soon as the converter knows it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from howdah.errors import Invalid

_WITH_MEDIA = "_WITH_IMAGES"  # the converter's own variants: `media` says the same for all formats
_ALIASES = {"CONLL": "CONLL2003"}


class Shows(enum.Enum):
    """How a format speaks of the media."""

    DATA = "as they stand in the task's data"
    PICTURE = "a picture by its file"
    PICTURE_BY_PATH = "a picture by its path alone"
    SOUND = "a sound by its file"
    TEXT = "a text by its words"
    PAGES = "pictures that go into its own files"


@dataclass(frozen=True, slots=True)
class Format:
    """A format under the converter's name for it."""

    code: str
    shows: Shows = Shows.DATA
    folder: str = "media"
    """Where the media lie in the export."""
    opens_media: bool = False
    """Whether the converter looks into the media, where they go along."""

    takes_skipped: bool = False
    """Whether a task that was skipped is in it, too."""

    @property
    def name(self) -> str:
        """As people write it."""
        return self.code.lower()

    @property
    def needs_media(self) -> bool:
        """Whether nothing can be said without the media."""
        return self.shows in (Shows.SOUND, Shows.TEXT)

    @property
    def uses_one_value(self) -> bool:
        """Whether it looks at one value of the task's data, the one that is labeled."""
        return self.shows not in (Shows.DATA, Shows.PAGES)


_KNOWN = {
    known.code: known
    for known in (
        Format("JSON", takes_skipped=True),
        Format("COCO", Shows.PICTURE, "images", opens_media=True),
        Format("VOC", Shows.PICTURE, "images", opens_media=True),
        Format("YOLO", Shows.PICTURE, "images"),
        Format("YOLO_OBB", Shows.PICTURE, "images"),
        Format("BRUSH_TO_COCO", Shows.PICTURE_BY_PATH, "images"),
        Format("BRUSH_TO_NUMPY", Shows.PICTURE_BY_PATH, "images"),
        Format("BRUSH_TO_PNG", Shows.PICTURE_BY_PATH, "images"),
        Format("ASR_MANIFEST", Shows.SOUND, "audio", opens_media=True),
        Format("CONLL2003", Shows.TEXT, "media"),
        Format("DOCLANG", Shows.PAGES, "", opens_media=True, takes_skipped=True),
    )
}


def fitting(codes: Iterable[str]) -> dict[str, Format]:
    """The formats among the converter's codes, by their names in order."""
    chosen = sorted(code for code in codes if not code.endswith(_WITH_MEDIA))
    found = (_KNOWN.get(code, Format(code)) for code in chosen)
    return {format.name: format for format in found}


def choose(name: str, offered: dict[str, Format]) -> Format:
    """The format that is called so; raises `Invalid`, naming those that fit, where it is not among them."""
    code = name.strip().upper().replace("-", "_")
    found = offered.get(_ALIASES.get(code, code).lower())
    if found is None:
        raise Invalid(
            f"format {name} does not fit this labeling configuration: choose one of {', '.join(offered)}",
            kind="bad-format",
        )
    return found
