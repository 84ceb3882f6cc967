"""One try of one datum: its inputs into place, the user's code run on them, and what it wrote.

What code does wrong makes the datum fail, which is told as a value. Errors are for what is wrong with this machine or
with the store; after them the datum is as it was.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from howdah.client.changes import Changes
from howdah.digest import Digest, of_bytes
from howdah.errors import Invalid, Unavailable
from howdah.names import File
from howdah.worker import environment, layout, outputs, unfenced
from howdah.worker.cache import SMALL
from howdah.worker.environment import About
from howdah.worker.fence.limits import Limits, lacking
from howdah.worker.inputs import Fetcher, Input
from howdah.worker.pipes import Pipes
from howdah.worker.slot import Ended, Lines, Slot


@dataclass(frozen=True, slots=True)
class Code:
    """What is run, as in a pipeline's `transform`: `cmd` on each datum, and `err_cmd` where that fails."""

    cmd: tuple[str, ...]
    stdin: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    accept_return_code: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Small ones by their paths, for the code alone: secrets."""
    limits: Limits = Limits()
    batching: bool = False
    """Whether it is started once for many datums, and asks for each; see `howdah.worker.batching`."""


@dataclass(frozen=True, slots=True)
class Datum:
    """A piece of work."""

    about: About
    inputs: tuple[Input, ...]
    code: Code

    @property
    def directories(self) -> list[tuple[str, str]]:
        """The directories that it has with all below them, each with its input's name."""
        return [(each.name, each.file.path) for each in self.inputs if each.is_directory]


class State(enum.Enum):
    """What became of a datum."""

    SUCCESS = "success"
    FAILED = "failed"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Done:
    """A datum after its try: why it failed, where it has; its outputs, where it has not; seconds and bytes."""

    state: State
    why: str = ""
    outputs: tuple[outputs.Output, ...] = ()
    download_time: float = 0.0
    process_time: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0


@contextmanager
def tried(slot: Slot, fetcher: Fetcher, datum: Datum, name: str, tell: Lines) -> Iterator[Done]:
    """Work on the datum, in the slot's folder of that name, which `Slot.kill` takes too; lines of output go to `tell`.

    The outputs are there until the block ends.
    """
    folder = slot.place.folder / name
    try:
        with layout.told(folder):
            check_room(slot, datum.code.limits)
            layout.make(folder, slot.place.user)
            done = _tried(slot, fetcher, datum, folder, tell)
        yield done
    finally:
        with suppress(OSError):
            layout.remove(folder)


def check_room(slot: Slot, limits: Limits) -> None:
    """Raise `Unavailable` where the disk has no room for a run: then it is no try of the datum, which waits."""
    short = lacking(str(slot.place.folder), limits.reserve)
    if short:
        raise Unavailable(f"no room for code in {slot.place.folder.parent}: {short}", kind="disk")


def _tried(slot: Slot, fetcher: Fetcher, datum: Datum, folder: Path, tell: Lines) -> Done:
    begun = time.monotonic()
    place = slot.place
    if place.plain:
        assert not fetcher.linked, "code without a fence would change what is in the cache"
        unfenced.lead(place, folder)
    told = environment.told(datum.about, datum.inputs, str(place.pfs))
    layout.open_file(folder / "pfs/.env", environment.as_file(told))
    given = environment.whole(datum.code.env, told, str(folder / "tmp") if place.plain else "/tmp")  # noqa: S108
    with Pipes() as pipes:
        fetched = sum(fetcher.fetch(folder, each, pipes) for each in datum.inputs)
        ready = time.monotonic()
        pipes.start()
        state, why = _run(slot, datum.code, folder, given, tell)
    ran = Done(state, why, (), ready - begun, time.monotonic() - ready, fetched + pipes.fed)
    return found(ran, folder, datum, pipes.names)


def found(done: Done, folder: Path, datum: Datum, pipes: Collection[str]) -> Done:
    """The same with what the code has left in the folder, or as a failure where that cannot be kept."""
    if done.state is not State.SUCCESS:
        return done
    try:
        left = tuple(outputs.find(folder, datum.directories, pipes))
    except Invalid as error:
        return replace(done, state=State.FAILED, why=error.message)
    return replace(done, outputs=left, upload_bytes=sum(one.size for one in left if isinstance(one, outputs.Written)))


def _run(slot: Slot, code: Code, folder: Path, given: Mapping[str, str], tell: Lines) -> tuple[State, str]:
    """Have the code run, and what is to mend it where it fails; whoever stops a datum wants nothing mended."""

    def run(command: Sequence[str], lines: Sequence[str]) -> Ended:
        layout.give(folder, lines)
        where, limits = code.working_dir, code.limits
        ended = slot.run(folder.name, command, given, directory=where, files=code.files, limits=limits, tell=tell)
        if ended.how == "broken":
            raise Unavailable(f"the fence could not start code: {ended.why}", kind="fence")
        return ended

    ended = run(code.cmd, code.stdin)
    if ended.how == "exited" and (ended.code == 0 or ended.code in code.accept_return_code):
        return State.SUCCESS, ""
    if code.err_cmd and ended.how != "killed":
        mended = run(code.err_cmd, code.err_stdin)
        if mended.how == "exited" and mended.code == 0:
            return State.RECOVERED, ended.why
    return State.FAILED, ended.why


def send(changes: Changes, datum: Datum, found: Sequence[outputs.Output]) -> list[tuple[Digest, outputs.Written]]:
    """Put the outputs into a block of changes, as the datum's; returns the small files by what names them."""
    commits = {each.name: each.file.commit for each in datum.inputs}
    small: list[tuple[Digest, outputs.Written]] = []
    for one in found:
        if isinstance(one, outputs.Copied):
            changes.copy(File(commits[one.input], one.source), one.path, datum=datum.about.datum)
            continue
        with open(one.place, "rb", buffering=0) as file:
            if 0 < one.size < SMALL:
                data = file.read(one.size)
                small.append((of_bytes(data), one))
                changes.put(one.path, data, datum=datum.about.datum)
            else:
                changes.put(one.path, file, datum=datum.about.datum)
    return small
