"""Bytes of a store on this machine, read where they lie: in its packs.

Promises: what is handed out are the bytes that the store told the digests of, in order; some megabytes are in memory.
It ends early where a place cannot be read or holds other bytes: packs may be another user's or another container's, and
gc rewrites them. The rest is to be asked of the store then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from howdah import direct
from howdah.digest import of_bytes
from howdah.wire.gen.bulk_pb2 import Place

_AHEAD = 2  # spans that are read while one is worked on
_GAP = 4 << 10  # bytes between two places that are read along
_SPAN = direct.BUFFER - 2 * _GAP


def read(places: Sequence[Place]) -> Generator[bytes, None, None]:
    """The bytes of each place, in order, for as long as they are what the store knows."""
    spans = _spans(places)
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="here") as threads:
        waiting = deque((span, threads.submit(_read, span)) for span in islice(spans, _AHEAD))
        while waiting:
            span, reading = waiting.popleft()
            found = reading.result()
            waiting.extend((span, threads.submit(_read, span)) for span in islice(spans, 1))
            yield from found
            if len(found) < len(span):
                return


def _spans(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Places in order, those that lie side by side in one pack together."""
    span: list[Place] = []
    for place in places:
        if span and not _goes_on(span[0], span[-1], place):
            yield span
            span = []
        span.append(place)
    if span:
        yield span


def _goes_on(first: Place, last: Place, place: Place) -> bool:
    gap = place.offset - last.offset - last.size
    return place.path == first.path and 0 <= gap <= _GAP and place.offset + place.size - first.offset <= _SPAN


def _read(span: Sequence[Place]) -> list[bytes]:
    """The bytes of the places up to one that cannot be read."""
    try:
        found = direct.pieces(span[0].path, [(place.offset, place.size) for place in span])
    except OSError:
        return []
    sound = (of_bytes(data) == place.digest for place, data in zip(span, found, strict=True))
    return found[: next((at for at, is_sound in enumerate(sound) if not is_sound), len(found))]
