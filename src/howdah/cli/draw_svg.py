"""A graph of pipelines as an image in SVG: it stands alone, for a browser or a page."""

from __future__ import annotations

from html import escape

from howdah.cli.draw_graph import CRON, REPO, Graph, Node
from howdah.cli.draw_layers import Layout, Place, layout
from howdah.cli.output import plain

_COLUMN = 8
_BOX = 48
_BETWEEN = 56
_EDGE = 16

_STYLE = (
    "text{font:13px ui-monospace,Menlo,Consolas,monospace;text-anchor:middle;fill:#1f2933}"
    ".detail{font-size:11px;fill:#52606d}"
    "rect{fill:#fff;stroke:#3e4c59;stroke-width:1.5}.repo,.cron{fill:#e6f6ff;stroke:#0b69a3}"
    ".failed{stroke:#ba2525;stroke-width:2.5}path{fill:none;stroke:#7b8794;stroke-width:1.5}"
)
_ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<polygon points="0,0 8,4 0,8" fill="#7b8794"/></marker>'
)


def render(graph: Graph) -> str:
    """The image's whole document."""
    found = layout(graph)
    columns = max((place.left + place.width for layer in found.layers for place in layer), default=0)
    width = columns * _COLUMN + 2 * _EDGE
    height = max(len(found.layers) * (_BOX + _BETWEEN) - _BETWEEN, 0) + 2 * _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>Pipelines</title><style>{_STYLE}</style><defs>{_ARROW}</defs>",
        f'<rect width="{width}" height="{height}" style="stroke:none"/>',
        *_arrows(found),
        *(_box(graph.nodes[node], place, depth) for node, (place, depth) in sorted(_places(found).items())),
        "</svg>",
    ]
    return "\n".join(parts)


def _places(found: Layout) -> dict[int, tuple[Place, int]]:
    return {
        place.node: (place, depth)
        for depth, layer in enumerate(found.layers)
        for place in layer
        if place.node is not None
    }


def _arrows(found: Layout) -> list[str]:
    told = []
    for depth, links in enumerate(found.links):
        for up, down in links:
            above, below = found.layers[depth][up], found.layers[depth + 1][down]
            arriving = sorted(each for each, other in links if other == down)
            share = (arriving.index(up) + 1) / (len(arriving) + 1)
            told.append(_arrow(above, below, depth, share))
    places = _places(found)
    for each in found.back:
        (above, depth), (below, end) = places[each.source], places[each.target]
        told.append(_path((_x(above, 0.5), _top(depth) + _BOX), (_x(below, 0.9), _top(end)), "arrow"))
    return told


def _arrow(above: Place, below: Place, depth: int, share: float) -> str:
    """One link between two layers, and what passes the lower one."""
    start = (_x(above, 0.5), _top(depth) + _BOX)
    if below.node is not None:
        return _path(start, (_x(below, share), _top(depth + 1)), "arrow")
    x, y = _x(below, 0.5), _top(depth + 1)
    return _path(start, (x, y), "") + f'<path d="M{x:g} {y}V{y + _BOX}"/>'


def _path(start: tuple[float, int], end: tuple[float, int], marker: str) -> str:
    middle = (start[1] + end[1]) / 2
    points = f"M{start[0]:g} {start[1]}C{start[0]:g} {middle:g} {end[0]:g} {middle:g} {end[0]:g} {end[1]}"
    return f'<path d="{points}"' + (f' marker-end="url(#{marker})"/>' if marker else "/>")


def _box(node: Node, place: Place, depth: int) -> str:
    x, y, width = _EDGE + place.left * _COLUMN, _top(depth), place.width * _COLUMN
    kind = f"{escape(node.kind)} failed" if node.failed else escape(node.kind)
    corner = 14 if node.kind in {REPO, CRON} else 3
    middle = x + width / 2
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{_BOX}" rx="{corner}"/>'
        f'<text x="{middle:g}" y="{y + 20}">{escape(plain(node.name))}</text>'
        f'<text class="detail" x="{middle:g}" y="{y + 37}">{escape(plain(node.detail))}</text>'
    )


def _x(place: Place, share: float) -> float:
    return round(_EDGE + (place.left + place.width * share) * _COLUMN, 1)


def _top(depth: int) -> int:
    return _EDGE + depth * (_BOX + _BETWEEN)
