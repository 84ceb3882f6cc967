"""A picture of lines over powers of ten, as SVG: small, the same for the same numbers, and for light and dark pages.

By hand, since this one chart is all: a plotting library is larger than the project, and its files too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from xml.sax.saxutils import escape

Line = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 760, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 16, 200, 48
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8c564b")
_STYLE = (
    "text{font:12px sans-serif;fill:#333}line{stroke:#ccc}rect{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}line{stroke:#444}rect{fill:#111}}"
)


class _Scale:
    """Powers of ten that hold all values, and where each value lies between two ends."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = floor(log10(min(values)))
        self._high = max(ceil(log10(max(values))), self._low + 1)
        self._start, self._end = start, end
        self.ticks = [10.0**power for power in range(self._low, self._high + 1)]

    def at(self, value: float) -> float:
        return self._start + (log10(value) - self._low) / (self._high - self._low) * (self._end - self._start)


def svg(lines: Mapping[str, Line], *, across: str, up: str) -> str:
    """The picture; `across` and `up` say what the axes are. All values are above zero."""
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    x = _Scale([point[0] for line in lines.values() for point in line], _LEFT, right)
    y = _Scale([point[1] for line in lines.values() for point in line], bottom, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}"/>',
        _text((_LEFT + right) / 2, _HEIGHT - 8, across, "middle"),
        f'<g transform="rotate(-90 14 {bottom / 2})">{_text(14, bottom / 2, up, "middle")}</g>',
    ]
    for tick in x.ticks:
        parts += [_rule(x.at(tick), _TOP, x.at(tick), bottom), _text(x.at(tick), bottom + 18, _number(tick), "middle")]
    for tick in y.ticks:
        parts += [_rule(_LEFT, y.at(tick), right, y.at(tick)), _text(_LEFT - 6, y.at(tick) + 4, _number(tick), "end")]
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{x.at(value):.1f},{y.at(cost):.1f}" for value, cost in line)
        height = _TOP + 16 + number * 20
        parts += [
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<circle cx="{right + 16}" cy="{height - 4}" r="5" fill="{colour}"/>',
            _text(right + 28, height, name, "start"),
        ]
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
