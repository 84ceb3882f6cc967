from __future__ import annotations

from pathlib import Path

import pytest

from howdah.launch import environment


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_TARGET", "PIP_PREFIX",
        "PIP_CONSTRAINT", "PIP_NO_DEPS", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT",
        "DJANGO_SETTINGS_MODULE", "GUNICORN_CMD_ARGS",
    ],
)  # fmt: skip
def test_what_aims_elsewhere_does_not_leak_in(name: str) -> None:
    assert name not in environment.clean({name: "somewhere"})


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "PIP_INDEX_URL", "PIP_CERT", "UV_DEFAULT_INDEX", "UV_INDEX_WORK_PASSWORD", "HTTPS_PROXY"]
)
def test_where_packages_come_from_is_kept(name: str) -> None:
    assert environment.clean({name: "somewhere"})[name] == "somewhere"


def test_pip_may_not_install_for_the_user() -> None:
    assert environment.clean({"PIP_USER": "1"})["PIP_USER"] == "0"


def test_uv_learns_the_sources_that_pip_has_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://packages.example/simple\nextra-index-url =\n  a\n  b\n")
    told = environment.for_uv({}, [file])
    assert told["UV_DEFAULT_INDEX"] == "https://packages.example/simple"
    assert told["UV_INDEX"] == "a b"


def test_a_variable_outranks_pips_file(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://one.example/simple\n")
    told = environment.for_uv({"PIP_INDEX_URL": "https://two.example/simple"}, [file])
    assert told["UV_DEFAULT_INDEX"] == "https://two.example/simple"


def test_what_the_user_told_uv_stands() -> None:
    told = environment.for_uv({"UV_INDEX_URL": "https://uv.example", "PIP_INDEX_URL": "https://pip.example"}, [])
    assert "UV_DEFAULT_INDEX" not in told


def test_a_broken_pip_file_is_left_to_pip(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("no section\n")
    assert environment.for_uv({"A": "b"}, [file]) == {"A": "b"}


def test_pips_files_are_those_of_the_given_home(tmp_path: Path) -> None:
    files = environment.pip_config_files({"PIP_CONFIG_FILE": "/x/pip.conf"}, tmp_path)
    assert tmp_path / ".config" / "pip" / "pip.conf" in files
    assert files[-1] == Path("/x/pip.conf")
