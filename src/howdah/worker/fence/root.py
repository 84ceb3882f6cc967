"""The namespaces of a slot and the root that its code sees, made once; `View.show` puts one run's folder into it.

The new root is a small file system in memory into which the folders of the old one are bound, read-only. Of its own
are `/proc`, `/dev`, `/run`, `/tmp` and `/pfs`; what is covered lies under empty folders.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from howdah.worker.fence import kernel

_NEW = "/tmp"  # noqa: S108 -- where the new root is put together: a folder of which it has its own
_SLOT, _SHOWN = "/.slot", "/.shown"
_OWN = frozenset({"proc", "dev", "run", "tmp", "pfs", _SLOT[1:], _SHOWN[1:]})
_FOLDERS = (*sorted(_OWN), "dev/shm")
_DEVICES = re.compile(r"null|zero|full|u?random|tty|nvidia.*|dri|kfd|dxg")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_RESOLVER = "/etc/resolv.conf"  # often a link into /run
_QUIET = kernel.NOSUID | kernel.NODEV
_FLAGS = {
    "nosuid": kernel.NOSUID,
    "nodev": kernel.NODEV,
    "noexec": kernel.NOEXEC,
    "noatime": kernel.NOATIME,
    "nodiratime": kernel.NODIRATIME,
    "relatime": kernel.RELATIME,
}


def enter(user: int | None) -> None:
    """Go on in new namespaces, as their first process, with all rights in them and no new ones outside.

    This process waits for that one and ends with it; only that one returns. Root keeps its files and can become `user`;
    anybody else stays who he is.
    """
    ready, tell = os.pipe()
    writer = os.fork()
    if not writer:
        os.close(tell)
        _map(os.getppid(), user, ready)
    kernel.unshare(kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID)
    os.write(tell, b".")
    os.closerange(min(ready, tell), max(ready, tell) + 1)
    if os.waitpid(writer, 0)[1]:
        raise OSError(errno.EPERM, f"user {os.geteuid() if user is None else user} cannot be had in a user namespace")
    child = os.fork()
    if child:
        os.closerange(3, 256)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    kernel.die_with_parent()


def _map(process: int, user: int | None, ready: int) -> NoReturn:
    """Once it is ready, tell which of our users and groups a process has in its namespace: each by its own number."""
    code = 1
    try:
        if os.read(ready, 1):
            if user is None:
                _write(f"/proc/{process}/setgroups", "deny")
            for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
                ids = {own, own if user is None else user}
                _write(f"/proc/{process}/{kind}_map", "".join(f"{id} {id} 1\n" for id in sorted(ids)))
            code = 0
    finally:
        os._exit(code)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


@dataclass(frozen=True, slots=True)
class View:
    """What a run's first process needs to put the run's folder in its place."""

    flags: int
    again: tuple[str, ...]
    """What is shown although it lies where each run has a folder of its own."""

    def show(self, folder: str) -> None:
        """In namespaces of its own: the folder's `pfs` and `tmp`, and the processes that there are."""
        kernel.unshare(kernel.NEWNS | kernel.NEWIPC)
        source = f"{_SLOT}/{folder}"
        kernel.bind(f"{source}/pfs", "/pfs", deep=False)
        kernel.remount("/pfs", self.flags | kernel.RDONLY)
        kernel.bind(f"{source}/pfs/out", "/pfs/out", deep=False)
        kernel.bind(source + _NEW, _NEW, deep=False)
        for number, path in enumerate(self.again):
            os.makedirs(path, exist_ok=True)
            kernel.bind(f"{_SHOWN}/{number}", path)
        kernel.mount("proc", "/proc", _QUIET | kernel.NOEXEC)
        kernel.detach(_SLOT)


def build(covered: Sequence[str], shown: Sequence[str]) -> View:
    """Make the root and go there; the present folder is the slot's, whose runs `View.show` finds by name.

    Nothing below what is covered can be seen, but for what is shown.
    """
    kernel.make_private()
    sources = [os.open(path, os.O_PATH) for path in shown]
    kernel.mount("tmpfs", _NEW, _QUIET, "mode=755,size=4m")
    for name in _FOLDERS:
        os.mkdir(f"{_NEW}/{name}")
    for entry in os.scandir("/"):
        if entry.name not in _OWN:
            put(entry.path, _NEW + entry.path)
    _put_devices()
    resolver = os.path.realpath(_RESOLVER)
    if resolver.startswith("/run/"):
        os.makedirs(os.path.dirname(_NEW + resolver), exist_ok=True)
        put(resolver, _NEW + resolver)
    for path in covered:
        _cover(_NEW + os.path.realpath(path))
    again = [path for path in shown if path.startswith(f"{_NEW}/")]
    for path, source in zip(shown, sources, strict=True):
        target = f"{_NEW}{_SHOWN}/{again.index(path)}" if path in again else _NEW + path
        os.makedirs(target, exist_ok=True)
        kernel.bind(f"/proc/self/fd/{source}", target)
        os.close(source)
    kernel.bind(".", _NEW + _SLOT)
    kernel.mount("proc", f"{_NEW}/proc", _QUIET | kernel.NOEXEC)
    flags = _make_read_only()
    kernel.change_root(_NEW)
    with suppress(FileNotFoundError):  # of a kernel without user namespaces below others
        _write("/proc/sys/user/max_user_namespaces", "0")  # whoever has none of his own cannot become root there
    return View(flags, tuple(again))


def put(path: str, target: str) -> None:
    """The same at another place; an empty place where the kernel refuses it."""
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    try:
        kernel.bind(path, target)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.ENOENT}:
            raise


def _put_devices() -> None:
    for name in os.listdir("/dev"):
        if _DEVICES.fullmatch(name):
            put(f"/dev/{name}", f"{_NEW}/dev/{name}")
    for name, target in _LINKS.items():
        os.symlink(target, f"{_NEW}/dev/{name}")


def _cover(place: str) -> None:
    try:
        kernel.mount("tmpfs", place, _QUIET, "mode=755,size=64k")
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.EACCES}:  # what we do not reach, code does not either
            raise


def _make_read_only() -> int:
    """All of the new root but the slot and the processes; returns the slot's flags."""
    slot = 0
    for point, flags in _mounts():
        place = point[len(_NEW) :]
        if place == _SLOT:
            slot = flags | _QUIET
            kernel.remount(point, slot)
        elif place != "/proc" and (point == _NEW or point.startswith(f"{_NEW}/")):
            try:
                kernel.remount(point, flags | kernel.NOSUID | kernel.RDONLY)
            except OSError:
                _cover(point)
    return slot


def _mounts() -> Iterator[tuple[str, int]]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().splitlines()
    for line in lines:
        fields = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
        yield point, sum(_FLAGS.get(option, 0) for option in fields[5].split(","))
