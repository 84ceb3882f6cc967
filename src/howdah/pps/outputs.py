"""What datums have written, on its way into the commits of a job.

The same bytes are in two of them: in the output commit, each file tagged with its datum, and in the meta commit below
`/pfs/<datum>/out`, so that a later job finds what of a datum is to go without looking at all files. The meta commit
also names the datums whose outputs there are.
"""

from __future__ import annotations

from collections.abc import Iterable

from howdah.db.database import Tx
from howdah.names import Commit, File
from howdah.pfs import changes, files, writing
from howdah.pfs.changes import Put
from howdah.pfs.gathering import Gathering
from howdah.pps.work import Successes
from howdah.store.store import Store

_DATUMS = "/howdah/datums"


class Outputs:
    """What happens to the files of a job in one transaction: `flush` before it, then `record` in it.

    For one thread at a time; the outputs of datums are in `written`.
    """

    def __init__(self, store: Store, written: Gathering | None = None) -> None:
        self._store = store
        self._written = written if written is not None else Gathering(store)
        self._meta = Gathering(store, beside=self._written)

    def remove(self, meta: Commit, ids: Iterable[str]) -> None:
        """Have the outputs of these datums go, which the job with this meta commit has."""
        for id in ids:
            folder = f"/pfs/{id}/"
            out = f"{folder}out"
            for path in {entry.path for entry in files.entries(self._store, File(meta, out))}:
                self._written.delete(path[len(out) :], id)
            self._meta.delete(folder)

    def remove_all(self) -> None:
        """Have everything go that is there."""
        for each in (self._written, self._meta):
            each.delete("/")

    def tell(self, successes: Successes) -> None:
        """These are the datums whose outputs are there."""
        self._meta.delete(_DATUMS)
        self._meta.put(_DATUMS, successes.pack())

    def flush(self) -> None:
        """Store the bytes."""
        writer, operations = self._written.end()
        self._meta.follow(_noted(put) for put in operations if isinstance(put, Put))
        writer.flush()

    def record(self, tx: Tx, output: int, meta: int) -> None:
        """Let it happen to the open commits with these numbers."""
        (writer, operations), (_, noted) = self._written.end(), self._meta.end()
        writer.record(tx)
        writing.append(tx, output, operations)
        writing.append(tx, meta, noted)


def _noted(put: Put) -> Put:
    noted = changes.put(f"/pfs/{put.datum}/out{put.path}", put.pieces)
    return noted if put.replaced is None else noted._replace(replaced="")


def successes(store: Store, meta: Commit) -> Successes | None:
    """The datums whose outputs the job with this meta commit has; None where it tells nothing."""
    seen = files.view(store, meta)
    found = seen.find(_DATUMS)
    if not found:
        return None
    return Successes.unpack(b"".join(files.get(store, File(seen.commit, _DATUMS))))
