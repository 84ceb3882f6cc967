"""The Compose file for a team: its parts fit each other and Howdah, and it gives away neither rights nor secrets."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from howdah import settings
from howdah.postgres import address, server

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TEXT = (DEPLOY / "compose.team.yaml").read_text("utf-8")
SECRET = "/run/secrets/postgres-password"


@pytest.fixture(scope="module")
def team() -> Any:
    yaml: Any = pytest.importorskip("yaml")
    return yaml.safe_load(TEXT)


@pytest.fixture(scope="module")
def single() -> Any:
    yaml: Any = pytest.importorskip("yaml")
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def test_foreign_images_are_pinned_to_a_release(team: Any) -> None:
    images = {name: service["image"] for name, service in team["services"].items()}
    assert images.pop("howdah") == "howdah"
    assert all(re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z]+", image) for image in images.values()), images
    assert int(images["postgres"].partition(":")[2].partition(".")[0]) >= server.OLDEST


def test_howdah_runs_as_in_the_other_compose_file(team: Any, single: Any) -> None:
    ours, alone = team["services"]["howdah"], single["services"]["howdah"]
    for name in ("image", "build", "restart", "stop_grace_period", "volumes", "read_only", "tmpfs", "cap_drop",
                 "security_opt"):  # fmt: skip
        assert ours[name] == alone[name], name


def test_database_that_howdah_is_told_is_the_one_that_is_there(team: Any) -> None:
    postgres, howdah = (team["services"][name]["environment"] for name in ("postgres", "howdah"))
    told = address.parse(howdah["HOWDAH_DATABASE"])
    assert (told.user, told.host, told.name) == (postgres["POSTGRES_USER"], "postgres", postgres["POSTGRES_DB"])
    assert "--encoding=UTF8" in postgres["POSTGRES_INITDB_ARGS"]
    assert set(howdah) <= {setting.name for setting in settings.SETTINGS}


def test_password_is_in_a_file_alone(team: Any) -> None:
    for name, variable in (("postgres", "POSTGRES_PASSWORD_FILE"), ("howdah", "HOWDAH_DATABASE_PASSWORD_FILE")):
        service = team["services"][name]
        assert service["environment"][variable] == SECRET
        assert service["secrets"] == ["postgres-password"]
        assert not [key for key in service["environment"] if key.endswith("PASSWORD")]
    assert address.parse(team["services"]["howdah"]["environment"]["HOWDAH_DATABASE"]).password == ""
    file = team["secrets"]["postgres-password"]["file"].removeprefix("./")
    assert f"/deploy/{file}" in (DEPLOY.parent / ".gitignore").read_text().splitlines()
    assert f"deploy/{file}" in TEXT.partition("name:")[0]


def test_only_the_proxy_can_be_reached_and_only_howdah_reaches_the_database(team: Any) -> None:
    services = team["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert team["networks"]["inside"] == {"internal": True}
    assert {name for name, service in services.items() if "inside" in service["networks"]} == {"postgres", "howdah"}
    assert all(service["cap_drop"] == ["ALL"] for service in services.values())
    assert all(service["security_opt"] == ["no-new-privileges:true"] for service in services.values())
    assert not re.search(r"fuse|SYS_ADMIN|privileged|:latest", TEXT)


def test_each_waits_until_what_it_needs_is_healthy(team: Any) -> None:
    services = team["services"]
    assert services["howdah"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["proxy"]["depends_on"] == {"howdah": {"condition": "service_healthy"}}
    assert all("healthcheck" in services[name] for name in ("postgres", "proxy"))
    assert "HEALTHCHECK" in (DEPLOY / "Dockerfile").read_text()


def test_what_must_survive_is_on_volumes_that_are_named(team: Any) -> None:
    used = [volume.partition(":")[0] for service in team["services"].values() for volume in service["volumes"]]
    assert sorted(name for name in used if not name.startswith("./")) == sorted(team["volumes"])
    assert all((DEPLOY / name).is_file() for name in used if name.startswith("./"))


def test_caddy_understands_its_file_and_leads_to_howdah() -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("Caddy is missing")
    command = [caddy, "adapt", "--config", str(DEPLOY / "Caddyfile-team"), "--adapter", "caddyfile"]
    environ = {**os.environ, "HOWDAH_SITE": "labels.example.com"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    (route,) = json.loads(done.stdout)["apps"]["http"]["servers"]["srv0"]["routes"]
    assert route["match"] == [{"host": ["labels.example.com"]}]
    assert '"dial": "howdah:8080"' in json.dumps(route)
    assert '"flush_interval": -1' in json.dumps(route)
