"""A PostgreSQL server: a connection to it, and whether it can be used. The driver is loaded on first use only.

No error and no report that comes from here holds a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from howdah.errors import Denied, HowdahError, Invalid, NotFound, Unavailable, Unsupported
from howdah.postgres.address import Address, invalid

if TYPE_CHECKING:
    import psycopg

OLDEST = 14
"""The oldest version of the server that Label Studio's Django works with."""

_PATIENCE = "10"  # seconds for connecting


@dataclass(frozen=True, slots=True)
class Server:
    """What a server tells of itself."""

    version: str
    migrations: int


def connect(address: Address) -> psycopg.Connection[Any]:
    """A connection; a `HowdahError` tells why there is none, and what to do."""
    try:
        import psycopg  # noqa: PLC0415  (part of an extra)
    except ImportError as error:
        raise Unavailable("PostgreSQL's driver is not installed: install howdah with the extra labelstudio") from error
    told = {"connect_timeout": _PATIENCE, "application_name": "howdah", **address.parameters()}
    try:
        return psycopg.connect(**told, client_encoding="UTF8")  # type: ignore[arg-type]  # options are for libpq to judge
    except psycopg.ProgrammingError as error:
        raise invalid(_without(address, str(error).strip())) from None
    except (psycopg.Error, UnicodeError) as error:
        raise _refusal(address, _without(address, " ".join(str(error).split()))) from None


def _without(address: Address, text: str) -> str:
    return text.replace(address.password, "…") if address.password else text


def _refusal(address: Address, reason: str) -> HowdahError:
    """Why there is no connection. Servers tell it in the language of their country, so other signs are looked at."""
    from psycopg import conninfo, pq  # noqa: PLC0415  (as above)

    told = conninfo.make_conninfo("", **address.parameters(), connect_timeout=_PATIENCE)
    sign = pq.PGconn.ping(told.encode())
    if sign == pq.Ping.REJECT:
        return Unavailable(f"database server of {address} takes nobody just now ({reason}): try again in a moment")
    if sign != pq.Ping.OK:
        return Unavailable(
            f"database server of {address} does not answer ({reason}): start it, or correct the host and the port"
        )
    if address.name != "postgres" and pq.PGconn.connect(f"{told} dbname=postgres".encode()).status == pq.ConnStatus.OK:
        owner = address.user or "USER"
        return NotFound(
            f"database {address.name} not found on the server of {address}: create it with "
            f"createdb --encoding UTF8 --template template0 --owner {owner} {address.name}"
        )
    return Denied(f"database server refuses {address} ({reason}): correct the user, the password and the name")


def check(address: Address) -> Server:
    """Whether Label Studio can work there; a `HowdahError` tells what is missing and what to do."""
    with connect(address) as connection:
        number = connection.info.server_version
        row = connection.execute(
            "SELECT current_setting('server_version'), current_setting('server_encoding'), current_schema(), "
            "has_schema_privilege(current_schema(), 'CREATE'), to_regclass('django_migrations') IS NOT NULL, "
            "pg_is_in_recovery()"
        ).fetchone()
        assert row is not None
        version, encoding, schema, may_create, has_tables, only_reads = row
        if number < OLDEST * 10000:
            raise Unsupported(f"database server of {address} is PostgreSQL {version}: upgrade it to {OLDEST} or newer")
        if encoding != "UTF8":
            raise Invalid(
                f"database {address} has the encoding {encoding}: create it anew with "
                "createdb --encoding UTF8 --template template0"
            )
        if only_reads:
            raise Invalid(f"database server of {address} is a standby, which only reads: name the primary")
        if schema is None or not may_create:
            raise Denied(
                f"database {address} lets its user make no tables: "
                f'ALTER DATABASE "{address.name}" OWNER TO "{address.user or connection.info.user}"'
            )
        count = connection.execute("SELECT count(*) FROM django_migrations").fetchone() if has_tables else None
    return Server(version.split()[0], count[0] if count else 0)
