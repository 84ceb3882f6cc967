"""Who may sign up, and at which ports the product answers."""

from __future__ import annotations

import re
from pathlib import Path

from howdah.testing.launched import Launched
from tests.proxy.people import Person

PAGE = (Path(__file__).resolve().parents[2] / "docs/howto/run-on-a-laptop.md").read_text("utf-8")
LISTENING = "0A"
MAPPED = "0000000000000000FFFF0000"  # before an address of IPv4 that is written as one of IPv6


def test_first_user_signs_up_and_then_only_the_invited(data: Path) -> None:
    with Launched(data, "--port", "0", "--no-signup") as launched:
        owner = Person(launched.url)
        with owner.sign_up("owner@example.com") as page:
            assert page.status == 200
        with Person(launched.url).open("/user/signup/") as page:
            assert page.status == 403
            assert b"invite link" in page.read()
        for query in ("", "?token=", "?token=wrong"):
            with Person(launched.url).open(f"/user/signup/{query}", b"email=a@example.com") as answer:
                assert answer.status == 403
        invited = Person(launched.url)
        invited.sign_up("invited@example.com", f"?token={owner.ask('/api/invite')['token']}").close()
        assert invited.ask("/api/current-user/whoami")["email"] == "invited@example.com"
        assert {user["email"] for user in owner.ask("/api/users/")} == {"owner@example.com", "invited@example.com"}


def _descendants(pid: int) -> set[int]:
    found = {pid}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if parent == pid:
            found |= _descendants(int(stat.parent.name))
    return found


def _inodes(pid: int) -> set[str]:
    links = [file.readlink().as_posix() for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()]
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}


def _listening(pids: set[int]) -> set[tuple[str, int]]:
    """The addresses, in the kernel's own writing, and ports at which these processes answer."""
    inodes = set[str]().union(*map(_inodes, pids))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                found.add((address.removeprefix(MAPPED), int(port, 16)))
    return found


def test_nothing_answers_but_what_the_documentation_lists(running: Launched) -> None:
    documented = re.findall(r"^\| `(web|store)` \| `127\.0\.0\.1`", PAGE, re.MULTILINE)
    assert documented == ["web", "store"]
    web, store = (int(url.rpartition(":")[2]) for url in (running.url, running.store))
    assert _listening(_descendants(running.process.pid)) == {("0100007F", web), ("0100007F", store)}
