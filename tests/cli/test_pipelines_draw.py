"""Drawings of pipelines, as pictures of what the list tells; nobody else is asked."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.cli import draw_graph, draw_mermaid, draw_svg, draw_text
from howdah.cli.draw_graph import Edge, Graph, Node
from howdah.cli.draw_layers import layout
from howdah.infos import JobState, PipelineInfo, PipelineState
from howdah.names import Pipeline, Project

HERE = Project("vision")


def pfs(repo: str, **more: str) -> dict[str, Any]:
    return {"pfs": {"repo": repo, "glob": "/*"} | more}


def info(name: str, given: dict[str, Any] | None, job: JobState = JobState.JOB_SUCCESS) -> PipelineInfo:
    told = json.dumps({} if given is None else {"input": given})
    state = PipelineState.PIPELINE_RUNNING
    return PipelineInfo(Pipeline(HERE, name), state=state, last_job=job, effective=told)


def graph(*infos: PipelineInfo) -> Graph:
    return draw_graph.of(infos, HERE)


CHAIN = graph(info("edges", pfs("images")))
DIAMOND = graph(
    info("montage", {"cross": [pfs("edges"), pfs("images", branch="dev")]}, JobState.JOB_FAILURE),
    info("edges", pfs("images")),
    info("report", {"union": [pfs("montage"), {"cron": {"name": "tick", "repo": "report_tick", "spec": "@daily"}}]}),
)


def test_a_chain_is_drawn_straight() -> None:
    assert draw_text.render(CHAIN) == dedent(
        """\
             ╭─────────╮
             │ images  │
             │  repo   │
             ╰────┬────╯
                  │
                  ▼
        ┌───────────────────┐
        │       edges       │
        │ running / success │
        └───────────────────┘"""
    )


def test_an_arrow_passes_layers_that_it_does_not_stop_in() -> None:
    lines = draw_text.render(DIAMOND).splitlines()
    edges = next(line for line in lines if "  edges  " in line)
    assert edges.split() == ["│", "edges", "│", "│"]
    assert [line.count("▼") for line in lines if "▼" in line] == [1, 2, 2]


def test_the_graph_tells_who_reads_what_and_how_it_is() -> None:
    assert [(node.name, node.kind, node.detail, node.failed) for node in DIAMOND.nodes] == [
        ("edges", "transform", "running / success", False),
        ("montage", "transform", "running / failure", True),
        ("report", "transform", "running / success", False),
        ("images", "repo", "repo", False),
        ("report_tick", "cron", "cron @daily", False),
    ]
    assert DIAMOND.edges == (
        *(Edge(3, 0, "/*"), Edge(0, 1, "/*"), Edge(3, 1, "dev:/*"), Edge(1, 2, "/*")),
        Edge(4, 2, ""),
    )


def test_other_projects_are_named_and_names_in_either_case_are_read() -> None:
    told = graph(info("edges", pfs("images", project="photos")), info("sizes", pfs("edges", repoType="meta")))
    assert [node.name for node in told.nodes] == ["edges", "sizes", "photos/images", "edges.meta"]


def test_one_arrow_stands_for_all_that_is_read_of_a_repo() -> None:
    told = graph(info("edges", {"cross": [pfs("images"), pfs("images", glob="/"), pfs("images")]}))
    assert told.edges == (Edge(1, 0, "/*, /"),)


def test_a_part_is_what_is_up_and_downstream() -> None:
    told = graph(info("edges", pfs("images")), info("count", pfs("labels")), info("montage", pfs("edges")))
    assert {node.name for node in told.around(["edges"]).nodes} == {"images", "edges", "montage"}
    assert told.around(["labels"]).edges == (Edge(1, 0, "/*"),)
    assert draw_text.render(told.around([])) == ""


def test_a_circle_is_cut_open_and_told() -> None:
    told = graph(info("x", pfs("y")), info("y", pfs("x")), info("z", pfs("z")))
    assert draw_text.render(told).splitlines()[-2:] == ["↺ y is read by x, too", "↺ z is read by z, too"]
    assert draw_svg.render(told).count("<path") == 3


def test_mermaid_quotes_what_names_and_globs_could_mean_to_it() -> None:
    told = draw_mermaid.render(graph(info("edges", pfs("images", glob='/"<b>#`\n'))))
    assert told.splitlines() == [
        "flowchart TD",
        '  n0["edges<br/>running / success"]',
        '  n1(["images<br/>repo"])',
        '  n1 -->|"/#quot;#lt;b#gt;#35;#96;\\n"| n0',
    ]
    assert "class n1 failed" in draw_mermaid.render(DIAMOND)


def test_an_image_is_a_document_of_its_own_with_each_box_and_arrow() -> None:
    image = ElementTree.fromstring(draw_svg.render(DIAMOND))
    space = "{http://www.w3.org/2000/svg}"
    assert [each.text for each in image.iter(f"{space}text")][::2] == [node.name for node in DIAMOND.nodes]
    heads = [each for each in image.iter(f"{space}path") if each.get("marker-end")]
    assert len(heads) == len(DIAMOND.edges)
    assert [each.get("class") for each in image.iter(f"{space}rect")][1:3] == ["transform", "transform failed"]


def test_what_is_told_cannot_steer_a_terminal_or_a_page() -> None:
    evil = info("x", {"cron": {"repo": "<script>", "spec": "\x1b[31m</svg>"}})
    assert "\x1b" not in draw_text.render(graph(evil))
    image = draw_svg.render(graph(evil))
    assert "<script>" not in image
    assert image.count("</svg>") == 1


@pytest.mark.parametrize("effective", ['{"input": 1}', '{"input": {"pfs": []}}', '{"input": {"cross": [1, {}]}}'])
def test_what_is_no_input_is_passed_over(effective: str) -> None:
    told = PipelineInfo(Pipeline(HERE, "x"), effective=effective)
    assert draw_graph.of([told], HERE).edges == ()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 12))
    names = st.text("ab", min_size=1, max_size=12)
    nodes = tuple(Node(draw(names), "transform", "") for _ in range(count))
    ends = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    return Graph(nodes, tuple(Edge(*each) for each in draw(st.lists(ends, unique=True, max_size=20))))


@given(graphs())
def test_of_any_graph_boxes_keep_apart_and_each_arrow_arrives(graph: Graph) -> None:
    found = layout(graph)
    for layer in found.layers:
        for left, right in zip(layer, layer[1:], strict=False):
            assert left.left + left.width < right.left
    drawn = draw_text.render(graph)
    assert drawn.count("▼") + len(found.back) == len(graph.edges)
    assert drawn.count("┌─") >= len(graph.nodes)
    image = ElementTree.fromstring(draw_svg.render(graph))
    assert sum("marker-end" in each.attrib for each in image.iter()) == len(graph.edges)
    assert draw_mermaid.render(graph).count("-->") == len(graph.edges)


_DETAIL = "-" * 9


def traced(drawn: str) -> set[tuple[str, str]]:
    """Who is linked with whom, as somebody finds out who follows the lines up from each arrow's head."""
    rows = drawn.splitlines()
    width = max(map(len, rows))
    rows = [row.ljust(width) for row in rows]
    found = set()
    for row, text in enumerate(rows):
        for column, sign in enumerate(text):
            if sign == "▼":
                found.add((_source(rows, row, column), _name(rows[row + 2], column)))
    return found


def _source(rows: list[str], row: int, column: int) -> str:
    while True:
        row -= 1
        if rows[row - 1][column] == "-":  # the last line in a box
            return _name(rows[row - 2], column)
        if rows[row][column] != "│":
            break
    (end,) = {column} & _ups(rows[row], column) or _along(rows[row], column, -1) | _along(rows[row], column, 1)
    return _source(rows, row, end)


def _ups(text: str, column: int) -> set[int]:
    return {column} if text[column] in "└┘├┤┴┼" else set()


def _along(text: str, column: int, step: int) -> set[int]:
    """Columns where a horizontal line that begins in this one is left upwards; what it crosses is passed."""
    begins, ends = ("┌├┬┴┼", "┐┘┤") if step > 0 else ("┐┤┬┴┼", "┌└├")
    found: set[int] = set()
    if text[column] in begins:
        while text[column] not in ends:
            column += step
            found |= _ups(text, column)
    return found


def _name(text: str, column: int) -> str:
    left, right = text.rindex("│", 0, column), text.index("│", column + 1)
    return text[left + 1 : right].strip()


@given(graphs())
def test_who_follows_the_lines_finds_the_edges(graph: Graph) -> None:
    named = tuple(Node(f"n{number}", "transform", _DETAIL) for number in range(len(graph.nodes)))
    told = Graph(named, graph.edges)
    back = layout(told).back
    forward = {(f"n{each.source}", f"n{each.target}") for each in graph.edges if each not in back}
    assert traced(draw_text.render(told)) == forward
