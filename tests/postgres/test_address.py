"""URLs of databases: what is read out of them, what is refused, and that no text holds a password."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from howdah.errors import Invalid, Unavailable
from howdah.launch import arguments, entry
from howdah.postgres import address
from howdah.postgres.address import Address

SECRET = "ge/heim@1%:ä?#"
ENCODED = "ge%2Fheim%401%25%3A%C3%A4%3F%23"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql://me:pw@db:5433/labels", ("me", "pw", "db", "5433", "labels")),
        ("postgres://db/labels", ("", "", "db", "", "labels")),
        (f"postgresql://m%40e:{ENCODED}@db/l%C3%A4bels", ("m@e", SECRET, "db", "", "läbels")),
        ("postgresql://me:p@ss@db/labels", ("me", "p@ss", "db", "", "labels")),
        ("postgresql://me@%2Fvar%2Frun%2FPG/labels", ("me", "", "/var/run/PG", "", "labels")),
        ("postgresql:///labels?host=/var/run/PG&user=me", ("me", "", "/var/run/PG", "", "labels")),
        ("postgresql://[2001:db8::1]:5433/labels", ("", "", "2001:db8::1", "5433", "labels")),
        ("postgresql://?dbname=labels&host=a,b&port=1,2", ("", "", "a,b", "1,2", "labels")),
    ],
)
def test_url_is_read_as_libpq_reads_it(url: str, parts: tuple[str, ...]) -> None:
    found = address.parse(url)
    assert (found.user, found.password, found.host, found.port, found.name) == parts
    assert address.parse(found.url) == found
    assert address.parse(str(found)) == Address(found.user, "", found.host, found.port, found.name)


def test_options_go_to_the_driver() -> None:
    found = address.parse("postgresql://db/labels?sslmode=verify-full&sslrootcert=/etc/a%20b.pem")
    assert found.parameters() == {
        "host": "db", "dbname": "labels", "sslmode": "verify-full", "sslrootcert": "/etc/a b.pem"
    }  # fmt: skip
    assert address.parse(found.url) == found


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://me:SECRET@db/labels", "does not begin"),
        ("labels.sqlite3", "does not begin"),
        ("postgresql://me:SECRET@db", "names no database"),
        ("postgresql://me:SECRET/2@db/labels", "cannot be told apart"),
        ("postgresql://me:SECRET@db:x/labels", "cannot be told apart"),
        ("postgresql://me:SECRET@db:0/labels", "port"),
        ("postgresql://me:SECRET@db:65536/labels", "port"),
        ("postgresql://me:SECRET#@db/labels", "#"),
        ("postgresql://me:SECRET%@db/labels", "encodes nothing"),
        ("postgresql://me:SECRET%ff@db/labels", "encodes nothing"),
        ("postgresql://me:SECRET%00@db/labels", "NUL"),
        ("postgresql://me:SECRET x@db/labels", "space"),
        ("postgresql://me:SECRET@db/labels?sslmode", "NAME=VALUE"),
        ("postgresql://me:SECRET@[db/labels", "host"),
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as told:
        address.parse(url)
    assert "SECRET" not in told.value.message
    assert "postgresql://USER:PASSWORD@HOST:PORT/NAME" in told.value.message
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        arguments.database(url)
    assert "SECRET" not in str(refused.value)


def test_password_is_in_no_text_but_the_url() -> None:
    found = address.parse(f"postgresql://me:{ENCODED}@db/labels?sslpassword=SECRET")
    for text in (str(found), repr(found), f"{found}"):
        assert SECRET not in text
        assert ENCODED not in text
        assert "SECRET" not in text


def test_password_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    environ = {"HOWDAH_DATABASE": "postgresql://me@db/labels", "HOWDAH_DATABASE_PASSWORD_FILE": str(file)}
    found = address.chosen("", environ)
    assert found == Address("me", SECRET, "db", "", "labels")
    told = address.chosen("postgresql://me:other@db/labels", environ)
    assert told is not None
    assert told.password == "other"
    assert address.chosen("", {"HOWDAH_DATABASE_PASSWORD_FILE": str(file)}) is None
    with pytest.raises(Unavailable, match="HOWDAH_DATABASE_PASSWORD_FILE: .* cannot be read"):
        address.chosen("", environ | {"HOWDAH_DATABASE_PASSWORD_FILE": str(tmp_path / "none")})


def test_option_leaves_the_command_line_that_others_can_see() -> None:
    url = "postgresql://me:SECRET@db/labels"
    for words in (["--database", url], [f"--database={url}"]):
        argv, environ = arguments.hidden(["--data", "d", *words, "--port", "0"], {"A": "b"})
        assert argv == ["--data", "d", "--port", "0"]
        assert environ == {"A": "b", "HOWDAH_DATABASE": url}
    assert arguments.hidden(["--data", "d"], {"A": "b"}) == (["--data", "d"], {"A": "b"})
    assert "SECRET" not in repr(arguments.parse(["--database", url]))


def test_only_sqlite_begins_from_a_template() -> None:
    url = "postgresql://me:SECRET@db/labels"
    assert entry.wants_template(["--port", "0"], {})
    assert entry.wants_template([], {"HOWDAH_DATABASE": ""})
    assert not entry.wants_template(["--database", url], {})
    assert not entry.wants_template([f"--database={url}", "--port", "0"], {})
    assert not entry.wants_template([], {"HOWDAH_DATABASE": url})
