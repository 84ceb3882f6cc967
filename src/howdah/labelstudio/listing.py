"""What a branch holds, by path and digest, to compare with what it should hold."""

from __future__ import annotations

from contextlib import closing

from howdah import digest
from howdah.chunker import Chunker
from howdah.client import files
from howdah.client.channel import Connection
from howdah.errors import NotFound, WrongState
from howdah.infos import FileType
from howdah.labelstudio import probing
from howdah.names import Branch, Commit, File


def digest_of(data: bytes) -> bytes:
    """The digest that the store gives a file with this content."""
    chunker = Chunker()
    chunks = [*chunker.feed(data), *chunker.finish()]
    digests = [digest.of_bytes(chunk) for chunk in chunks]
    return digests[0] if len(digests) == 1 else digest.of_chunks(digests) if digests else digest.EMPTY


def of_branch(conn: Connection, branch: Branch, folder: str) -> dict[str, bytes]:
    """The digests of the files in the folder, in the branch's newest finished commit; empty where there is none."""
    try:
        top = File(probing.pinned(conn, Commit(branch.repo, branch.name)).commit, folder)
        if conn.offers_bulk():
            return {
                info.file.path: info.digest for info in files.walk(conn, top) if info.type is FileType.FILE
            }  # fmt: skip
        # Other stores have digests of their own making: read what is there.
        with closing(files.get_tree(conn, top)) as found:
            return {path: digest_of(b"".join(content)) for path, content in found if content is not None}
    except (NotFound, WrongState):  # no such repo, branch or folder, or nothing finished
        return {}


def read(conn: Connection, branch: Branch, path: str) -> bytes | None:
    """A small file of the branch's head; None where there is none."""
    try:
        return b"".join(files.get(conn, File(Commit(branch.repo, branch.name), path)))
    except NotFound:
        return None
