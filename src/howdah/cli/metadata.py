"""Commands on metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.client import metadata
from howdah.errors import Invalid
from howdah.names import Project, parse_branch, parse_commit, parse_pipeline, parse_repo
from howdah.wire.metadata import Target

_KINDS = ("project", "repo", "branch", "commit", "pipeline", "cluster")
_WORDS = 4


@click.command(
    cls=Command,
    examples=(
        "howdah edit metadata repo images add season=dry",
        "howdah edit metadata branch images@master edit season=wet project default delete owner",
        """howdah edit metadata cluster . set '{"site": "north"}'""",
    ),
)
@click.argument("words", metavar="KIND NAME add|edit|delete|set TEXT ...", nargs=-1, required=True)
@with_store
def edit(store: Store, words: tuple[str, ...]) -> None:
    """Edit metadata of projects, repos, branches, commits, pipelines and the cluster: all edits or none.

    Each edit is four words: `project`, `repo`, `branch`, `commit`, `pipeline` or `cluster`; its name (`.` for the
    cluster); what to do; and KEY=VALUE, for delete KEY, for set a JSON object that replaces everything.
    """
    if len(words) % _WORDS:
        raise Invalid("each edit needs four words: what it is of, its name, add|edit|delete|set, and the text")
    edits = [words[at : at + _WORDS] for at in range(0, len(words), _WORDS)]
    metadata.edit(store.conn, *(_edit(store, each) for each in edits))


def _edit(store: Store, words: Sequence[str]) -> metadata.Edit:
    kind, name, verb, text = words
    target = _target(store, kind, name)
    if verb == "set":
        return metadata.replace(target, _object(text))
    if verb == "delete":
        return metadata.delete(target, text)
    key, equals, value = text.partition("=")
    if verb not in {"add", "edit"} or not equals:
        raise Invalid(f"edit ({verb} {text}) invalid: add KEY=VALUE, edit KEY=VALUE, delete KEY, or set JSON")
    return metadata.add(target, key, value) if verb == "add" else metadata.change(target, key, value)


def _target(store: Store, kind: str, name: str) -> Target:
    if kind == "project":
        return Project(name)
    if kind == "repo":
        return parse_repo(name, store.project)
    if kind == "branch":
        return parse_branch(name, store.project)
    if kind == "commit":
        return parse_commit(name, store.project)
    if kind == "pipeline":
        return parse_pipeline(name, store.project)
    if kind == "cluster":
        return None
    raise Invalid(f"kind ({kind}) invalid: it must be one of {', '.join(_KINDS)}")


def _object(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Invalid(f"metadata ({text}) invalid: not JSON ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid(f"metadata ({text}) invalid: it must be a JSON object whose values are texts")
    return found
