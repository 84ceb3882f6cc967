"""Datums: how the files of a pipeline's inputs are cut into pieces of work.

Each file that an input's glob matches is a datum; a cross combines them all with each other, a union takes them one
after the other, a join combines those whose keys are equal, a group takes all of one key together. A datum's id tells
which files it has, its hash also what is in them.

A plan keeps columns, not objects: a hundred thousand datums take some tens of megabytes. Datums are in the order of
their ids, a datum's files in that of their inputs' names and then of their paths.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate, chain, product

from howdah.errors import Invalid
from howdah.infos import FileInfo
from howdah.pps import captures
from howdah.pps.inputs import Input, PfsInput

ID_SIZE = 32
LIMIT = 2_000_000  # datums of one job, which take about a gigabyte

Files = tuple[int, ...]  # of a datum, by number, in order


class Listing:
    """The files of one input: what each of them is called, and names its content."""

    __slots__ = ("digests", "paths", "sizes", "source")

    def __init__(self, source: PfsInput, found: Iterable[FileInfo]) -> None:
        self.source = source
        self.paths: list[str] = []
        self.digests = bytearray()
        self.sizes = array("Q")
        for info in found:
            self.paths.append(info.file.path)
            self.digests += info.digest
            self.sizes.append(info.size)

    def digest(self, row: int) -> bytes:
        """What names the file's content."""
        return bytes(self.digests[row * ID_SIZE : (row + 1) * ID_SIZE])

    def names(self) -> Iterator[bytes]:
        """For each file what it adds to a datum's id: its input's name, repo and branch, and its path."""
        source = self.source
        head = b"".join(_counted(part.encode()) for part in (source.name, source.repo, source.branch))
        return (head + _counted(path.encode()) for path in self.paths)


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


@dataclass(frozen=True, slots=True)
class DatumFile:
    """A file of a datum: a directory's path ends in a slash."""

    source: PfsInput
    path: str
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Datum:
    """A piece of work; `id` and `hash` as hexadecimal digits."""

    id: str
    hash: str
    files: tuple[DatumFile, ...]


class Plan:
    """The datums of a job."""

    __slots__ = ("_files", "_firsts", "_listings", "_starts", "hashes", "ids")

    def __init__(self, listings: Sequence[Listing], rows: Iterable[Files], salt: str = "") -> None:
        self._listings = listings
        self._firsts = _firsts(listings)
        names = [name for listing in listings for name in listing.names()]
        found = [(blake2b(_joined(names, files), digest_size=ID_SIZE).digest(), files) for files in _bounded(rows)]
        del names
        found.sort()
        self._files = array("I")
        self._starts = array("I", [0])
        ids, hashes, last = bytearray(), bytearray(), b""
        for id, files in found:
            if id == last:  # one datum, by two ways
                continue
            ids += id
            hashes += self._hash(id, files, salt)
            self._files.extend(files)
            self._starts.append(len(self._files))
            last = id
        self.ids, self.hashes = bytes(ids), bytes(hashes)

    def _hash(self, id: bytes, files: Files, salt: str) -> bytes:
        content = [listing.digest(row) for listing, row in map(self._place, files)]
        return blake2b(b"".join([id.hex().encode(), *content, salt.encode()]), digest_size=ID_SIZE).digest()

    def _place(self, file: int) -> tuple[Listing, int]:
        at = bisect_right(self._firsts, file) - 1
        return self._listings[at], file - self._firsts[at]

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> Datum:
        if not 0 <= number < len(self):
            raise IndexError(number)
        at = slice(number * ID_SIZE, (number + 1) * ID_SIZE)
        files = (self._place(file) for file in self._numbers(number))
        told = (DatumFile(each.source, each.paths[row], each.digest(row), each.sizes[row]) for each, row in files)
        return Datum(self.ids[at].hex(), self.hashes[at].hex(), tuple(told))

    def __iter__(self) -> Iterator[Datum]:
        return map(self.__getitem__, range(len(self)))

    def _numbers(self, number: int) -> array[int]:
        return self._files[self._starts[number] : self._starts[number + 1]]

    def id(self, number: int) -> bytes:
        """The id of the datum with this number."""
        return self.ids[number * ID_SIZE : (number + 1) * ID_SIZE]

    def size(self, number: int) -> int:
        """The bytes of a datum's files."""
        return sum(listing.sizes[row] for listing, row in map(self._place, self._numbers(number)))

    def find(self, id: str) -> int | None:
        """The number of the datum with this id."""
        wanted = _unhex(id)
        number = bisect_left(_Ids(self.ids), wanted) if wanted is not None else len(self)
        return number if number < len(self) and _Ids(self.ids)[number] == wanted else None


class _Ids:
    """Ids that lie behind each other."""

    def __init__(self, ids: bytes) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids) // ID_SIZE

    def __getitem__(self, number: int) -> bytes:
        return self._ids[number * ID_SIZE : (number + 1) * ID_SIZE]


def _unhex(id: str) -> bytes | None:
    try:
        found = bytes.fromhex(id)
    except ValueError:
        return None
    return found if len(found) == ID_SIZE else None


def _firsts(listings: Sequence[Listing]) -> list[int]:
    """The number of each listing's first file."""
    return [0, *accumulate(len(listing.paths) for listing in listings)]


def _joined(names: Sequence[bytes], files: Files) -> bytes:
    return names[files[0]] if len(files) == 1 else b"".join([names[file] for file in files])


def _bounded(rows: Iterable[Files]) -> Iterator[Files]:
    for count, files in enumerate(rows):
        if count == LIMIT:
            raise Invalid(f"inputs give more than {LIMIT} datums: narrow the globs", kind="too-many-datums")
        yield files


def plan(given: Input, listing: Callable[[PfsInput], Iterable[FileInfo]], salt: str = "") -> Plan:
    """The datums of an input whose files `listing` tells, in the order of their paths."""
    sources = sorted(enumerate(given.leaves()), key=lambda each: each[1].name)
    listings = [Listing(source, listing(source)) for _, source in sources]
    firsts = _firsts(listings)
    ranges = {place: range(*firsts[at : at + 2]) for at, (place, _) in enumerate(sources)}
    combining = _Combining(listings, firsts, iter([ranges[place] for place in range(len(sources))]))
    return Plan(listings, combining.rows(given), salt)


class _Combining:
    """One walk over an input, its leaves from left to right, each with the numbers of its files."""

    def __init__(self, listings: Sequence[Listing], firsts: Sequence[int], ranges: Iterator[range]) -> None:
        self._listings = listings
        self._firsts = firsts
        self._ranges = ranges
        self._expanders: dict[tuple[int, str], Callable[[str], str] | None] = {}

    def rows(self, given: Input) -> Iterator[Files]:
        """The input's datums."""
        if not given.below():
            return ((file,) for file in next(self._ranges))
        below = [self.rows(each) for each in given.below()]
        if given.union:
            return chain.from_iterable(below)
        if given.cross:
            return map(_merged, product(*below))
        if given.join:
            keeps = [any(leaf.outer_join for leaf in each.leaves()) for each in given.join]
            return _join([self._by_key(rows, "join_on") for rows in below], keeps)
        return _group([self._by_key(rows, "group_by") for rows in below])

    def _by_key(self, rows: Iterable[Files], field: str) -> dict[str, list[Files]]:
        found: dict[str, list[Files]] = {}
        for files in rows:
            found.setdefault(self._key(files, field), []).append(files)
        return found

    def _key(self, files: Files, field: str) -> str:
        """A datum's key: that of its files which have one; several, where they differ."""
        keys = dict.fromkeys(key for key in (self._key_of_file(file, field) for file in files) if key is not None)
        return "\0".join(keys)

    def _key_of_file(self, file: int, field: str) -> str | None:
        at = bisect_right(self._firsts, file) - 1
        expand = self._expander(at, field)
        return expand(self._listings[at].paths[file - self._firsts[at]]) if expand is not None else None

    def _expander(self, at: int, field: str) -> Callable[[str], str] | None:
        if (at, field) not in self._expanders:
            source = self._listings[at].source
            template: str = getattr(source, field)
            self._expanders[at, field] = captures.expander(source.glob, template) if template else None
        return self._expanders[at, field]


def _merged(parts: Iterable[Files]) -> Files:
    return tuple(sorted(chain.from_iterable(parts)))


def _join(sides: Sequence[dict[str, list[Files]]], keeps: Sequence[bool]) -> Iterator[Files]:
    """What has one key on all sides, combined; where a side has none of a key, what the outer sides have of it."""
    for key in dict.fromkeys(chain.from_iterable(sides)):
        parts = [side.get(key, []) for side in sides]
        if not all(parts):
            parts = [part for part, keep in zip(parts, keeps, strict=True) if part and keep]
        if parts:
            yield from map(_merged, product(*parts))


def _group(sides: Sequence[dict[str, list[Files]]]) -> Iterator[Files]:
    """All that has one key, on whatever side."""
    for key in dict.fromkeys(chain.from_iterable(sides)):
        yield _merged(chain.from_iterable(side.get(key, []) for side in sides))
