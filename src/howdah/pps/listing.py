"""The files of inputs, as a store has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from howdah.infos import FileInfo
from howdah.names import Branch, Commit
from howdah.pfs import files
from howdah.pps.inputs import PfsInput
from howdah.store.store import Store


def of(store: Store, commits: Mapping[Branch, Commit] | None = None) -> Callable[[PfsInput], Iterable[FileInfo]]:
    """What lists the files that an input takes of its branch's commit, or else of its head, in the order of paths.

    An input without a glob takes everything as one. An empty commit has no files, and its root is none either.
    """

    def listed(source: PfsInput) -> Iterable[FileInfo]:
        branch = source.source()
        commit = (commits or {}).get(branch) or Commit(branch.repo, branch.name)
        pattern = source.glob or "/"
        seen = files.view(store, commit)
        return files.globbed(store, seen.commit, pattern) if seen.has_directory("/") else ()

    return listed
