"""The configuration file is shared with Pachyderm's clients: they read ours, and lose nothing of theirs."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import fields
from pathlib import Path
from typing import Any

import pachyderm_sdk.config as sdk
import pytest
from pachyderm_sdk.config import ConfigFile

from howdah.client import config
from howdah.client.config import Config, Context
from howdah.errors import Invalid, NotFound, Unavailable, WrongState

LAPTOP = Context(pachd_address="grpc://127.0.0.1:30650")
FULL = Context(
    source="IMPORTED",
    pachd_address="grpcs://pach.example.org:443",
    server_cas=base64.b64encode(b"PEM").decode(),
    session_token="secret",
    active_transaction="t",
    cluster_name="c",
    auth_info="a",
    namespace="n",
    cluster_deployment_id="d",
    project="wildlife",
    enterprise_server=False,
    port_forwarders={"pachd": 4000},
)
FOREIGN: dict[str, Any] = {
    "user_id": "u",
    "v1": {"old": True},
    "v2": {
        "active_context": "prod",
        "active_enterprise_context": "prod",
        "max_shell_completions": 64,
        "metrics": True,
        "contexts": {"prod": {"source": 2, "pachd_address": "grpc://prod:30650", "later_key": [1, 2]}},
    },
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".pachyderm" / "config.json"


def put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(content, "utf-8")


def test_context_knows_exactly_the_keys_that_pachyderms_client_accepts() -> None:
    assert {field.name for field in fields(Context)} == {field.name for field in fields(sdk.Context)}


def test_pachyderms_client_reads_a_context_with_every_key(path: Path) -> None:
    config.write(path, Config().with_context("full", FULL).with_active("full"))
    theirs = ConfigFile.from_path(path).active_context

    assert theirs.pachd_address == FULL.pachd_address
    assert theirs.session_token == "secret"
    assert theirs.port_forwarders == {"pachd": 4000}
    assert config.read(path).context("full") == FULL


def test_context_written_by_pachyderms_client_is_read(path: Path) -> None:
    path.parent.mkdir(parents=True)
    ConfigFile.new_with_context("theirs", sdk.Context(source=1, pachd_address="grpc://x:1")).write(path)
    ours = config.read(path)

    assert ours.active == "theirs"
    assert ours.context("theirs").source == 1
    assert ours.context("theirs").address == "grpc://x:1"


def test_missing_file_is_an_empty_configuration(path: Path) -> None:
    assert config.read(path).contexts == {}
    assert config.read(path).active is None
    assert not path.exists()


def test_what_others_wrote_is_kept(path: Path) -> None:
    put(path, json.dumps(FOREIGN))
    assert config.add_store(path, "laptop", "grpc://127.0.0.1:30650") is False
    document = json.loads(path.read_text("utf-8"))

    assert document["v2"]["contexts"].pop("laptop") == {"pachd_address": "grpc://127.0.0.1:30650"}
    assert document == FOREIGN


def test_replaced_context_drops_keys_that_pachyderms_client_refuses(path: Path) -> None:
    put(path, json.dumps(FOREIGN))
    config.write(path, config.read(path).with_context("prod", LAPTOP))

    assert ConfigFile.from_path(path).active_context.pachd_address == LAPTOP.pachd_address


def test_first_store_becomes_active_and_second_does_not(path: Path) -> None:
    assert config.add_store(path, "one", "grpc://127.0.0.1:1") is True
    assert config.add_store(path, "two", "grpc://127.0.0.1:2") is False
    assert ConfigFile.from_path(path).active_context.pachd_address == "grpc://127.0.0.1:1"


def test_store_that_is_known_already_leaves_the_file_alone(path: Path) -> None:
    config.add_store(path, "one", "grpc://127.0.0.1:1")
    before = path.stat()

    assert config.add_store(path, "one", "grpc://127.0.0.1:1") is True
    assert path.stat().st_ino == before.st_ino


def test_store_at_a_new_address_replaces_the_old_one(path: Path) -> None:
    config.add_store(path, "one", "grpc://127.0.0.1:1")
    config.add_store(path, "one", "grpc://127.0.0.1:9")

    assert config.read(path).context("one").address == "grpc://127.0.0.1:9"


def test_file_is_for_its_owner_alone_and_leaves_no_temporary_files(path: Path) -> None:
    config.add_store(path, "one", "grpc://127.0.0.1:1")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["config.json"]


def test_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "real.json")
    config.add_store(path, "one", "grpc://127.0.0.1:1")

    assert path.is_symlink()
    assert config.read(tmp_path / "real.json").active == "one"


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"v2": 1}', '{"v2": {"contexts": []}}', '{"v2": {"contexts": {"a": 1}}}']
)
def test_broken_file_is_named_with_the_remedy_and_not_overwritten(path: Path, content: str) -> None:
    put(path, content)
    with pytest.raises(Invalid, match="mend it") as caught:
        config.add_store(path, "one", "grpc://127.0.0.1:1")

    assert str(path) in caught.value.message
    assert path.read_text("utf-8") == content


def test_file_that_is_not_text_is_broken(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(Invalid, match="broken"):
        config.read(path)


def test_folder_in_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(Unavailable, match="cannot be read"):
        config.read(path)
    with pytest.raises(Unavailable, match="cannot be written"):
        config.write(path, Config())


def test_active_context_that_does_not_exist_counts_as_none(path: Path) -> None:
    put(path, '{"v2": {"active_context": "gone", "contexts": {}}}')

    assert config.read(path).active is None
    assert config.add_store(path, "one", "grpc://127.0.0.1:1") is True


def test_active_context_cannot_be_deleted_and_others_can() -> None:
    both = Config().with_context("a", LAPTOP).with_context("b", LAPTOP).with_active("a")

    with pytest.raises(WrongState, match="context a is active"):
        both.without("a")
    assert list(both.without("b").contexts) == ["a"]
    assert list(both.contexts) == ["a", "b"]


def test_unknown_context_tells_which_there_are() -> None:
    with pytest.raises(NotFound, match="there are a"):
        Config().with_context("a", LAPTOP).with_active("b")


@pytest.mark.parametrize("address", ["grpc://", "ftp://x:1", "grpc://x:port", "grpc://x:1/path"])
def test_address_that_cannot_be_right_is_refused(address: str) -> None:
    with pytest.raises(Invalid, match="address"):
        Config().with_context("a", Context(pachd_address=address))


def test_context_without_address_leads_to_the_forwarded_port() -> None:
    assert Context().address == "grpc://localhost:30650"
    assert Context(port_forwarders={"pachd": 4000}).address == "grpc://localhost:4000"


def test_certificates_are_decoded_and_garbage_is_refused() -> None:
    assert FULL.root_certificates == b"PEM"
    assert LAPTOP.root_certificates is None
    with pytest.raises(Invalid, match="base64"):
        _ = Context(server_cas="***").root_certificates


@pytest.mark.parametrize(
    ("v2", "reason"),
    [
        ({"active_context": 7}, "v2.active_context must be a text"),
        ({"contexts": {"a": {"pachd_address": 5}}}, "pachd_address of context a must be a text"),
        ({"contexts": {"a": {"session_token": ["x"]}}}, "session_token of context a must be a text"),
        ({"contexts": {"a": {"port_forwarders": {"pachd": "1"}}}}, "port_forwarders of context a must be an object"),
    ],
)
def test_values_of_the_wrong_type_are_told_with_their_key(path: Path, v2: dict[str, Any], reason: str) -> None:
    put(path, json.dumps({"v2": v2}))
    with pytest.raises(Invalid, match=rf"broken \({reason}.*mend it"):
        config.read(path)
