"""Where the boxes of a graph are drawn: in layers, from what is read to who reads it, in columns of a screen.

An arrow over several layers passes each of them in a place of its own, which all arrows from one node share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from howdah.cli.draw_graph import Edge, Graph

# With places so far apart, and boxes of `_least` columns, each arrow finds a column of its own to arrive in.
_GAP = 3
_PASSING = 3
_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is, or where arrows of `source` pass: from column `left` on, `width` columns."""

    node: int | None
    source: int
    left: int
    width: int

    @property
    def middle(self) -> int:
        """Its middle column."""
        return self.left + self.width // 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Layers of places, and for each layer but the last the links into the next, by numbers of places in both.

    `back` are the edges that lead upwards, which only a graph with circles has.
    """

    layers: tuple[tuple[Place, ...], ...]
    links: tuple[tuple[tuple[int, int], ...], ...]
    back: tuple[Edge, ...]


_Key = tuple[int, int]  # a node and the layer: where it is, or where arrows from it pass


def layout(graph: Graph) -> Layout:
    """Where to draw the graph."""
    depths, back = _depths(graph)
    forward = [each for each in graph.edges if each not in back]
    layers, links = _layered(depths, forward)
    _sort(layers, links)
    widths = {(node, depth): _width(graph, forward, node) for node, depth in enumerate(depths)}
    lefts = _columns(layers, links, widths)
    places = tuple(
        tuple(Place(key[0] if key in widths else None, key[0], lefts[key], widths.get(key, _PASSING)) for key in layer)
        for layer in layers
    )
    numbers = {key: number for layer in layers for number, key in enumerate(layer)}
    counted: list[list[tuple[int, int]]] = [[] for _ in layers[1:]]
    for above, below in links:
        counted[above[1]].append((numbers[above], numbers[below]))
    return Layout(places, tuple(tuple(sorted(each)) for each in counted), tuple(back))


def _depths(graph: Graph) -> tuple[list[int], list[Edge]]:
    """The layer of each node, which is below those of all that it reads, and the edges of which that cannot hold."""
    into: list[list[Edge]] = [[] for _ in graph.nodes]
    out: list[list[Edge]] = [[] for _ in graph.nodes]
    for each in graph.edges:
        into[each.target].append(each)
        out[each.source].append(each)
    depths = [0] * len(into)
    waiting = dict(enumerate(into))
    back: list[Edge] = []
    while waiting:
        node = next((node for node, edges in waiting.items() if all(each.source not in waiting for each in edges)), -1)
        if node < 0:  # a circle is cut open
            node = next(iter(waiting))
            back.extend(each for each in into[node] if each.source in waiting)
        depths[node] = max((depths[each.source] + 1 for each in into[node] if each not in back), default=0)
        del waiting[node]
    for node, edges in enumerate(out):  # what reads nothing goes near to who reads it
        if edges and not into[node]:
            depths[node] = min(depths[each.target] for each in edges) - 1
    return depths, back


def _layered(depths: list[int], edges: Sequence[Edge]) -> tuple[list[list[_Key]], list[tuple[_Key, _Key]]]:
    """The layers with what passes them, and the links of each to the next."""
    layers: list[list[_Key]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for node, depth in enumerate(depths):
        layers[depth].append((node, depth))
    links: dict[tuple[_Key, _Key], None] = {}
    for each in edges:
        here = (each.source, depths[each.source])
        for depth in range(here[1] + 1, depths[each.target]):
            passing = (each.source, depth)
            if passing not in layers[depth]:
                layers[depth].append(passing)
            links[here, passing] = None
            here = passing
        links[here, (each.target, depths[each.target])] = None
    return layers, [*links]


def _sort(layers: list[list[_Key]], links: Sequence[tuple[_Key, _Key]]) -> None:
    """Bring what is linked near to each other, so that few arrows cross."""
    above, below = _neighbours(links)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for layer in layers if down else layers[::-1]:
            order = {key: number for each in layers for number, key in enumerate(each)}
            layer.sort(key=lambda key: _mean([order[each] for each in near.get(key, ())], order[key]))  # noqa: B023


def _columns(layers: list[list[_Key]], links: Sequence[tuple[_Key, _Key]], widths: dict[_Key, int]) -> dict[_Key, int]:
    """The first column of each place: none overlap, and each is as near to what it is linked with as may be."""
    above, below = _neighbours(links)
    lefts: dict[_Key, int] = {}
    for layer in layers:
        _push(layer, widths, lefts, {key: 0.0 for key in layer})
    for sweep in range(_SWEEPS + 1):  # the last one is downwards
        down = sweep % 2 == 0
        near = above if down else below
        for layer in layers if down else layers[::-1]:
            middles = {key: left + widths.get(key, _PASSING) // 2 for key, left in lefts.items()}
            wanted = {key: _mean([middles[each] for each in near.get(key, ())], middles[key]) for key in layer}
            _push(layer, widths, lefts, wanted)
    first = min(lefts.values(), default=0)
    return {key: left - first for key, left in lefts.items()}


def _push(layer: Sequence[_Key], widths: dict[_Key, int], lefts: dict[_Key, int], wanted: dict[_Key, float]) -> None:
    """Put each place with its middle where it is wanted, and those that overlap as far left as right of that."""
    width = [widths.get(key, _PASSING) for key in layer]
    best = [int(wanted[key]) - each // 2 for key, each in zip(layer, width, strict=True)]
    right, left = best[:], best[:]
    for at in range(1, len(layer)):
        right[at] = max(right[at], right[at - 1] + width[at - 1] + _GAP)
    for at in range(len(layer) - 2, -1, -1):
        left[at] = min(left[at], left[at + 1] - width[at] - _GAP)
    for key, low, high in zip(layer, left, right, strict=True):
        lefts[key] = (low + high) // 2


def _neighbours(links: Sequence[tuple[_Key, _Key]]) -> tuple[dict[_Key, list[_Key]], dict[_Key, list[_Key]]]:
    above: dict[_Key, list[_Key]] = {}
    below: dict[_Key, list[_Key]] = {}
    for up, down in links:
        above.setdefault(down, []).append(up)
        below.setdefault(up, []).append(down)
    return above, below


def _mean(numbers: Sequence[int], otherwise: int) -> float:
    return sum(numbers) / len(numbers) if numbers else float(otherwise)


def _width(graph: Graph, edges: Sequence[Edge], node: int) -> int:
    """Columns of a box: an odd number, so that it has a middle, for its texts and for the arrows that arrive."""
    told = max(len(graph.nodes[node].name), len(graph.nodes[node].detail)) + 4
    arriving = 2 * sum(each.target == node for each in edges) + 5
    return max(told, arriving) // 2 * 2 + 1
