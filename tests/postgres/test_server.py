"""What a server that cannot be used says, and what to do: seen before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from howdah.errors import Denied, HowdahError, Invalid, NotFound, Unavailable, Unsupported
from howdah.postgres import server
from howdah.postgres.address import Address
from howdah.testing.launched import Launched
from howdah.testing.postgres import PostgresServer

WRONG: list[tuple[Callable[[Address], Address], type[HowdahError], str]] = [
    (lambda good: replace(good, port="1"), Unavailable, "does not answer .*: start it, or correct the host"),
    (lambda good: replace(good, host="no.such.host.invalid"), Unavailable, "does not answer"),
    (lambda good: replace(good, host="/nowhere"), Unavailable, "does not answer"),
    (lambda good: replace(good, password="SECRET"), Denied, "refuses .*: correct the user, the password"),
    (lambda good: replace(good, user="nobody"), Denied, "refuses .*: correct the user, the password"),
    (lambda good: replace(good, name="nothing"), NotFound, "database nothing not found .* createdb .*--owner howdah"),
    (lambda good: replace(good, options={"foo": "bar"}), Invalid, "foo"),
    (lambda good: replace(good, options={"sslmode": "require"}), Unavailable, "SSL"),
]


@pytest.mark.parametrize(("spoil", "kind", "told"), WRONG)
def test_reason_and_remedy_are_told_without_the_password(
    postgres: PostgresServer, spoil: Callable[[Address], Address], kind: type[HowdahError], told: str
) -> None:
    address = spoil(postgres.address)
    with pytest.raises(kind, match=told) as error:
        server.check(address)
    assert type(error.value) is kind
    assert address.password not in error.value.message


def test_usable_server_tells_its_version(postgres: PostgresServer) -> None:
    found = server.check(postgres.database("Ünïcode / name"))
    assert int(found.version.partition(".")[0]) >= server.OLDEST
    assert found.migrations == 0


def test_unix_socket_will_do(postgres: PostgresServer) -> None:
    assert server.check(replace(postgres.address, host=str(postgres.folder))).version


def test_server_that_is_too_old_is_told(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "OLDEST", 99)
    with pytest.raises(Unsupported, match=r"is PostgreSQL \d+.*: upgrade it to 99 or newer"):
        server.check(postgres.address)


def test_encoding_that_cannot_hold_every_name_is_told(postgres: PostgresServer) -> None:
    latin = postgres.database("latin", "ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(Invalid, match="has the encoding LATIN1: create it anew"):
        server.check(latin)


def test_user_who_may_make_no_tables_is_told(postgres: PostgresServer) -> None:
    postgres.ask("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with server.connect(postgres.database("closed")) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    guest = replace(postgres.named("closed"), user="guest", password="guest")
    with pytest.raises(Denied, match='ALTER DATABASE "closed" OWNER TO "guest"'):
        server.check(guest)


def test_launch_on_a_server_that_cannot_be_used_ends_in_one_line(postgres: PostgresServer, tmp_path: Path) -> None:
    bad = replace(postgres.address, password="SECRET").url
    with Launched(tmp_path / "data", "--port", "0", environ={"HOWDAH_DATABASE": bad}) as launched:
        assert launched.process.wait(120) == 1
        assert launched.printed.startswith("error: database server refuses postgresql://howdah@127.0.0.1:")
        assert launched.printed.count("\n") == 1
        assert "SECRET" not in launched.printed
    assert not (tmp_path / "data" / "last-use.json").exists()


def test_address_that_is_none_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    with Launched(tmp_path / "data", "--database", "mysql://me:SECRET@db/x") as launched:
        assert launched.process.wait(120) == 2
        assert "argument --database: database address invalid: it does not begin with postgresql://" in launched.printed
        assert "SECRET" not in launched.printed
