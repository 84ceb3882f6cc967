"""A graph of pipelines in lines and boxes for a terminal.

Between two layers, all arrows of one place share a horizontal line; where it crosses what leads down, it is broken.
"""

from __future__ import annotations

from collections.abc import Sequence

from howdah.cli.draw_graph import CRON, REPO, Graph, Node
from howdah.cli.draw_layers import Layout, Place, layout
from howdah.cli.output import plain

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "┌",
    _DOWN | _LEFT: "┐",
    _UP | _RIGHT: "└",
    _UP | _LEFT: "┘",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _LEFT | _RIGHT | _DOWN: "┬",
    _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}
_CORNERS = {REPO: "╭╮╰╯", CRON: "╭╮╰╯"}
_BOX = 4


def render(graph: Graph) -> str:
    """The drawing, a line each, without blanks at their ends; nothing for an empty graph."""
    found = layout(graph)
    canvas = _Canvas()
    row = 0
    arrivals: dict[int, int] = {}  # of the layer's places, the column where what passes arrives
    for number, layer in enumerate(found.layers):
        links = found.links[number] if number < len(found.links) else ()
        _draw_layer(canvas, graph, layer, row, (arrivals, {above for above, _ in links}))
        if number < len(found.links):
            row, arrivals = _draw_links(canvas, found, number, row + _BOX, arrivals)
    return "\n".join([*canvas.lines(), *_circles(graph, found)])


def _circles(graph: Graph, found: Layout) -> list[str]:
    names = [(plain(graph.nodes[each.source].name), plain(graph.nodes[each.target].name)) for each in found.back]
    return [f"↺ {source} is read by {target}, too" for source, target in names]


def _draw_layer(
    canvas: _Canvas, graph: Graph, layer: Sequence[Place], row: int, flow: tuple[dict[int, int], set[int]]
) -> None:
    arrivals, left = flow
    for number, place in enumerate(layer):
        if place.node is not None:
            canvas.box(row, place, graph.nodes[place.node], leaves=number in left)
        else:
            for at in range(row, row + _BOX):
                canvas.line(at, arrivals[number], _UP | _DOWN, place.source)


def _draw_links(
    canvas: _Canvas, found: Layout, number: int, row: int, arrivals: dict[int, int]
) -> tuple[int, dict[int, int]]:
    """The arrows between two layers, from this row on; the row behind them, and where what passes arrives."""
    above, below = found.layers[number], found.layers[number + 1]
    links = found.links[number]
    leaving = {up: arrivals[up] if above[up].node is None else above[up].middle for up, _ in links}
    columns = _arrivals(links, leaving, below)
    nets = {up: [column for (each, _), column in columns.items() if each == up] for up in leaving}
    tracks = _tracks(leaving, nets)
    end = row + max(tracks.values(), default=-1) + 2
    for up, ends in nets.items():
        canvas.net(row + tracks[up], (row, end), leaving[up], ends, above[up].source)
    for (_, down), column in columns.items():
        if below[down].node is not None:
            canvas.put(end - 1, column, "▼")
    return end, {down: column for (_, down), column in columns.items() if below[down].node is None}


def _arrivals(
    links: Sequence[tuple[int, int]], leaving: dict[int, int], below: Sequence[Place]
) -> dict[tuple[int, int], int]:
    """The column in which each link arrives: straight below where it leaves if it can, and nowhere below another."""
    taken = {*leaving.values()}
    found: dict[tuple[int, int], int] = {}
    for down, place in enumerate(below):
        arriving = sorted((each for each in links if each[1] == down), key=lambda each: leaving[each[0]])
        inner = range(place.left, place.left + place.width)[1 if place.node is not None else 0 :]
        inner = inner[:-1] if place.node is not None else inner
        for number, link in enumerate(arriving):
            straight = leaving[link[0]]
            wanted = place.left + (number + 1) * place.width // (len(arriving) + 1)
            free = [column for column in inner if column not in taken]
            found[link] = straight if straight in inner else min(free, key=lambda each: abs(each - wanted))  # noqa: B023
            taken.add(found[link])
    return found


def _tracks(leaving: dict[int, int], nets: dict[int, list[int]]) -> dict[int, int]:
    """The row, counted from the first, in which each net has its horizontal line, so that no two touch."""
    ends: list[int] = []  # the last column of each row
    tracks: dict[int, int] = {}
    for up in sorted(nets, key=lambda up: min(leaving[up], *nets[up])):
        first, last = min(leaving[up], *nets[up]), max(leaving[up], *nets[up])
        if first == last:
            tracks[up] = 0
            continue
        track = next((number for number, end in enumerate(ends) if end < first), len(ends))
        ends[track:] = [last, *ends[track + 1 :]]
        tracks[up] = track
    return tracks


class _Canvas:
    """Characters by row and column."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, str]] = {}
        self._lines: dict[tuple[int, int], tuple[int, int]] = {}

    def put(self, row: int, column: int, text: str) -> None:
        """Write a text from there on."""
        self._rows.setdefault(row, {}).update(enumerate(text, column))

    def line(self, row: int, column: int, ways: int, net: int) -> None:
        """Let a net's line go these ways from here; what leads up and down is drawn over another net's line."""
        before, owner = self._lines.get((row, column), (0, net))
        if owner != net:
            ways = before if before & (_UP | _DOWN) else ways
            owner = owner if before & (_UP | _DOWN) else net
            before = 0
        self._lines[row, column] = before | ways, owner
        self.put(row, column, _LINES.get(before | ways, "│"))

    def net(self, track: int, rows: tuple[int, int], start: int, ends: Sequence[int], net: int) -> None:
        """A line down from `start` to the row `track`, along it, and from there down to each of the columns `ends`."""
        for row in range(rows[0], track):
            self.line(row, start, _UP | _DOWN, net)
        first, last = min(start, *ends), max(start, *ends)
        for column in range(first, last + 1):
            ways = (_UP if column == start else 0) | (_DOWN if column in ends else 0)
            sides = (_LEFT if column > first else 0) | (_RIGHT if column < last else 0)
            self.line(track, column, ways | sides, net)
        for end in ends:
            for row in range(track + 1, rows[1]):
                self.line(row, end, _UP | _DOWN, net)

    def box(self, row: int, place: Place, node: Node, *, leaves: bool) -> None:
        """A node's box, with its name and what is told of it."""
        corners = _CORNERS.get(node.kind, "┌┐└┘")
        inner = place.width - 2
        self.put(row, place.left, corners[0] + "─" * inner + corners[1])
        for number, text in enumerate((node.name, node.detail), 1):
            self.put(row + number, place.left, f"│{plain(text):^{inner}}│")
        self.put(row + 3, place.left, corners[2] + "─" * inner + corners[3])
        if leaves:
            self.put(row + 3, place.middle, "┬")

    def lines(self) -> list[str]:
        """What was written."""
        told = []
        for row in range(max(self._rows, default=-1) + 1):
            cells = self._rows.get(row, {})
            told.append("".join(cells.get(column, " ") for column in range(max(cells, default=-1) + 1)).rstrip())
        return told
