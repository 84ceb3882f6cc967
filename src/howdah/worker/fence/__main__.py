"""Make a slot of the present folder, as the first message says, and serve it."""

from __future__ import annotations

import os
import socket

from howdah.worker.fence import root, ways
from howdah.worker.fence.frames import Message
from howdah.worker.fence.loop import Talk, serve


def main() -> None:
    """Answer the first message when all is ready, or with what the kernel refuses; then have runs."""
    channel = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    talk = Talk(channel)
    messages = talk.wait()
    if not messages:
        return
    try:
        way = _way(messages[0], talk)
    except OSError as error:
        talk.send({"refused": error.strerror or str(error), "number": error.errno})
        talk.wait()
        return
    talk.send({"ready": True})
    serve(talk, way)
    way.end()


def _way(message: Message, talk: Talk) -> ways.Way:
    if message["plain"]:
        return ways.Plain(os.getcwd(), lingers=message["lingers"])
    user = message["user"]
    root.enter(user)
    return ways.Fenced(root.build(message["covered"], message["shown"]), user)


if __name__ == "__main__":
    main()
