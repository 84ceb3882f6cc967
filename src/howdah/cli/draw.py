"""`howdah draw pipeline`: which pipelines read what, as a drawing."""

from __future__ import annotations

import click

from howdah.cli import draw_graph, draw_mermaid, draw_svg, draw_text
from howdah.cli.inputs import name
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.client import pipelines
from howdah.errors import NotFound
from howdah.names import Branch, Project, Repo, check_project_name, parse_repo

_FORMS = {"text": draw_text.render, "mermaid": draw_mermaid.render, "svg": draw_svg.render}


@click.command(
    cls=Command,
    examples=(
        "howdah draw pipeline",
        "howdah draw pipeline edges --mermaid",
        "howdah draw pipeline -A --svg > pipelines.svg",
    ),
)
@click.argument("names", metavar="[PIPELINE|REPO]...", nargs=-1)
@click.option("-A", "--all-projects", is_flag=True, help="Draw the pipelines of all projects.")
@click.option("-c", "--commit", default="", metavar="SET", help="Draw what made this commit set.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Write Mermaid, which pages of Markdown show.")
@click.option("--svg", "form", flag_value="svg", help="Write an image.")
@with_store
def draw(store: Store, names: tuple[str, ...], commit: str, form: str | None, *, all_projects: bool) -> None:
    """Draw the pipelines of a project, what they read, and how they and their newest jobs are.

    With names, only what is up or downstream of these pipelines or repos.
    """
    project = Project(check_project_name(store.project))
    found = pipelines.list(store.conn, projects=() if all_projects else (project,), commit_set=commit)
    graph = draw_graph.of(found, project)
    if names:
        repos = [parse_repo(each, store.project) for each in names]
        graph = graph.around(_known(graph, repos, project))
    click.echo(_FORMS[form or "text"](graph))


def _known(graph: draw_graph.Graph, repos: list[Repo], project: Project) -> list[str]:
    known = {node.name for node in graph.nodes}
    shown = [name(Branch(each), project) for each in repos]
    for each, repo in zip(shown, repos, strict=True):
        if each not in known:
            raise NotFound(
                f"no pipeline is, or reads, {repo}: `howdah list pipeline` shows what there is",
                kind="pipeline-not-found",
            )
    return shown
