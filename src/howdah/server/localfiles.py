"""Files of the store's own machine, where rules allow them: read, and written, as any other URL's content."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from howdah.errors import HowdahError, Unavailable, WrongState
from howdah.server.rules import Budget

_READ = 1 << 20

Content = tuple[str, Iterator[bytes]]
"""Where something lies below what a URL names, empty for itself, and its bytes."""


def read(budget: Budget, *, recursive: bool) -> Iterator[Content]:
    """The file; or with `recursive` every file below the folder, in order. Links that lead out of it are refused."""
    path = budget.rules.local(budget.url)
    if not (recursive and path.is_dir()):
        yield "", _pieces(path, budget)
        return
    for folder, folders, names in os.walk(path, onerror=_raise):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            yield file.relative_to(path).as_posix(), _pieces(budget.rules.inside(file, budget.url), budget)


def _raise(error: OSError) -> None:
    raise Unavailable(f"folder {error.filename} cannot be read ({error.strerror})", kind="url-refused") from error


def _pieces(path: Path, budget: Budget) -> Iterator[bytes]:
    try:
        # A pipe is not waited for, and what has become a link meanwhile is not followed.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise WrongState(f'URL "{budget.url}": {path} is no regular file', kind="url-refused")
            budget.check(budget.used + status.st_size)
            while data := file.read(_READ):
                budget.spend(len(data))
                yield data
    except HowdahError:
        raise
    except OSError as error:
        raise WrongState(
            f'error retrieving content from "{budget.url}": {path}: {error.strerror}', kind="url-refused"
        ) from error


def write(budget: Budget, files: Iterator[Content]) -> None:
    """Write files below the folder; each is there whole or not at all, and replaces what was there."""
    root = budget.rules.local(budget.url)
    for rest, pieces in files:
        target = root / rest
        try:
            budget.rules.inside(target.parent, budget.url).mkdir(parents=True, exist_ok=True)
            _write(budget.rules.inside(target.parent, budget.url) / target.name, pieces, budget)
        except HowdahError:
            raise
        except OSError as error:
            raise WrongState(
                f'error writing to "{budget.url}": {target}: {error.strerror}', kind="url-refused"
            ) from error


def _write(target: Path, pieces: Iterator[bytes], budget: Budget) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".howdah-", delete=False) as scratch:
        try:
            for data in pieces:
                budget.spend(len(data))
                scratch.write(data)
            scratch.flush()
            os.fchmod(scratch.fileno(), 0o644)
            os.replace(scratch.name, target)
        except BaseException:
            os.unlink(scratch.name)
            raise
