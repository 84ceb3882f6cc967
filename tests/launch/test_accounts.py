"""Who may sign up, and at which ports the product answers."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from howdah.testing.launched import Launched
from tests.proxy.people import Person

PAGE = (Path(__file__).resolve().parents[2] / "docs/howto/run-on-a-laptop.md").read_text("utf-8")
LISTENING = {"tcp": "0A", "udp": "07"}
LOOPBACK, ANYWHERE = "0100007F", "00000000"
MAPPED = "0000000000000000FFFF0000"  # before an address of IPv4 that is written as one of IPv6


def test_first_user_signs_up_and_then_only_the_invited(data: Path) -> None:
    with Launched(data, "--port", "0", "--no-signup") as launched:
        assert _offers_signing_up(launched)
        (owner,) = _admitted(launched, [f"person{number}@example.com" for number in range(4)])
        with Person(launched.url).open("/user/signup/") as page:
            assert page.status == 403
            text = page.read().decode()
            assert "Signing up is closed" in text
            assert 'href="/user/login/"' in text
        for query in ("", "?token=", "?token=wrong"):
            with Person(launched.url).open(f"/user/signup/{query}", b"email=a@example.com") as answer:
                assert answer.status == 403
        with owner.open("/user/signup/") as page:
            assert "/user/" not in page.url
        assert not _offers_signing_up(launched)
        invited = Person(launched.url)
        invite = f"?token={owner.ask('/api/invite')['token']}"
        assert _offers_signing_up(launched, invite)
        invited.sign_up("invited@example.com", invite).close()
        assert invited.ask("/api/current-user/whoami")["email"] == "invited@example.com"
        first = owner.ask("/api/current-user/whoami")["email"]
        assert {user["email"] for user in owner.ask("/api/users/")} == {first, "invited@example.com"}


def _offers_signing_up(launched: Launched, query: str = "") -> bool:
    with Person(launched.url).open(f"/user/login/{query}") as page:
        return "/user/signup/" in page.read().decode()


def _admitted(launched: Launched, emails: list[str]) -> list[Person]:
    """Those who got an account when people with these addresses all sign up at once."""
    start = Barrier(len(emails))

    def sign_up(email: str) -> Person | None:
        person = Person(launched.url)
        person.open("/user/signup/").close()
        start.wait()
        with person.sign_up(email) as page:
            assert page.status in {200, 403}
            refused = page.status == 403 or "already exists" in page.read().decode()
        return None if refused else person

    with ThreadPoolExecutor(len(emails)) as pool:
        return [person for person in pool.map(sign_up, emails) if person]


def test_of_many_first_users_at_once_one_is_the_owner_and_all_are_members(data: Path) -> None:
    emails = ["ada@example.com", "ada@example.com", *(f"person{number}@example.com" for number in range(6))]
    with Launched(data, "--port", "0") as launched:
        people = _admitted(launched, emails)
        assert len(people) == len(set(emails))
        assert {person.ask("/api/current-user/whoami")["email"] for person in people} == set(emails)
        ((organization,),) = {tuple(one["id"] for one in person.ask("/api/organizations")) for person in people}
        owners = {person.ask(f"/api/organizations/{organization}")["created_by"] for person in people}
        assert len(owners) == 1
        assert {user["email"] for user in people[0].ask("/api/users/")} == set(emails)
        for person in people:
            person.ask("/api/projects", {"title": "First steps"})


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
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING[table[:3]] and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                found.add((address.removeprefix(MAPPED), int(port, 16)))
    return found


def _documented() -> list[str]:
    """What the one table of ports says to listen."""
    table = PAGE.partition("## What listens")[2].partition("Nothing else does.")[0]
    return re.findall(r"^\| `(\w+)` \| `127\.0\.0\.1`", table, re.MULTILINE)


def test_nothing_answers_but_what_the_documentation_lists(running: Launched) -> None:
    assert _documented() == ["web", "store"]
    web, store = _ports(running)
    assert _listening(_descendants(running.process.pid)) == {(LOOPBACK, web), (LOOPBACK, store)}


def test_only_the_web_answers_elsewhere_and_only_when_told_so(data: Path) -> None:
    with Launched(data, "--host", "0.0.0.0", "--port", "0") as launched:
        web, store = _ports(launched)
        assert "(and at every address of this machine)" in launched.printed
        with Person(launched.url).open("/user/login/", b"", Origin="https://labels.example.com") as answer:
            assert answer.status == 403
            assert "--public-url https://labels.example.com" in answer.read().decode()
        Person(launched.url).sign_up("ada@example.com").close()
        assert _listening(_descendants(launched.process.pid)) == {(ANYWHERE, web), (LOOPBACK, store)}


def _ports(launched: Launched) -> tuple[int, int]:
    """Of the web and of the store."""
    web, store = (int(url.rpartition(":")[2]) for url in (launched.url, launched.store))
    return web, store
