"""Check Connection: can the files be read, can the labels be written, and if not, why, in the user's words."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from howdah.client import branches, cluster, commits, files, projects, repos
from howdah.client.channel import Connection
from howdah.errors import Code, Denied, HowdahError, Invalid, NotFound, Unavailable, WrongState
from howdah.infos import CommitInfo, CommitState
from howdah.labelstudio import connections, sync
from howdah.names import Commit, File, Repo, is_commit_id

if TYPE_CHECKING:
    from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage


def check_source(storage: PachydermImportStorage) -> None:
    """Raises a `HowdahError` unless the source's files could be listed now."""
    wanted = storage.wanted
    selection = sync.select(storage.folder, storage.regex_filter, recursive=storage.recursive_scan)
    predictions = storage.predictions

    def check(conn: Connection) -> None:
        _check_commit(conn, wanted, selection)
        if predictions is not None:
            with suppress(WrongState):  # the model has not run yet
                pinned(conn, predictions)

    with_reasons(check, storage.connect(), storage.address)


def check_target(storage: PachydermExportStorage) -> None:
    """Raises a `HowdahError` unless a Sync could write now. A missing repo is fine: the first Sync makes it."""
    branch = storage.branch

    def check(conn: Connection) -> None:
        _greet(conn)
        _check_project(conn, branch.repo)
        try:
            repos.inspect(conn, branch.repo)
        except NotFound:
            return

    with_reasons(check, storage.connect(), storage.address)


def pinned(conn: Connection, wanted: Commit) -> CommitInfo:
    """The newest finished commit at or before `wanted`: what a Sync pins. Raises a `HowdahError` in plain words.

    On a branch, those that ended with an error are passed over: what a pipeline's job has not made is not gone.
    """
    info = _inspect(conn, wanted)
    if info.state is CommitState.FINISHING:
        info = commits.inspect(conn, info.commit, wait=CommitState.FINISHED)
    if info.error and is_commit_id(wanted.id):
        raise WrongState(f"{wanted} ended with an error ({info.error}), so it may not be whole; enter another commit")
    while info.state < CommitState.FINISHED or info.error:
        if info.parent is None:
            why = f"mend what made it ({info.error})" if info.error else f"finish commit {info.commit.id} first"
            raise WrongState(f"{wanted} has no finished commit yet; {why}")
        info = commits.inspect(conn, info.parent)
        if info.state is CommitState.FINISHING:
            info = commits.inspect(conn, info.commit, wait=CommitState.FINISHED)
    return info


def ensure_repo(conn: Connection, repo: Repo) -> None:
    """Make the repo if it is missing; raises a `HowdahError` when its project is missing."""
    try:
        repos.inspect(conn, repo)
    except NotFound:
        _check_project(conn, repo)
        repos.create(conn, repo, "Labels from Label Studio")


def with_reasons(check, conn: Connection, address: str):  # type: ignore[no-untyped-def]
    """Call `check(conn)`; what fails is told in the words of somebody who filled in the storage form."""
    try:
        return check(conn)
    except Denied as error:
        raise Denied(f"the store at {address} refused the token: {error}. Enter a valid token.") from error
    except Unavailable as error:
        connections.forget(conn)
        if str(address).partition("://")[2] in str(error):
            raise
        raise Unavailable(f"the store at {address} cannot be reached: {error}") from error


def _greet(conn: Connection) -> None:
    """Raises a `HowdahError` unless a store answers at the address."""
    try:
        cluster.version(conn)
    except (Denied, Unavailable):
        raise
    except HowdahError as error:
        raise Unavailable(f"what answers at {conn.address} is no store: {error}") from error


def _check_commit(conn: Connection, wanted: Commit, selection: sync.Selection) -> None:
    _greet(conn)
    info = pinned(conn, wanted)
    if selection.folder == "/":
        return
    try:
        files.inspect(conn, File(info.commit, selection.folder))
    except NotFound as error:
        raise NotFound(f"folder {selection.folder} not found in {wanted}") from error


def _check_project(conn: Connection, repo: Repo) -> None:
    try:
        projects.inspect(conn, repo.project)
    except NotFound as error:
        raise NotFound(
            f"project {repo.project} not found at {conn.address}; create it: howdah create project {repo.project}"
        ) from error


def _inspect(conn: Connection, wanted: Commit) -> CommitInfo:
    try:
        return commits.inspect(conn, wanted)
    except HowdahError as error:
        if isinstance(error, Denied | Unavailable):
            raise
        raise _why_missing(conn, wanted, error) from error


def _why_missing(conn: Connection, wanted: Commit, error: HowdahError) -> HowdahError:
    """Commits answer "not found" for a missing project, repo, branch or commit: find out which."""
    repo = wanted.repo
    _check_project(conn, repo)
    try:
        repos.inspect(conn, repo)
    except NotFound:
        return NotFound(f"repo {repo} not found at {conn.address}; create it: howdah create repo {repo.name}")
    if is_commit_id(wanted.id):
        return NotFound(f"commit {wanted.id} not found in repo {repo}")
    names = ", ".join(info.branch.name for info in branches.list(conn, repo)) or "none yet"
    if isinstance(error, NotFound) or error.code is Code.UNKNOWN:
        return NotFound(f"branch {wanted.id} not found in repo {repo}; its branches: {names}")
    return Invalid(str(error))
