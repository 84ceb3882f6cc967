from __future__ import annotations

from xml.etree import ElementTree

from bench import plot

_SVG = "{http://www.w3.org/2000/svg}"


def test_picture_has_a_line_for_each_name_and_flat_costs_are_flat() -> None:
    lines = {"flat": [(1000, 2.0), (1_000_000, 2.0)], "steep & more": [(1000, 1.0), (1_000_000, 1000.0)]}
    picture = ElementTree.fromstring(plot.svg(lines, across="files", up="ms"))

    ends = [
        [float(pair.split(",")[1]) for pair in line.get("points", "").split()]
        for line in picture.iter(f"{_SVG}polyline")
    ]
    assert ends[0][0] == ends[0][1]
    assert ends[1][0] > ends[1][1], "more is higher up"
    assert {"flat", "steep & more", "files", "ms", "1,000", "1,000,000"} <= {
        text.text for text in picture.iter(f"{_SVG}text")
    }
