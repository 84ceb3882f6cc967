"""Django settings: Label Studio's own, unmodified, extended through its swap points by Howdah's storage type.

Use as DJANGO_SETTINGS_MODULE=howdah.labelstudio.settings. Importing it makes Label Studio's packages importable and
reads the environment (the table is `howdah.settings`); what it promises besides the storage type:

* nothing is sent to anybody: no telemetry, no version check, no crash reports, from the server or from the browser;
* the database is the one of PostgreSQL that HOWDAH_DATABASE names, and else SQLite;
* SQLite's journal is one that the file system can carry; it waits for a lock instead of failing, and a saved
  annotation survives a power cut;
* sign-in and links are right behind a reverse proxy, at a path of its own too; cookies of an HTTPS site are secure.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from howdah import filesystems
from howdah import settings as howdah
from howdah.postgres import address

_HOST = "label_studio.core.settings.label_studio"

# Read by the host while it loads. Its `get_env` tries the LABEL_STUDIO_ prefix first, so these win over both spellings.
_FIXED = {
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "LABEL_STUDIO_SENTRY_DSN": "",
    "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
    # The host shows its form-driven storage dialog, which knows foreign storage types, unless this is "opensource".
    "LABEL_STUDIO_FRONTEND_SENTRY_ENVIRONMENT": "howdah",
    # Hosts before 1.21 know no variable for the version check, which they make while they load unless this is so.
    "LABEL_STUDIO_APP_WEBSERVER": "uwsgi",
    # CI=true in the environment would ask for an app that is only there in the host's own development.
    "LABEL_STUDIO_CI": "false",
}


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _add_host_to_path() -> None:
    """The host's packages import each other as top-level names (`core`, `tasks`, …) from its own folder."""
    spec = importlib.util.find_spec("label_studio")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("Label Studio is not installed: install howdah with the extra `labelstudio`")
    folder = str(Path(next(iter(spec.submodule_search_locations))))
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _host_settings() -> dict[str, Any]:
    """The host's settings as it would have them with our fixed environment.

    The host looks at `django.conf.settings` while its settings module is still loading. DJANGO_SETTINGS_MODULE
    therefore names its module, not ours, during that time.
    """
    _add_host_to_path()
    once = {
        "DJANGO_SETTINGS_MODULE": _HOST,
        # An unrelated DEBUG in the environment must not decide (or break) this.
        "LABEL_STUDIO_DEBUG": os.environ.get("LABEL_STUDIO_DEBUG", "false"),
        howdah.MEDIA_TIMEOUT.name: howdah.MEDIA_TIMEOUT.read(os.environ),
    }
    # One switch for the database: the host's own variables may be meant for anything.
    once["LABEL_STUDIO_DJANGO_DB"] = "postgresql" if _POSTGRES else "sqlite"
    if public := howdah.PUBLIC_URL.read(os.environ):
        once["LABEL_STUDIO_HOST"] = public.rstrip("/")
    with _environment(_FIXED | once):
        host = importlib.import_module(_HOST)
    return {name: value for name, value in vars(host).items() if name.isupper()}


_POSTGRES = address.chosen("", os.environ)
_host = _host_settings()
globals().update(_host)

INSTALLED_APPS = [*_host["INSTALLED_APPS"], "howdah.labelstudio.apps.HowdahConfig"]
ROOT_URLCONF = "howdah.labelstudio.urls"
WSGI_APPLICATION = "howdah.labelstudio.wsgi.application"
MIDDLEWARE = ["howdah.labelstudio.uploads.refuse_too_large", *_host["MIDDLEWARE"]]
GET_STORAGE_LIST = "howdah.labelstudio.storages.get_storage_list"
ANNOTATION_MIXIN = "howdah.labelstudio.mixins.StagedAnnotation"
TASK_MIXIN = "howdah.labelstudio.mixins.StagedTask"
IO_STORAGES_IMPORT_LINK_NAMES = [
    *_host["IO_STORAGES_IMPORT_LINK_NAMES"],
    "io_storages_pachyderm_pachydermimportstoragelink",
]

DEFAULT_STORAGE_LIST_LIMIT = _host.get("DEFAULT_STORAGE_LIST_LIMIT", 100)  # hosts before 1.21 have none

HOWDAH_ADDRESS = howdah.ADDRESS.read(os.environ)
HOWDAH_TOKEN = howdah.TOKEN.read(os.environ)
HOWDAH_SERVER_CAS = howdah.SERVER_CAS.read(os.environ)

# A thread keeps its connection: closing the last one would checkpoint the WAL after each request.
CONN_MAX_AGE = 600
# Seconds that a writer waits for another one: a disk that is busy with something else may take as long for one write.
_PATIENCE = 120
SQLITE_MODES = {"WAL", "TRUNCATE", "DELETE", "PERSIST"}


def _postgres(address: address.Address) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": address.host,
        "PORT": address.port,
        "NAME": address.name,
        "OPTIONS": {"application_name": "label-studio", **address.options},
        "CONN_MAX_AGE": CONN_MAX_AGE,
        "CONN_HEALTH_CHECKS": True,  # a server that was started anew is found again
    }


def _sqlite(config: dict[str, Any]) -> dict[str, Any]:
    kind = filesystems.kind_of(Path(config["NAME"]).resolve(), filesystems.read_mounts())
    mode = (howdah.JOURNAL.read(os.environ) or filesystems.journal_mode(kind)).upper()
    if mode not in SQLITE_MODES:
        raise ImproperlyConfigured(f"{howdah.JOURNAL.name} must be one of {', '.join(sorted(SQLITE_MODES))}")
    ours = {
        "timeout": _PATIENCE,
        "transaction_mode": "IMMEDIATE",
        "init_command": f"PRAGMA journal_mode={mode}; PRAGMA synchronous=FULL;",
    }
    engine = {"ENGINE": "howdah.labelstudio.sqlite"}
    return config | engine | {"CONN_MAX_AGE": CONN_MAX_AGE, "OPTIONS": config.get("OPTIONS", {}) | ours}


def _with_ours(templates: list[dict[str, Any]], processor: str) -> list[dict[str, Any]]:
    """Our base page before the host's, which it extends, and our context processor after the host's."""
    (only,) = templates
    options = only["OPTIONS"]
    ours = Path(__file__).with_name("templates") / "over"
    return [
        only
        | {
            "DIRS": [str(ours), *only["DIRS"]],
            "OPTIONS": options | {"context_processors": [*options["context_processors"], processor]},
        }
    ]


DATABASES = {"default": _postgres(_POSTGRES) if _POSTGRES else _sqlite(_host["DATABASES"]["default"])}

if howdah.TRUST_PROXY.read_bool(os.environ):
    USE_X_FORWARDED_HOST = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CSRF_FAILURE_VIEW = "howdah.labelstudio.public.refuse_form"
HOWDAH_NO_SIGNUP = howdah.NO_SIGNUP.read_bool(os.environ)
SAVE_USER = "howdah.labelstudio.accounts.save_user"
TEMPLATES = _with_ours(_host["TEMPLATES"], "howdah.labelstudio.accounts.tell_pages")

# Set here and not through the host's variables: those would also hide the CSRF cookie from the host's own pages.
if _host["HOSTNAME"]:
    _public = urlsplit(_host["HOSTNAME"])
    CSRF_TRUSTED_ORIGINS = [*_host["CSRF_TRUSTED_ORIGINS"], f"{_public.scheme}://{_public.netloc}"]
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = _public.path or "/"
    LOGIN_URL = _public.path + _host["LOGIN_URL"]
    MIDDLEWARE = ["howdah.labelstudio.public.keep_path", *MIDDLEWARE]
