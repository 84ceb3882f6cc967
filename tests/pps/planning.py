"""Inputs without a store, for tests of what is planned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from howdah.infos import FileInfo, FileType
from howdah.names import Commit, File
from howdah.pps.inputs import Input, PfsInput

ONE = "4" * 32


Content = dict[str, dict[str, bytes]]  # of each repo: digests by path


def leaf(name: str, repo: str = "", key: str = "", *, outer: bool = False) -> Input:
    """An input whose key is a file's first sign."""
    source = PfsInput(project="default", name=name, repo=repo or name, repo_type="user", branch="master")
    return Input(pfs=replace(source, glob="/(?)*", join_on=key, group_by=key, outer_join=outer))


def listing(content: Content) -> Callable[[PfsInput], Iterator[FileInfo]]:
    """What lists the files of inputs."""

    def told(source: PfsInput) -> Iterator[FileInfo]:
        for path, digest in sorted(content.get(source.repo, {}).items()):
            file = File(Commit(source.source().repo, ONE), path)
            yield FileInfo(file, FileType.DIR if path.endswith("/") else FileType.FILE, len(path), digest)

    return told
