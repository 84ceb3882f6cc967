"""What a job has to do, given what the job before it has done."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from howdah.errors import Corrupt
from howdah.pps.datums import ID_SIZE, Plan
from howdah.pps.spec import DatumSetSpec

_MAGIC = b"howdah datums 1\n"
_AT_ONCE = 100  # datums in a set, where nobody says


@dataclass(frozen=True, slots=True)
class Successes:
    """The datums whose output a commit holds: their ids behind each other, in order, and beside them their hashes."""

    ids: bytes = b""
    hashes: bytes = b""

    def __len__(self) -> int:
        return len(self.ids) // ID_SIZE

    def pack(self) -> bytes:
        """The bytes that they are kept as."""
        return _MAGIC + self.ids + self.hashes

    @classmethod
    def unpack(cls, data: bytes) -> Successes:
        """What was packed; `Corrupt` if it was not."""
        middle, rest = divmod(len(data) - len(_MAGIC), 2)
        if not data.startswith(_MAGIC) or rest or middle % ID_SIZE:
            raise Corrupt("the list of a job's datums is damaged: restore from a backup, or reprocess the pipeline")
        return cls(data[len(_MAGIC) :][:middle], data[len(_MAGIC) + middle :])


NONE = Successes()


@dataclass(frozen=True, slots=True)
class Work:
    """The numbers of the datums to `run` and to `skip`, and the ids of those whose `stale` output has to go."""

    run: array[int]
    skip: array[int]
    stale: bytes

    def stale_ids(self) -> Iterator[str]:
        """The ids as hexadecimal digits."""
        return (self.stale[at : at + ID_SIZE].hex() for at in range(0, len(self.stale), ID_SIZE))


def compare(plan: Plan, base: Successes = NONE, *, everything: bool = False) -> Work:
    """Skip what the base has done with the same files, unless `everything` is to be done; all else of it is stale."""
    run, skip, stale = array("I"), array("I"), bytearray()
    ids, old, at = plan.ids, base.ids, 0
    for number in range(len(plan)):
        here = slice(number * ID_SIZE, (number + 1) * ID_SIZE)
        id = ids[here]
        while old[at : at + ID_SIZE] < id and at < len(old):
            stale += old[at : at + ID_SIZE]
            at += ID_SIZE
        if old[at : at + ID_SIZE] != id:
            run.append(number)
            continue
        if not everything and base.hashes[at : at + ID_SIZE] == plan.hashes[here]:
            skip.append(number)
        else:
            run.append(number)
            stale += id
        at += ID_SIZE
    return Work(run, skip, bytes(stale + old[at:]))


def successes(plan: Plan, work: Work, succeeded: Iterable[int]) -> Successes:
    """What a commit holds after a job in which these datums succeeded, besides those that it skipped."""
    numbers = sorted({*work.skip, *succeeded})
    ids, hashes = bytearray(), bytearray()
    for number in numbers:
        ids += plan.id(number)
        hashes += plan.hashes[number * ID_SIZE : (number + 1) * ID_SIZE]
    return Successes(bytes(ids), bytes(hashes))


def next_set(plan: Plan, queue: array[int], taken: int, spec: DatumSetSpec, workers: int) -> int:
    """How many datums of a queue, of which so many are taken already, a worker takes next; at least one.

    Where nobody says, sets become smaller towards the end, so that all workers end together.
    """
    number, left = spec.number, len(queue) - taken
    if spec.per_worker:
        number = -(-len(queue) // max(1, spec.per_worker * workers))
    if not number and not spec.size_bytes:
        number = min(_AT_ONCE, -(-left // max(1, 2 * workers)))
    count = size = 0
    while count < min(left, number or left) and size < spec.size_bytes:
        size += plan.size(queue[taken + count])
        count += 1
    return max(1, count or min(number, left))
