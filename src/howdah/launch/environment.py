"""What of the caller's environment reaches the programs that we start.

The installation is private: settings that aim Python, pip or uv at some other environment must not leak into it, while
those that say where packages come from and whom to trust must.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Mapping
from pathlib import Path

_SOURCES = {
    "INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "TRUSTED_HOST", "CERT", "CLIENT_CERT", "PROXY",
    "DEFAULT_TIMEOUT", "TIMEOUT", "RETRIES", "CACHE_DIR", "NO_CACHE_DIR", "CONFIG_FILE", "KEYRING_PROVIDER",
}  # fmt: skip
_UV_SOURCES = {
    "DEFAULT_INDEX", "INDEX", "INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "INDEX_STRATEGY",
    "INSECURE_HOST", "NATIVE_TLS", "SYSTEM_CERTS", "HTTP_TIMEOUT", "HTTP_RETRIES", "CACHE_DIR", "NO_CACHE", "OFFLINE",
    "KEYRING_PROVIDER", "LINK_MODE", "CONCURRENT_DOWNLOADS", "CONFIG_FILE",
}  # fmt: skip
_DROPPED = {"VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "__PYVENV_LAUNCHER__", "DJANGO_SETTINGS_MODULE"}
_DROPPED_PREFIXES = ("PYTHON", "GUNICORN_")


def _kept(name: str) -> bool:
    if name.startswith("PIP_"):
        return name[len("PIP_") :] in _SOURCES
    if name.startswith("UV_"):
        return name[len("UV_") :] in _UV_SOURCES or name.startswith("UV_INDEX_")
    return name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what would aim our programs at another Python, environment or install folder."""
    kept = {name: value for name, value in environ.items() if _kept(name)}
    # A user's pip.conf may say `user = true`, which no virtual environment survives; only a variable outranks it.
    return kept | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def pip_config_files(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where pip looks for its settings; a later file outranks an earlier one."""
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = environ.get("PIP_CONFIG_FILE")
    return (
        Path("/etc/pip.conf"),
        home / "Library" / "Application Support" / "pip" / "pip.conf",
        home / ".pip" / "pip.conf",
        config_home / "pip" / "pip.conf",
        *([Path(named)] if named else []),
    )


def _pip_settings(files: Iterable[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself will say what is wrong with it, if it comes to use it
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update(parser.items(section))
    return found


def for_uv(environ: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """A cleaned `environ` in which uv, which does not read pip's settings, knows the same package sources as pip."""
    configured = _pip_settings(files)

    def pip(name: str) -> str:
        return environ.get("PIP_" + name.upper().replace("-", "_")) or configured.get(name, "")

    told: dict[str, str] = {}
    if not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & environ.keys() and pip("index-url"):
        told["UV_DEFAULT_INDEX"] = pip("index-url")
    if not {"UV_INDEX", "UV_EXTRA_INDEX_URL"} & environ.keys() and pip("extra-index-url"):
        told["UV_INDEX"] = " ".join(pip("extra-index-url").split())
        # pip takes the best version from any index, uv by default only from the first that knows the name.
        told["UV_INDEX_STRATEGY"] = environ.get("UV_INDEX_STRATEGY", "unsafe-best-match")
    if "UV_FIND_LINKS" not in environ and pip("find-links"):
        told["UV_FIND_LINKS"] = ",".join(pip("find-links").split())
    if "SSL_CERT_FILE" not in environ and pip("cert"):
        told["SSL_CERT_FILE"] = pip("cert")
    return {**environ, **told}
