"""Makes Label Studio's database fit to serve: its tables, and the first user.

Running some 260 migrations takes half a minute, nearly all of it processor time, so it is done once per installation:
the result is kept as a template inside the virtual environment and copied for each new data folder. A database tells
by SQLite's `user_version` which set of migrations it has had, so a later start need not look; one that has had another
set is migrated. On PostgreSQL, a comment on Django's own table of migrations tells it. No copy is made here: the
launcher makes a backup first.

The tables must be there before Django is set up: the host asks the database for its columns while its modules load,
and remembers the answers. So migrations run in a process of their own, `python -m howdah.labelstudio.prepare`: it
makes the template, or with `--configured` migrates the database that the environment names, or with `--pending` tells
by exit code that there would be something to migrate, or that a newer version has migrated it.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from howdah import lastuse
from howdah import settings as howdah
from howdah.errors import Invalid, Unavailable, WrongState
from howdah.labelstudio import turns

_SETTINGS_MODULE = "howdah.labelstudio.settings"
_DATABASE = "label_studio.sqlite3"
_TOKEN_LENGTHS = range(6, 41)
_MARK = "howdah schema "
_NAMED = re.compile(r"""["'](0\d{3}_\w+)["']""")


def ensure_schema() -> None:
    """Make the configured database exist and have the present migrations. To be called before Django is set up."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", _SETTINGS_MODULE)
    key = schema_key()
    if connection.vendor == "sqlite" and not (database := Path(connection.settings_dict["NAME"])).exists():
        _copy_whole(_template(key), database)
    elif _version() != key:
        if _has_tables():
            _refuse_newer()
        print("Bringing Label Studio's database to this version; it may take a minute.", flush=True)
        connections.close_all()
        _migrate_apart(["--configured"], os.environ)
    connections.close_all()


def schema_key() -> int:
    """A number from 1 to 2**31-1 that tells one set of migrations from another; it is the database's `user_version`.

    Needs the settings alone: which apps there are, and which migrations lie in each.
    """
    digest = hashlib.sha256()
    for entry in sorted(settings.INSTALLED_APPS):
        for file in sorted((_folder(entry) / "migrations").glob("*.py")):
            digest.update(f"{entry}/{file.name}\0".encode())
            if entry.startswith("howdah."):  # ours may still change their content while being written
                digest.update(file.read_bytes())
    return (int.from_bytes(digest.digest()[:4], "big") & 0x7FFFFFFF) or 1


def template_path(key: int) -> Path:
    """Where the template for `key` lies in this virtual environment."""
    return Path(sys.prefix) / "share" / "howdah" / f"label-studio-{key:08x}.sqlite3"


def make_template() -> Path:
    """The template for the present migrations, made if it is not there; it appears whole or not at all."""
    path = template_path(schema_key())
    if not path.exists():
        migrate()
        connections.close_all()
        _copy_whole(Path(settings.DATABASES["default"]["NAME"]), path)
        for other in path.parent.glob("label-studio-*.sqlite3"):
            if other != path:
                other.unlink(missing_ok=True)
    return path


def migrate() -> None:
    """Bring the configured database to the present migrations and mark it so."""
    django.setup()
    # The historical models are one huge web that each full collection walks in vain: a third of the time. Young ones
    # alone, and rarely, cost little and free nearly as much (0.5 GB at the most, against 1.3 GB without any).
    gc.set_threshold(500_000, 1_000, 1_000)
    with turns.schema():
        if connection.vendor == "postgresql" and _version() == schema_key():
            return  # the launcher that we waited for has done it
        call_command("migrate", verbosity=0, interactive=False, no_color=True)
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"PRAGMA user_version = {schema_key()}")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                cursor.execute(f"COMMENT ON TABLE django_migrations IS '{_MARK}{schema_key()}'")


def unknown() -> list[str]:
    """The migrations that a newer version has made and this one lacks; none while there are some to make here."""
    files = [file for entry in settings.INSTALLED_APPS for file in (_folder(entry) / "migrations").glob("0*.py")]
    here = {file.stem for file in files}
    # Those that were put together are named by the one that they became.
    named = {name for file in files for name in _NAMED.findall(file.read_text(encoding="utf-8"))}
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM django_migrations")
        had = {name for (name,) in cursor.fetchall() if name.startswith("0")}
    return sorted(had - here - named) if here <= had else []


def _refuse_newer() -> None:
    """Raises `WrongState` for a database that this version would not understand."""
    if found := unknown():
        raise WrongState(
            f"Label Studio's database was used by a newer version, whose migration {found[-1]} this one lacks: start "
            "that version again, or restore a backup from before its update",
            kind="newer-database",
        )


def ensure_first_user(environ: Mapping[str, str]) -> None:
    """Make the user that the environment names, if any, an administrator whose token works for the API.

    A user who exists keeps the password. Raises `Invalid` for settings that cannot make a user.
    """
    email = howdah.USERNAME.read(environ)
    password = howdah.PASSWORD.read(environ)
    token = howdah.USER_TOKEN.read(environ)
    if not email:
        return
    if token and len(token) not in _TOKEN_LENGTHS:
        raise Invalid(f"{howdah.USER_TOKEN.name} must be 6 to 40 characters long")
    from users.models import User  # noqa: PLC0415  (models exist only after setup)

    with turns.accounts():
        user = User.objects.filter(email=User.objects.normalize_email(email)).first()
        if user is None:
            if not password:
                raise Invalid(f"{howdah.USERNAME.name} is set without {howdah.PASSWORD.name}: set both")
            user = User.objects.create_user(email, password, is_staff=True, is_superuser=True)
        organization = _join_organization(user)
        if token:
            _set_token(user, organization, token)


def _join_organization(user: Any) -> Any:
    from organizations.models import Organization  # noqa: PLC0415  (as above)

    organization = Organization.objects.first()
    if organization is None:
        organization = Organization.create_organization(created_by=user, title="Label Studio")
    else:
        organization.add_user(user)
    if user.active_organization_id is None:
        user.active_organization = organization
        user.save(update_fields=["active_organization"])
    return organization


def _set_token(user: Any, organization: Any, token: str) -> None:
    """Give `user` exactly this API token, and let the organization accept tokens of this kind."""
    from rest_framework.authtoken.models import Token  # noqa: PLC0415  (as above)

    present = Token.objects.filter(key=token).first()
    if present is not None and present.user_id != user.pk:
        raise Invalid(f"{howdah.USER_TOKEN.name} is already the token of another user")
    if present is None:
        Token.objects.filter(user=user).delete()
        Token.objects.create(user=user, key=token)
    # The host reads its own switch for this only when it makes an organization; ours may be older than the token.
    if not organization.jwt.legacy_api_tokens_enabled:
        organization.jwt.legacy_api_tokens_enabled = True
        organization.jwt.save()


def _folder(entry: str) -> Path:
    """The folder of an installed app; `entry` names its package or, inside it, its configuration."""
    spec = importlib.util.find_spec(entry.partition(".apps.")[0])
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(f"the Django app {entry} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _version() -> int:
    """The set of migrations that the database has had, by its mark; 0 without one."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA user_version")
            return int(cursor.fetchone()[0])
        cursor.execute("SELECT obj_description(to_regclass('django_migrations'), 'pg_class')")
        mark = cursor.fetchone()[0] or ""
    number = mark.removeprefix(_MARK)
    return int(number) if number.isdigit() else 0


def is_pending() -> bool:
    """Whether the configured database is there and has had another set of migrations than the present one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", _SETTINGS_MODULE)
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return False
    return _has_tables() and _version() != schema_key()


def _has_tables() -> bool:
    with connection.cursor() as cursor:
        return "django_migrations" in connection.introspection.table_names(cursor)


def _template(key: int) -> Path:
    path = template_path(key)
    if not path.exists():
        print("Preparing Label Studio's database; this is needed once and takes half a minute.", flush=True)
        _migrate_apart([], os.environ)
    return path


def _migrate_apart(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Run this module's `main` in a process of its own."""
    command = [sys.executable, "-I", "-m", "howdah.labelstudio.prepare", *arguments]
    done = subprocess.run(command, env=dict(environ), check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise Unavailable(f"Label Studio's database could not be prepared:\n{done.stderr.strip()}")


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a closed database so that `target`, if it exists, is complete and on disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    with os.fdopen(handle, "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, target)


def main(argv: list[str]) -> int:
    """Migrate for `--configured`, look for `--pending`; else make the template, in a scratch folder of its own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = _SETTINGS_MODULE
    if argv == ["--pending"]:
        return (lastuse.NEWER if unknown() else lastuse.PENDING) if is_pending() else 0
    if argv == ["--configured"]:
        migrate()
        return 0
    with tempfile.TemporaryDirectory(prefix="howdah-template-") as scratch:
        os.environ[howdah.DATA.name] = scratch
        os.environ["LABEL_STUDIO_DATABASE_NAME"] = str(Path(scratch) / _DATABASE)
        os.environ.pop(howdah.DATABASE.name, None)
        print(make_template())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
