"""A bar on standard error for what takes long: how much is done, how fast, how long yet; only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

Count = Callable[[int], object]
"""Takes how many bytes more are done."""

Gauge = Callable[[int, int, str], object]
"""Takes how many datums are done, of how many in all, 0 where that is not known, and how the whole thing is."""


def is_shown() -> bool:
    """Whether anybody sees the bar: whether its total is worth asking for."""
    return sys.stderr.isatty()


@contextmanager
def bar(total: int | None) -> Iterator[Count]:
    """What counts bytes, of `total` where that is known, while the block runs."""
    if not is_shown():
        yield lambda _: None
        return
    from tqdm import tqdm  # noqa: PLC0415 -- only where it is seen

    with tqdm(total=total or None, unit="B", unit_scale=True, unit_divisor=1024, file=sys.stderr) as shown:
        yield shown.update


@contextmanager
def gauge(name: str) -> Iterator[Gauge]:
    """What shows how far a thing of this name has come, while the block runs."""
    if not is_shown():
        yield lambda _, __, ___: None
        return
    from tqdm import tqdm  # noqa: PLC0415 -- only where it is seen

    with tqdm(total=None, unit=" datums", file=sys.stderr, desc=name) as shown:

        def tell(done: int, total: int, state: str) -> None:
            shown.n, shown.total = done, total or None
            shown.set_description(f"{name}: {state}")

        yield tell


def counted(pieces: Iterable[bytes], count: Count) -> Iterator[bytes]:
    """The pieces, each counted once it has been taken."""
    for piece in pieces:
        yield piece
        count(len(piece))
