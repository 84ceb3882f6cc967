"""A graph of pipelines as Mermaid, which pages of Markdown show as an image."""

from __future__ import annotations

from howdah.cli.draw_graph import CRON, REPO, Graph, Node
from howdah.cli.output import plain

_SHAPES = {REPO: ("([", "])"), CRON: ("([", "])")}
_SIGNS = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;"}


def render(graph: Graph) -> str:
    """The diagram."""
    lines = ["flowchart TD"]
    lines += [f"  n{number}{_box(node)}" for number, node in enumerate(graph.nodes)]
    for each in graph.edges:
        label = f"|{_quoted(each.label)}|" if each.label else ""
        lines.append(f"  n{each.source} -->{label} n{each.target}")
    failed = [f"n{number}" for number, node in enumerate(graph.nodes) if node.failed]
    if failed:
        lines += ["  classDef failed stroke:#ba2525,stroke-width:3px", f"  class {','.join(failed)} failed"]
    return "\n".join(lines)


def _box(node: Node) -> str:
    begin, end = _SHAPES.get(node.kind, ("[", "]"))
    text = _quoted(node.name, node.detail)
    return f"{begin}{text}{end}"


def _quoted(*lines: str) -> str:
    """Lines of text as Mermaid has them, none of their signs read as its own."""
    told = ("".join(_SIGNS.get(sign, sign) for sign in plain(line)) for line in lines)
    return f'"{"<br/>".join(told)}"'
