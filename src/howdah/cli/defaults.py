"""Commands on defaults: what a project, or the whole cluster, puts under the specifications of pipelines."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import click

from howdah import documents
from howdah.cli import specifications
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.client import defaults
from howdah.names import Project, check_project_name

_NONE = "{}"


def _with_whose(function: Callable[..., None]) -> Callable[..., None]:
    """Add --cluster, and pass whose defaults are meant as `whose`, None for the cluster."""

    @click.option("--cluster", is_flag=True, help="Those of the cluster, not of the project.")
    @with_store
    @functools.wraps(function)
    def call(store: Store, *, cluster: bool, **words: Any) -> None:
        function(store, whose=None if cluster else Project(check_project_name(store.project)), **words)

    return call


def _with_effects(function: Callable[..., None]) -> Callable[..., None]:
    """Add what may be done to the pipelines that defaults change."""
    for add in (
        click.option("--dry-run", is_flag=True, help="Only tell which pipelines would be updated."),
        click.option("--reprocess", is_flag=True, help="Have those that are updated work on all datums anew."),
        click.option("--regenerate", is_flag=True, help="Update the pipelines that it changes, and tell which."),
    ):
        function = add(function)
    return function


@click.command(cls=Command, examples=("howdah inspect defaults", "howdah inspect defaults --cluster"))
@_with_whose
def inspect(store: Store, whose: Project | None) -> None:
    """Show the defaults of a project, or of the cluster, as JSON."""
    click.echo(specifications.pretty(defaults.inspect(store.conn, whose)))


@click.command(
    cls=Command,
    examples=(
        "howdah update defaults -f defaults.json --regenerate",
        """echo '{"createPipelineRequest": {"datumTries": 1}}' | howdah update defaults --cluster -f -""",
    ),
)
@click.option("-f", "--file", required=True, metavar="FILE", help="The defaults, JSON or YAML; - for stdin.")
@_with_effects
@_with_whose
def update(store: Store, file: str, **words: Any) -> None:
    """Set the defaults of a project, or of the cluster, in the place of those that are there.

    FILE holds an object whose `createPipelineRequest` has the fields of a specification. What a pipeline says itself
    comes first, then what its project says, then the cluster.
    """
    document = documents.parse_one(specifications.read_text(file))
    _write(store, json.dumps(document, ensure_ascii=False), **words)


@click.command(cls=Command, examples=("howdah delete defaults --cluster --regenerate",))
@_with_effects
@_with_whose
def delete(store: Store, **words: Any) -> None:
    """Delete the defaults of a project, or of the cluster."""
    _write(store, _NONE, **words)


def _write(store: Store, text: str, whose: Project | None, **effects: bool) -> None:
    effects["regenerate"] = any(effects.values())  # only with it does each of the others mean something
    verb = "would be updated" if effects["dry_run"] else "is updated"
    for each in defaults.write(store.conn, whose, text, **effects):
        click.echo(f"{each} {verb}")
