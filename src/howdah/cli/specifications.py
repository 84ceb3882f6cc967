"""Specifications as commands get them: from a file, standard input, a template or an editor."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from howdah import documents
from howdah.cli import inputs
from howdah.cli.inputs import below
from howdah.cli.options import Store
from howdah.client import pipelines
from howdah.documents import Document
from howdah.errors import HowdahError, Invalid, NotFound
from howdah.names import DEFAULT_PROJECT, Project, Repo

_STDIN = "-"
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_NOTE = "//"


def read(store: Store, file: str | None, template: str | None, arguments: Sequence[str]) -> list[Document]:
    """The specifications of a file, or of a template with these arguments, each `KEY=VALUE`; in the store's project."""
    if (file is None) == (template is None):
        raise Invalid("specification missing: name either a file with -f, or a template with --jsonnet")
    if arguments and template is None:
        raise Invalid("--arg is for templates: name one with --jsonnet")
    if template is not None:
        text = pipelines.render(store.conn, read_text(template), dict(map(_argument, arguments)))
    else:
        text = read_text(file or _STDIN)
    return [placed(each, store.project) for each in documents.parse(text)]


def _argument(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Invalid(f"argument ({text}) invalid: --arg KEY=VALUE gives a template one")
    return key, value


def read_text(place: str) -> str:
    """What a file says, or standard input where the place is `-`."""
    if _URL.match(place):
        raise Invalid(f"URL ({place}) invalid: only files are read here; fetch it first: curl URL | howdah ... -f -")
    try:
        return (sys.stdin.buffer.read() if place == _STDIN else Path(place).read_bytes()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"file {place} cannot be read: it is no text in UTF-8 ({error.reason})") from error
    except FileNotFoundError as error:
        raise NotFound(f"file {place} not found") from error
    except OSError as error:
        raise Invalid(f"file {place} cannot be read: {error.strerror}") from error


def placed(document: Document, project: str) -> Document:
    """The specification, in this project where it tells none."""
    named = document.get("pipeline")
    if project == DEFAULT_PROJECT or not isinstance(named, dict) or named.get("project"):
        return document  # where nothing is told, `default` is meant
    return {**document, "pipeline": {**named, "project": {"name": project}}}


def project(document: Document) -> str:
    """The project that a specification names; empty where it tells none."""
    return str(below(below(document, "pipeline"), "project").get("name") or "")


def name(document: Document) -> str:
    """The name of the pipeline that a specification is of; empty where it tells none."""
    return str(below(document, "pipeline").get("name") or "")


def upstream_first(told: Sequence[Document]) -> list[Document]:
    """The specifications, each behind those whose output it reads, and else as they stand."""
    made = {Repo(Project(project(each) or DEFAULT_PROJECT), name(each)): each for each in told}
    waiting = [*told]
    order: list[Document] = []
    while waiting:
        ready = next((each for each in waiting if not _reads(each, made, waiting)), waiting[0])
        waiting.remove(ready)
        order.append(ready)
    return order


def _reads(each: Document, made: dict[Repo, Document], waiting: Sequence[Document]) -> bool:
    own = Project(project(each) or DEFAULT_PROJECT)
    read = (made.get(found.branch.repo) for found in inputs.read(below(each, "input"), own))
    return any(found is not None and found is not each and found in waiting for found in read)


@contextmanager
def told_of(document: Document, *, alone: bool) -> Iterator[None]:
    """Let errors say which one of several specifications they are about."""
    try:
        yield
    except HowdahError as error:
        shown = name(document) or "without a name"
        if alone or shown in error.message:
            raise
        raise type(error)(f"pipeline {shown}: {error.message}", kind=error.kind, code=error.code) from error


class Editing:
    """A text in the user's editor: again with what is wrong with it, until it is taken or given up."""

    def __init__(self, text: str, editor: str | None) -> None:
        self._editor = editor
        self._text = text
        self._error: HowdahError | None = None

    def next(self) -> str | None:
        """What the user made of it; None where that is nothing new. Given up after an error, that is raised again."""
        try:
            edited = click.edit(f"{self._head()}{self._text.rstrip()}\n", editor=self._editor, extension=".json")
        except click.ClickException as error:
            failed = Invalid(f"{error.message}: name another editor with --editor, or in $EDITOR", kind="editor")
            raise (failed if self._error is None else self._given_up(failed)) from error
        text = self._text if edited is None else _without_notes(edited)
        if text.strip() == self._text.strip() or not text.strip():
            if self._error is not None:
                raise self._given_up(self._error)
            return None
        self._text = text
        return text

    def _head(self) -> str:
        if self._error is None:
            return ""
        notes = ["Refused; close the editor without a change to give it up.", "", *self._error.message.splitlines()]
        return "".join(f"{_NOTE} {line}".rstrip() + "\n" for line in notes)

    def refuse(self, error: HowdahError) -> None:
        """Tell the user so the next time."""
        self._error = error

    def _given_up(self, error: HowdahError) -> HowdahError:
        handle, path = tempfile.mkstemp(prefix="howdah-", suffix=".json")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self._text)
        return type(error)(f"{error.message}; what you wrote is kept in {path}", kind=error.kind, code=error.code)


def _without_notes(text: str) -> str:
    lines = text.split("\n")
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith(_NOTE)):
        del lines[0]
    return "\n".join(lines)


def pretty(text: str) -> str:
    """JSON as people write it."""
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
