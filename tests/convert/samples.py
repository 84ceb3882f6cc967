"""Tasks, labeling configurations and media for exports."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping
from typing import Any

from label_studio_sdk.converter.brush import mask2rle
from PIL import Image

from howdah.names import Commit, File
from howdah.uris import format_uri

PICTURES = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="Cat"/><Label value="Dog"/></RectangleLabels>
<PolygonLabels name="outline" toName="image"><Label value="Bird"/></PolygonLabels>
<BrushLabels name="brush" toName="image"><Label value="Fur"/></BrushLabels></View>"""
WORDS = """<View><Text name="text" value="$text"/>
<Labels name="ner" toName="text"><Label value="PER"/><Label value="LOC"/></Labels></View>"""
WORDS_IN_FILES = WORDS.replace('value="$text"', 'value="$text" valueType="url"')
SOUNDS = """<View><Audio name="audio" value="$audio"/><TextArea name="said" toName="audio"/></View>"""
CHOICES = """<View><Text name="text" value="$text"/>
<Choices name="mood" toName="text"><Choice value="glad"/><Choice value="sad"/></Choices></View>"""
WIDTH, HEIGHT = 64, 48


def picture(width: int = WIDTH, height: int = HEIGHT, mode: str = "RGB") -> bytes:
    """A PNG."""
    made = io.BytesIO()
    Image.new(mode, (width, height)).save(made, "PNG")
    return made.getvalue()


def sound(seconds: float) -> bytes:
    """A WAV file."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        file.writeframes(bytes(int(seconds * 8000) * 2))
    return made.getvalue()


def uri(commit: Commit, path: str) -> str:
    """The address of a pinned file."""
    return format_uri(File(commit, path))


def task(id: int, data: Mapping[str, Any], *results: Mapping[str, Any], **annotation: Any) -> dict[str, Any]:
    """A task with one annotation of these results, as a target's Sync writes it."""
    made = {
        "id": id * 10,
        "completed_by": {"id": 1, "email": "ann@example.org"},
        "result": list(results),
        "was_cancelled": False,
        "created_at": "2026-05-01T10:00:00.000000Z",
        "updated_at": f"2026-05-02T10:00:00.{id:06}Z",
        "lead_time": 1.5,
        **annotation,
    }
    return {"id": id, "data": dict(data), "annotations": [made], "predictions": [], "meta": {}}


def region(kind: str, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A result in a picture."""
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    return {"id": name, "type": kind, "from_name": name, "to_name": "image", "value": dict(value), **size}


def box(label: str = "Cat", x: float = 25.0) -> dict[str, Any]:
    """A box in a picture."""
    value = {"x": x, "y": 25, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": [label]}
    return region("rectanglelabels", "box", value)


def outline() -> dict[str, Any]:
    """A triangle in a picture."""
    points = [[0, 0], [50, 0], [50, 50]]
    return region("polygonlabels", "outline", {"points": points, "closed": True, "polygonlabels": ["Bird"]})


def stroke() -> dict[str, Any]:
    """A painted square of 20 x 20 in a picture."""
    import numpy  # noqa: ICN001, PLC0415

    mask = numpy.zeros((HEIGHT, WIDTH), dtype=numpy.uint8)
    mask[10:30, 20:40] = 255
    return region("brushlabels", "brush", {"format": "rle", "rle": mask2rle(mask), "brushlabels": ["Fur"]})


def span(start: int, end: int, label: str) -> dict[str, Any]:
    """A marked part of a text."""
    value = {"start": start, "end": end, "labels": [label]}
    return {"id": f"s{start}", "type": "labels", "from_name": "ner", "to_name": "text", "value": value}


def choice(label: str) -> dict[str, Any]:
    """A choice for a text."""
    return {"type": "choices", "from_name": "mood", "to_name": "text", "value": {"choices": [label]}}


def transcript(text: str) -> dict[str, Any]:
    """What was said in a sound."""
    return {"type": "textarea", "from_name": "said", "to_name": "audio", "value": {"text": [text]}}


def written(*made: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of these tasks, by their paths."""
    return {f"/{each['id']}.json": json.dumps(each).encode() for each in made}
