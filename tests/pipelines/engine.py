"""A stand-in for a container engine: a program that takes what `docker run`, `ps` and `rm` take, and its daemon.

An image is the machine's own files; what is bound is bound, in mounts of the container's own. As with an engine, a
container is the daemon's, so it goes on where the program that asked for it is killed.
"""

from __future__ import annotations

import array
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_FLAGS = {"--rm", "--interactive"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BEGIN = """
set -e
root=$1 pfs=$2 out=$3 tmp=$4 image=$5 directory=$6; shift 6
mount -t tmpfs none "$root"
for each in /*; do
    if [ -L "$each" ]; then cp -P "$each" "$root$each"
    elif [ -d "$each" ] && [ "$each" != /pfs ]; then mkdir "$root$each"; mount --rbind "$each" "$root$each"
    fi
done
mkdir -p "$root/pfs"
mount --bind "$pfs" "$root/pfs"
mount --bind "$out" "$root/pfs/out"
mount --bind "$tmp" "$root/tmp"
for each in PYTHON; do  # it may lie below /tmp
    mkdir -p "$root$each"
    mount --rbind "$each" "$root$each"
done
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$directory" "$@"
"""
_PYTHON = {shlex.quote(place) for place in (sys.prefix, sys.base_prefix) if place.startswith("/tmp/")}


def program(folder: Path, name: str, socket: Path) -> None:
    """Have an engine of that name in the folder."""
    place = folder / name
    place.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {socket} "$@"\n')
    place.chmod(0o755)


class Daemon:
    """The engine itself, until the end of the process that has it."""

    def __init__(self, place: Path, root: Path) -> None:
        self.asked: list[list[str]] = []
        """All command lines."""
        self._root = root
        self._removed: set[str] = set()
        self._running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(place))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def running(self) -> list[str]:
        """The containers that there are."""
        return [*self._running]

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            data, control, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(3 * array.array("i").itemsize))
            files = array.array("i", control[0][2])
            asked = json.loads(data)
            self.asked.append(asked["words"])
            verb, *words = asked["words"]
            answer = getattr(self, f"_{verb}")(words, asked["env"], files)
            for file in files:
                os.close(file)
            with_code = {"code": 0, "text": "", **answer}
            with suppress(OSError):  # whoever asked may be gone
                connection.sendall(json.dumps(with_code).encode())

    def _info(self, *_: object) -> dict[str, Any]:
        return {"text": "Server: a stand-in\n"}

    def _ps(self, words: list[str], *_: object) -> dict[str, Any]:
        wanted = words[words.index("--filter") + 1].removeprefix("label=")
        return {"text": "".join(f"{name}\n" for name, (label, _) in self._running.items() if label == wanted)}

    def _rm(self, words: list[str], *_: object) -> dict[str, Any]:
        for name in words[1:]:
            self._removed.add(name)
            if name in self._running:
                self._end(self._running[name][1])
                self._running.pop(name, None)
        return {}

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _run(self, words: list[str], env: dict[str, str], files: array.array[int]) -> dict[str, Any]:
        options: dict[str, list[str]] = {}
        while words[0].startswith("--"):
            option = words.pop(0)
            options.setdefault(option, []).append("" if option in _FLAGS else words.pop(0))
        image = words.pop(0)
        if image.startswith("none/"):
            os.write(files[2], f"Unable to find image '{image}' locally\n".encode())
            return {"code": 125}
        given = {"PATH": _PATH, "IMAGE": image}
        for each in options["--env"]:
            name, is_given, value = each.partition("=")
            given[name] = value if is_given else env[name]
        places = {target: source for source, target, *_ in (each.split(":") for each in options["--volume"])}
        bound = [places["/pfs"], places["/pfs/out"], places["/tmp"]]  # noqa: S108
        begin = _BEGIN.replace("PYTHON", " ".join(sorted(_PYTHON)))
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        command = ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", begin, "sh"]
        root = self._root / options["--name"][0]
        root.mkdir()
        process = subprocess.Popen(
            [*command, str(root), *bound, image, *options["--workdir"], *options["--entrypoint"], *words],
            env=given,
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
            start_new_session=True,
        )
        self._running[options["--name"][0]] = (options["--label"][0], process)
        if options["--name"][0] in self._removed:  # before it was there
            self._end(process)
        code = process.wait()
        self._running.pop(options["--name"][0], None)
        return {"code": code if code >= 0 else 128 - code}


def main() -> None:
    """Ask the daemon, with what this process reads and where it writes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(sys.argv[1])
        asked = json.dumps({"words": sys.argv[2:], "env": dict(os.environ)}).encode()
        connection.sendmsg([asked], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
        answer = json.loads(connection.recv(1 << 20))
    sys.stdout.write(answer["text"])
    sys.exit(answer["code"])


if __name__ == "__main__":
    main()
