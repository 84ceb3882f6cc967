"""The address of a file of one version, as a task's data holds it: `pfs://project/repo@commit:/path`.

The path is percent-encoded, so an address survives HTML, quotes and line breaks, and a name such as `a%41.jpg` comes
back as it was. Pure text; whether the file exists is nobody's promise here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

from howdah.names import Commit, File, Project, Repo

SCHEME = "pfs"
_ENDING = re.compile(r"[%\s\"'<>]")
_NAME = r"[A-Za-z0-9_-]+"
_URI = re.compile(rf"pfs://(?P<project>{_NAME})/(?P<repo>{_NAME})@(?P<commit>[A-Za-z0-9_.^~-]+):(?P<path>/[^\s\"'<>]*)")


def format_uri(file: File) -> str:
    """The address of `file`."""
    repo = file.commit.repo
    return f"{SCHEME}://{repo.project}/{repo.name}@{file.commit.id}:{quote(file.path)}"


def short_uri(file: File) -> str:
    """As `format_uri`, only what would end an address is encoded: a long name in a foreign script stays short."""
    head = format_uri(File(file.commit, ""))
    return head + _ENDING.sub(lambda match: quote(match[0], safe=""), file.path)


def _file(match: re.Match[str]) -> File:
    repo = Repo(Project(match["project"]), match["repo"])
    return File(Commit(repo, match["commit"]), unquote(match["path"]))


def parse_uri(text: str) -> File | None:
    """The file that `text` as a whole addresses, None if it is no address."""
    match = _URI.fullmatch(text.strip())
    return None if match is None else _file(match)


def find_uris(value: Any) -> Iterator[File]:
    """Each file addressed anywhere in `value`: in strings, also within HTML, and in lists and dicts of them."""
    if isinstance(value, str):
        yield from map(_file, _URI.finditer(value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from find_uris(item)
    elif isinstance(value, list):
        for item in value:
            yield from find_uris(item)


def replace_uris(value: Any, replacement: Callable[[str, File], str]) -> Any:
    """A copy of `value` in which each address (see `find_uris`) is what `replacement` gives for it."""
    if isinstance(value, str):
        return _URI.sub(lambda match: replacement(match[0], _file(match)), value)
    if isinstance(value, dict):
        return {key: replace_uris(item, replacement) for key, item in value.items()}
    if isinstance(value, list):
        return [replace_uris(item, replacement) for item in value]
    return value
