"""Which branch or commit the fields of the storage dialog mean. Pure."""

from __future__ import annotations

from howdah.errors import Invalid
from howdah.names import (
    DEFAULT_BRANCH,
    DEFAULT_PROJECT,
    Branch,
    Commit,
    Repo,
    check_branch_name,
    check_project_name,
    is_commit_id,
    parse_repo,
)


def _one(what: str, in_repo: str, in_field: str, *, default: str) -> str:
    """The value given in the repo field or in a field of its own; two that disagree are refused."""
    if in_repo and in_field and in_field not in (in_repo, default):
        raise Invalid(
            f"the {what} is {in_repo!r} in the repo field but {in_field!r} in its own field; clear one of them"
        )
    return in_repo or in_field or default


def _split(project: str, repo: str, reference: str) -> tuple[Repo, str]:
    text, at, after = repo.strip().partition("@")
    if not text:
        raise Invalid("name a repo, such as images or images@master")
    if at and not after:
        raise Invalid(f"nothing after @ in {repo!r}; name a branch, such as {text}@master")
    in_repo, slash, _ = text.partition("/")
    chosen = _one("project", in_repo if slash else "", project.strip(), default=DEFAULT_PROJECT)
    name = _one("branch", after, reference.strip(), default=DEFAULT_BRANCH)
    return parse_repo(text, check_project_name(chosen)), name


def branch_of(project: str, repo: str, branch: str) -> Branch:
    """The branch meant; raises `Invalid` with words for the person who filled in the form."""
    where, name = _split(project, repo, branch)
    return Branch(where, check_branch_name(name))


def commit_of(project: str, repo: str, branch: str, commit: str) -> Commit:
    """The commit meant: the one named, else the branch's head; raises `Invalid`.

    `repo@<commit id>` names a commit as well.
    """
    where, name = _split(project, repo, branch)
    if commit.strip():
        return Commit(where, commit.strip())
    return Commit(where, name if is_commit_id(name) else check_branch_name(name))


def folder_of(prefix: str | None) -> str:
    """The folder that a prefix means, with a slash in front and none behind; `/` for none."""
    return "/" + (prefix or "").strip().strip("/")
