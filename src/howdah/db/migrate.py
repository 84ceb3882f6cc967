"""Bring a database to this version's tables.

Each file of `migrations/` is applied once, in the order of its number, each in a transaction of its own.
A database that a newer Howdah has changed is refused rather than guessed at.
"""

from __future__ import annotations

from importlib import resources

from howdah.db.database import Database
from howdah.errors import WrongState


def migrate(database: Database) -> None:
    """Apply every migration that the database lacks."""
    with database.write() as tx:
        tx.run("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        done = {row[0] for row in tx.all("SELECT number FROM migrations")}
    known = dict(_migrations())
    newer = done - known.keys()
    if newer:
        raise WrongState(
            f"the data folder was written by a newer Howdah (its migration {max(newer)} is not known here):"
            " install that version or a later one",
            kind="newer-format",
        )
    for number, (name, statements) in sorted(known.items()):
        if number in done:
            continue
        with database.write() as tx:
            for statement in statements:
                tx.run(statement)
            tx.run("INSERT INTO migrations (number, name) VALUES (?, ?)", number, name)


def _migrations() -> list[tuple[int, tuple[str, list[str]]]]:
    found = []
    for file in resources.files("howdah.db").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            lines = [line for line in file.read_text("utf-8").splitlines() if not line.strip().startswith("--")]
            statements = [part.strip() for part in "\n".join(lines).split(";")]
            found.append((int(number), (name, [part for part in statements if part])))
    return found
