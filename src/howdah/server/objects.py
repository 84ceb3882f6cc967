"""Objects in buckets (s3, gs): the one door to obstore, an extra.

Where a bucket is and who asks are told as to any other tool of these clouds, in the environment of the process:
AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_SERVICE_ACCOUNT and their like.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

from howdah.errors import Denied, HowdahError, Invalid, Unavailable, Unsupported, WrongState
from howdah.server.localfiles import Content
from howdah.server.rules import Budget

_PART = 8 << 20  # bytes of an object that is written in parts
_SMALL = 4 << 20  # an object of at most so many bytes is fetched whole, ahead of its turn
_AT_ONCE = 8
_MOST_AT_ONCE = 16
_CODE = re.compile(r"<Code>(\w+)</Code>")
_ASKED_THE_MACHINE = re.compile(r"/latest/api/token|/latest/meta-data|/computeMetadata/")
_CREDENTIALS = {
    "s3": ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_SKIP_SIGNATURE"),
    "gs": ("GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SKIP_SIGNATURE"),
}
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}\Z")


def read(budget: Budget, *, recursive: bool, concurrency: int) -> Iterator[Content]:
    """The object; or with `recursive` every object below it as a folder, in order, some fetched ahead."""
    bucket, key = _place(budget.url)
    with _told(budget, "retrieving content from"):
        store = _open(budget, bucket)
        if not recursive:
            yield "", _pieces(store, key, budget)
            return
        some = 0
        for rest, pieces in _below(store, key.strip("/"), budget, concurrency):
            some += 1
            yield rest, pieces
        if not some:
            yield "", _pieces(store, key, budget)


def write(budget: Budget, files: Iterator[Content]) -> None:
    """Write files as objects below the URL; each is there whole or not at all, and replaces what was there."""
    bucket, key = _place(budget.url)
    with _told(budget, "writing to"):
        store = _open(budget, bucket)
        for rest, pieces in files:
            _put(store, f"{key.strip('/')}/{rest}".strip("/"), _counted(pieces, budget))


def _place(url: str) -> tuple[str, str]:
    bucket, _, key = url.partition("://")[2].partition("/")
    if _BUCKET.match(bucket) is None:
        raise Invalid(f'URL "{url}" invalid: it names no bucket, as s3://BUCKET/PATH does', kind="bad-url")
    return bucket, key


def _open(budget: Budget, bucket: str) -> Any:
    scheme = budget.url.partition("://")[0].lower()
    try:
        from obstore.store import GCSStore, S3Store  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise Unsupported(
            f"URLs of {scheme} take the package obstore, which is not installed here: install Howdah with its extra"
            " `objects` (pip install 'howdah[objects]')",
            kind="extra-missing",
        ) from error
    kind: Any = {"s3": S3Store, "gs": GCSStore}[scheme]
    seconds = budget.rules.seconds or timedelta(days=365).total_seconds()
    return kind(
        bucket,
        client_options={"allow_http": True, "connect_timeout": "10s", "timeout": f"{seconds:.0f}s"},
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
    )


@contextmanager
def _told(budget: Budget, what: str) -> Iterator[None]:
    """Tell the library's errors in our categories, without what it adds for its makers."""
    try:
        yield
    except HowdahError:
        raise
    except (FileNotFoundError, PermissionError) as error:
        raise WrongState(f'error {what} "{budget.url}": {_first_line(error)}', kind="url-refused") from error
    except ValueError as error:  # a name that the clouds do not take: control characters, nothing between slashes
        raise Invalid(f'error {what} "{budget.url}": {ascii(_first_line(error))}', kind="bad-url") from error
    except Exception as error:
        if not type(error).__module__.startswith("obstore") and not isinstance(error, OSError):
            raise
        if _ASKED_THE_MACHINE.search(str(error)):
            key, public = _CREDENTIALS[budget.url.partition("://")[0].lower()]
            raise Denied(
                f'error {what} "{budget.url}": the store has nothing to show who it is: set {key} in its environment,'
                f" or {public}=true for a bucket that everybody may read",
                kind="no-credentials",
            ) from error
        kind: type[WrongState | Unavailable] = WrongState if "non-2xx" in str(error) else Unavailable
        raise kind(f'error {what} "{budget.url}": {_first_line(error)}', kind="url-refused") from error


def _first_line(error: Exception) -> str:
    """What happened, and the cloud's own word for it if it answered with one."""
    line = (str(error).splitlines() or [type(error).__name__])[0].partition(": <")[0][:500]
    code = _CODE.search(str(error))
    return f"{line} ({code[1]})" if code else line


def _pieces(store: Any, key: str, budget: Budget) -> Iterator[bytes]:
    import obstore  # noqa: PLC0415 -- an extra

    found = obstore.get(store, key)
    budget.check(budget.used + found.meta["size"])
    return _counted((bytes(data) for data in found.stream(min_chunk_size=1 << 20)), budget)


def _counted(pieces: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    for data in pieces:
        budget.spend(len(data))
        yield data


def _below(store: Any, prefix: str, budget: Budget, concurrency: int) -> Iterator[Content]:
    """The objects below a prefix in the order in which they are listed; small ones are fetched ahead, in threads."""
    import obstore  # noqa: PLC0415 -- an extra

    most = min(concurrency or _AT_ONCE, _MOST_AT_ONCE)
    ahead: deque[tuple[str, Future[bytes] | None]] = deque()
    pool = ThreadPoolExecutor(most, thread_name_prefix="object")
    try:
        listed = chain.from_iterable(obstore.list(store, prefix=prefix or None, chunk_size=1000))
        for found in listed:
            path = found["path"]
            is_small = found["size"] <= _SMALL
            ahead.append((path, pool.submit(_whole, store, path) if is_small else None))
            if len(ahead) >= most:
                yield _next(store, prefix, ahead, budget)
        while ahead:
            yield _next(store, prefix, ahead, budget)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _whole(store: Any, path: str) -> bytes:
    import obstore  # noqa: PLC0415 -- an extra

    return bytes(obstore.get(store, path).bytes())


def _next(store: Any, prefix: str, ahead: deque[tuple[str, Future[bytes] | None]], budget: Budget) -> Content:
    path, fetched = ahead.popleft()
    rest = path[len(prefix) :].lstrip("/")
    if fetched is None:
        return rest, _pieces(store, path, budget)
    return rest, _counted(iter((fetched.result(),)), budget)


def _put(store: Any, key: str, pieces: Iterator[bytes]) -> None:
    import obstore  # noqa: PLC0415 -- an extra

    begun = bytearray()
    for data in pieces:
        begun += data
        if len(begun) > _PART:
            obstore.put(store, key, chain((bytes(begun),), pieces), chunk_size=_PART)
            return
    obstore.put(store, key, bytes(begun), use_multipart=False)
