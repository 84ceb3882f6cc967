"""Every setting that Howdah reads from the environment: its name, its default and what it means.

This is the one table; documentation is made from it and checked against it. Nothing here reads the environment: the
edges do (the launcher, the command line, Label Studio's settings module) and pass values inward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_HOST = "127.0.0.1"
DEFAULT_STORE_PORT = 30650
DEFAULT_WEB_PORT = 8080


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable; `read` gives its value or the default when it is unset or empty."""

    name: str
    default: str
    help: str

    def read(self, environ: Mapping[str, str]) -> str:
        """The value in `environ`, the default if it is unset or empty."""
        return environ.get(self.name) or self.default

    def read_bool(self, environ: Mapping[str, str]) -> bool:
        """As `read`; true for `1`, `true`, `yes` and `on` in any case, false for everything else."""
        return self.read(environ).strip().lower() in {"1", "true", "yes", "on"}


ADDRESS = Setting(
    "HOWDAH_ADDRESS",
    f"grpc://{DEFAULT_HOST}:{DEFAULT_STORE_PORT}",
    "address of the store that a storage without an address of its own uses",
)
TOKEN = Setting("HOWDAH_TOKEN", "", "token for the store at HOWDAH_ADDRESS, where a storage has none of its own")
SERVER_CAS = Setting(
    "HOWDAH_SERVER_CAS", "", "certificates (PEM, in base64) that vouch for the store at HOWDAH_ADDRESS over grpcs"
)
PACH_CONFIG = Setting(
    "PACH_CONFIG", "", "configuration file with contexts, shared with pachctl; by default ~/.pachyderm/config.json"
)
DATA = Setting("LABEL_STUDIO_BASE_DATA_DIR", "", "folder of Label Studio's database, uploads, exports and secret key")
TRUST_PROXY = Setting(
    "HOWDAH_TRUST_PROXY",
    "true",
    "believe X-Forwarded-Host and X-Forwarded-Proto, so that links and sign-in are right behind a reverse proxy",
)
PUBLIC_URL = Setting(
    "HOWDAH_PUBLIC_URL",
    "",
    "URL at which people reach this behind a reverse proxy, with a path if it has one: https://labels.example.com/label",
)
NO_SIGNUP = Setting(
    "HOWDAH_NO_SIGNUP", "false", "close the sign-up page once the first user is there; invite links still work"
)
DATABASE = Setting(
    "HOWDAH_DATABASE",
    "",
    "PostgreSQL database for Label Studio instead of SQLite: postgresql://USER:PASSWORD@HOST:PORT/NAME",
)
DATABASE_PASSWORD_FILE = Setting(
    "HOWDAH_DATABASE_PASSWORD_FILE", "", "file with the password of HOWDAH_DATABASE, where that tells none"
)
JOURNAL = Setting(
    "HOWDAH_SQLITE_JOURNAL",
    "",
    "journal mode of Label Studio's SQLite database; by default WAL, and TRUNCATE on a network file system",
)
MEDIA_TIMEOUT = Setting(
    "RESOLVER_PROXY_TIMEOUT", "3600", "seconds after which a file that is still being sent to a browser is cut off"
)
USERNAME = Setting("LABEL_STUDIO_USERNAME", "", "e-mail address of the first user, made at start")
PASSWORD = Setting("LABEL_STUDIO_PASSWORD", "", "password of the first user")
USER_TOKEN = Setting(
    "LABEL_STUDIO_USER_TOKEN", "", "API token of the first user, for `Authorization: Token`; 6 to 40 characters"
)
URL_SCHEMES = Setting(
    "HOWDAH_URL_SCHEMES",
    "http https s3 gs",
    "kinds of URLs that files may be put from and got to, with spaces between them",
)
URL_FOLDERS = Setting(
    "HOWDAH_URL_FOLDERS", "", "folders of the store's machine for file:// URLs, with a colon between them; else none"
)
URL_BYTES = Setting("HOWDAH_URL_BYTES", str(100 << 30), "the most that one URL may bring; 0 for any amount")
URL_SECONDS = Setting("HOWDAH_URL_SECONDS", str(6 * 3600), "how long one URL may take; 0 for any time")
URL_PUBLIC_ONLY = Setting(
    "HOWDAH_URL_PUBLIC_ONLY", "false", "fetch http and https from public addresses only, not from networks of one's own"
)
ENGINES = ("auto", "docker", "podman", "none")
ENGINE = Setting(
    "HOWDAH_ENGINE",
    ENGINES[0],
    "container engine for code whose pipeline names an image: docker, podman, auto (what answers first) or none",
)

SETTINGS: tuple[Setting, ...] = (
    ADDRESS,
    TOKEN,
    SERVER_CAS,
    PACH_CONFIG,
    DATA,
    PUBLIC_URL,
    TRUST_PROXY,
    NO_SIGNUP,
    DATABASE,
    DATABASE_PASSWORD_FILE,
    JOURNAL,
    MEDIA_TIMEOUT,
    USERNAME,
    PASSWORD,
    USER_TOKEN,
    URL_SCHEMES,
    URL_FOLDERS,
    URL_BYTES,
    URL_SECONDS,
    URL_PUBLIC_ONLY,
    ENGINE,
)
