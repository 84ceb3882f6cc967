"""Inputs of pipelines as the store tells them, in documents: what they read, and how a line of text tells them.

Names in documents come in snake case or in camel case, and what has its default may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from howdah.documents import Document
from howdah.names import DEFAULT_BRANCH, USER_TYPE, Branch, Project, Repo

_COMBINED = {"cross": " ⨯ ", "union": " ∪ ", "join": " ⋈ ", "group": " □ "}


@dataclass(frozen=True, slots=True)
class Read:
    """A branch that an input reads: the files that match `glob`, or the instants of a schedule."""

    branch: Branch
    glob: str = ""
    schedule: str = ""


def member(document: Document, name: str) -> Any:
    """What a document has by the name, in whichever case; None without it."""
    if name in document:
        return document[name]
    first, *rest = name.split("_")
    return document.get(first + "".join(each.capitalize() for each in rest))


def below(document: Document, name: str) -> Document:
    """The object that a document has by the name; an empty one where it has none."""
    found = member(document, name)
    return found if isinstance(found, dict) else {}


def _combined(given: Document, kind: str) -> list[Document]:
    found = member(given, kind)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def read(given: Document, project: Project) -> Iterator[Read]:
    """The branches that an input reads, from left to right; `project` is its pipeline's."""
    if pfs := below(given, "pfs"):
        yield Read(_branch(pfs, project), glob=_text(pfs, "glob"))
    if cron := below(given, "cron"):
        yield Read(_branch(cron, project), schedule=_text(cron, "spec"))
    for kind in _COMBINED:
        for each in _combined(given, kind):
            yield from read(each, project)


def _text(document: Document, name: str) -> str:
    return str(member(document, name) or "")


def _branch(told: Document, project: Project) -> Branch:
    of = Project(_text(told, "project") or project.name)
    repo = Repo(of, _text(told, "repo"), _text(told, "repo_type") or USER_TYPE)
    return Branch(repo, _text(told, "branch") or DEFAULT_BRANCH)


def placed(given: Document, project: Project) -> Document:
    """The input, reading from the project where it tells none."""
    filled = dict(given)
    pfs = below(given, "pfs")
    if pfs and not member(pfs, "project"):
        filled["pfs"] = {**pfs, "project": project.name}
    filled.update(
        {kind: [placed(each, project) for each in _combined(given, kind)] for kind in _COMBINED if kind in given}
    )
    return filled


def shorthand(given: Document, project: Project) -> str:
    """An input in one line: `images:/*`, `tick:@daily`, `(images:/* ⨯ labels:/*)`."""
    for kind, sign in _COMBINED.items():
        if combined := _combined(given, kind):
            return f"({sign.join(shorthand(each, project) for each in combined)})"
    if cron := below(given, "cron"):
        return f"{_text(cron, 'name')}:{_text(cron, 'spec')}"
    return ", ".join(f"{name(each.branch, project)}:{each.glob}" for each in read(given, project))


def name(branch: Branch, project: Project) -> str:
    """A branch's name, as short as one that looks at the project can have it."""
    repo = str(branch.repo).removeprefix(f"{project}/")
    return repo if branch.name == DEFAULT_BRANCH else f"{repo}@{branch.name}"
