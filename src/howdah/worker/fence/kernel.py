"""The kernel's calls that Python 3.10 has no functions for. Each raises `OSError` where it is refused."""

from __future__ import annotations

import ctypes
import os

NEWNS, NEWIPC, NEWUSER, NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000

RDONLY, NOSUID, NODEV, NOEXEC, NOATIME, NODIRATIME, RELATIME = 1, 2, 4, 8, 1 << 10, 1 << 11, 1 << 21
_REMOUNT, _BIND, _REC, _PRIVATE = 1 << 5, 1 << 12, 1 << 14, 1 << 18
_DETACH = 2

_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _SET_SECUREBITS, _NO_NEW_PRIVS, _CAP_AMBIENT = 1, 4, 24, 28, 38, 47
_SUBREAPER = 36
_AMBIENT_CLEAR_ALL = 4
_ALL_SECUREBITS = 0xEF  # no capabilities for root, by setuid or kept, and all of that locked
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones."""
    _call("unshare", ctypes.c_int(flags))


def setns(descriptor: int, kind: int) -> None:
    """Enter a namespace."""
    _call("setns", ctypes.c_int(descriptor), ctypes.c_int(kind))


def mount(kind: str, target: str, flags: int = 0, options: str = "") -> None:
    """Mount a file system of that kind."""
    _mount(kind, target, kind, flags, options)


def bind(source: str, target: str, *, deep: bool = True) -> None:
    """Have the source at the target too; `deep` with what is mounted below it."""
    _mount(source, target, "", _BIND | (_REC if deep else 0))


def remount(target: str, flags: int) -> None:
    """Give a bound place these flags, which must have all that its source had."""
    _mount("none", target, "", _REMOUNT | _BIND | flags)


def make_private() -> None:
    """Have mounts here seen nowhere else, and those elsewhere not here."""
    _mount("none", "/", "", _REC | _PRIVATE)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    try:
        places = os.fsencode(source), os.fsencode(target)
        _call("mount", *places, kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({target})") from error


def detach(target: str) -> None:
    """Take away what is mounted there."""
    _call("umount2", os.fsencode(target), ctypes.c_int(_DETACH))


def change_root(folder: str) -> None:
    """Have the folder, a mount, as the root, and nothing that was there before."""
    os.chdir(folder)
    _call("pivot_root", b".", b".")  # the old root then lies upon the new one
    detach(".")
    os.chdir("/")


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _prctl(_PDEATHSIG, 9)


def adopt() -> None:
    """Become the parent of all descendants whose own has ended."""
    _prctl(_SUBREAPER, 1)


def hide() -> None:
    """Have no other process without capabilities look into this one."""
    _prctl(_SET_DUMPABLE, 0)


def lock_capabilities() -> None:
    """Let no program, no change of user and no namespace bring a capability; those that are there stay."""
    for capability in range(64):
        try:
            _prctl(_CAPBSET_DROP, capability)
        except OSError:
            break  # the kernel knows no more of them
    _prctl(_SET_SECUREBITS, _ALL_SECUREBITS)
    _prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)


def empty_capabilities() -> None:
    """Have none now, and gain none by starting a program."""
    _call("capset", (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)())
    _prctl(_NO_NEW_PRIVS, 1)


def _prctl(option: int, value: int) -> None:
    _call("prctl", ctypes.c_int(option), *(ctypes.c_ulong(number) for number in (value, 0, 0, 0)))
