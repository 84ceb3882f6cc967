"""The nouns by which everything is addressed, and their text forms.

A name is a value: it says which thing is meant, never whether it exists. The text form of a file is
`[project/]repo[.type]@branch-or-commit:/path`; each prefix of it names the noun above.

A commit's `id` is either a commit id (32 hex digits, UUID version 4) or an expression that the store resolves:
a branch name with an optional ancestry (`master`, `master^`, `master~2`, `master.1`).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from howdah.errors import Code, Invalid

DEFAULT_PROJECT = "default"
DEFAULT_BRANCH = "master"
USER_TYPE = "user"
DEFAULT_DATUM = "default"

_NAME = re.compile(r"[a-zA-Z0-9_-]+\Z")
_COMMIT_ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{19}\Z")
_PROJECT_LIMIT = 51


@dataclass(frozen=True, slots=True)
class Project:
    """A namespace of repos."""

    name: str = DEFAULT_PROJECT

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Repo:
    """A versioned folder tree: a set of branches and their commits."""

    project: Project
    name: str
    type: str = USER_TYPE

    def __str__(self) -> str:
        suffix = "" if self.type == USER_TYPE else f".{self.type}"
        return f"{self.project}/{self.name}{suffix}"


@dataclass(frozen=True, slots=True)
class Branch:
    """A movable pointer to a commit of its repo."""

    repo: Repo
    name: str = DEFAULT_BRANCH

    def __str__(self) -> str:
        return f"{self.repo}@{self.name}"


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a repo; `id` may still be an expression (see the module's text)."""

    repo: Repo
    id: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"


@dataclass(frozen=True, slots=True)
class File:
    """A path in a commit; `datum` tells apart contents that different datums wrote to one path."""

    commit: Commit
    path: str
    datum: str = ""

    def __str__(self) -> str:
        return f"{self.commit}:{self.path}"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What turns the commits of its inputs into commits of the repo of its name."""

    project: Project
    name: str

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Job:
    """A pipeline's work on one commit set; `id` is that set's."""

    pipeline: Pipeline
    id: str

    def __str__(self) -> str:
        return f"{self.pipeline}@{self.id}"


def is_commit_id(text: str) -> bool:
    """Whether `text` is a commit id rather than an expression."""
    return _COMMIT_ID.match(text) is not None


def new_commit_id() -> str:
    """A fresh random commit id: a version 4 UUID as 32 hex digits."""
    return uuid.uuid4().hex


def check_name(name: str) -> str:
    """`name` itself if it may name a repo, branch or project; raises `Invalid` otherwise."""
    if _NAME.match(name) is None:
        raise Invalid(
            f"name ({name}) invalid: only alphanumeric characters, underscores, and dashes are allowed",
            kind="bad-name",
            code=Code.UNKNOWN,
        )
    return name


def check_branch_name(name: str) -> str:
    """As `check_name`; besides, a branch may not look like a commit id."""
    if is_commit_id(name):
        raise Invalid("branch name cannot be a UUID V4", kind="bad-name", code=Code.UNKNOWN)
    return check_name(name)


def check_project_name(name: str) -> str:
    """As `check_name`; besides, at most 51 characters, the first of them a letter or digit."""
    check_name(name)
    if len(name) > _PROJECT_LIMIT or not name[0].isalnum():
        raise Invalid(
            f"project name ({name}) invalid: at most {_PROJECT_LIMIT} characters, the first a letter or digit",
            kind="bad-name",
            code=Code.UNKNOWN,
        )
    return name


def parse_repo(text: str, project: str = DEFAULT_PROJECT) -> Repo:
    """The repo that `[project/]repo[.type]` names; `project` is used where the text has none."""
    head, slash, tail = text.partition("/")
    if slash:
        project, text = head, tail
    name, dot, kind = text.partition(".")
    return Repo(Project(check_project_name(project)), check_name(name), check_name(kind) if dot else USER_TYPE)


def parse_branch(text: str, project: str = DEFAULT_PROJECT) -> Branch:
    """The branch that `[project/]repo[.type][@branch]` names; `master` where the text has none."""
    repo, at, name = text.partition("@")
    return Branch(parse_repo(repo, project), check_branch_name(name) if at else DEFAULT_BRANCH)


def parse_commit(text: str, project: str = DEFAULT_PROJECT) -> Commit:
    """The commit that `[project/]repo[.type][@branch-or-commit]` names; `master` where the text has none."""
    repo, at, name = text.partition("@")
    if at and not name:
        raise Invalid(f"commit ({text}) invalid: nothing after @; name a branch or a commit id", kind="bad-name")
    return Commit(parse_repo(repo, project), name if at else DEFAULT_BRANCH)


def parse_file(text: str, project: str = DEFAULT_PROJECT) -> File:
    """The file that `[project/]repo[.type][@branch-or-commit][:path]` names; `/` where the text has no path."""
    commit, colon, path = text.partition(":")
    return File(parse_commit(commit, project), clean_path(path) if colon else "/")


def parse_pipeline(text: str, project: str = DEFAULT_PROJECT) -> Pipeline:
    """The pipeline that `[project/]name` names; `project` is used where the text has none."""
    head, slash, tail = text.partition("/")
    name = tail if slash else text
    return Pipeline(Project(check_project_name(head if slash else project)), check_name(name))


def parse_job(text: str, project: str = DEFAULT_PROJECT) -> Job:
    """The job that `[project/]pipeline@id` names."""
    name, _, id = text.partition("@")
    if not is_commit_id(id):
        raise Invalid(f"job ({text}) invalid: PIPELINE@ID names one, with the 32 digits of its id", kind="bad-name")
    return Job(parse_pipeline(name, project), id)


def clean_path(path: str) -> str:
    """`path` with one leading slash and no trailing one; `/` for an empty path."""
    return "/" + path.strip("/") if path.strip("/") else "/"
