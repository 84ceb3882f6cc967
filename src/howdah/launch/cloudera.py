"""Cloudera AI: what its sessions and applications tell by their environment, and what follows for us. Pure.

An application answers at 127.0.0.1 and one given port; the platform ends TLS in front of it. What is kept lies in the
project's home. The public name is in no variable when it is an application's: it is asked of the platform's interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from howdah.settings import DEFAULT_HOST, PUBLIC_URL

APP_PORT = "CDSW_APP_PORT"
DOMAIN = "CDSW_DOMAIN"
ENGINE = "CDSW_ENGINE_ID"
PROJECT = "CDSW_PROJECT_ID"
APPLICATION = "Howdah"
DATA = "label_studio_data"
SCRIPT = "launch.py"
ORIGINS = "LABEL_STUDIO_CSRF_TRUSTED_ORIGINS"


class Application(Protocol):
    """An application as the platform's interface tells of it."""

    name: str
    script: str
    subdomain: str


def is_here(environ: Mapping[str, str]) -> bool:
    """Whether this is a session or an application of Cloudera AI."""
    return bool(environ.get(APP_PORT))


def session_url(environ: Mapping[str, str]) -> str:
    """The URL of this engine, empty if it is not told."""
    engine, domain = environ.get(ENGINE), environ.get(DOMAIN)
    return f"https://{engine}.{domain}" if engine and domain else ""


def application_url(environ: Mapping[str, str], applications: Iterable[Application]) -> str:
    """The URL of our application among the project's, by its name and else by its script; empty if there is none."""
    there = list(applications)
    named = [one for one in there if one.name == APPLICATION]
    running_us = [one for one in there if (one.script or "").rpartition("/")[2] == SCRIPT]
    found = [one.subdomain for one in (*named, *running_us) if one.subdomain]
    domain = environ.get(DOMAIN)
    return f"https://{found[0]}.{domain}" if found and domain else ""


def arguments(environ: Mapping[str, str], root: Path, url: str) -> list[str]:
    """The options with which we run here."""
    fixed = ["--host", DEFAULT_HOST, "--port", environ[APP_PORT], "--exact-port", "--no-browser", "--restart"]
    return [*fixed, "--data", str(root / DATA), *(["--public-url", url] if url else [])]


def settings(environ: Mapping[str, str], url: str) -> dict[str, str]:
    """What our processes are told besides: forms are accepted from this engine's own URL too."""
    own = session_url(environ)
    return {ORIGINS: own} if own and own != url and not environ.get(ORIGINS) else {}


def told_url(environ: Mapping[str, str]) -> str:
    """The URL that the user has set, which counts more than what is found."""
    return PUBLIC_URL.read(environ)
