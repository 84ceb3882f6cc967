"""Provenance, triggers, commit sets, metadata and transactions from the command line."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Howdah


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def put(howdah: Howdah, repo: str, path: str) -> str:
    assert howdah("put", "file", f"{repo}@master:{path}", stdin=b"x").code == 0
    (info,) = lines(howdah("inspect", "commit", f"{repo}@master", "--raw").stdout)
    id: str = info["commit"]["id"]
    return id


def test_branch_follows_others_and_a_commit_set_is_shown_whole(howdah: Howdah, images: str, project: str) -> None:
    assert howdah("create", "repo", f"{project}/crops").code == 0
    assert howdah("create", "branch", f"{project}/crops@master", "-p", f"{images}@master").code == 0
    assert f"Provenance: {images}@master" in howdah("inspect", "branch", f"{project}/crops@master").stdout
    id = put(howdah, images, "/a")

    members = lines(howdah("list", "commit", id, "--raw").stdout)
    assert [member["commit"]["repo"]["name"] for member in members] == ["images", "crops"]
    assert howdah("finish", "commit", f"{project}/crops@master^").code == 0
    assert howdah("finish", "commit", f"{project}/crops@master").code == 0
    assert len(lines(howdah("wait", "commit", id, "--raw").stdout)) == 2
    shown = howdah("inspect", "commit", id).stdout
    assert f"Repo: {images}" in shown
    assert f"Provenance: {images}@{id}" in shown


def test_branch_moves_by_its_trigger(howdah: Howdah, images: str) -> None:
    trigger = ("--trigger", "master", "--trigger-all", "--trigger-size", "2B", "--trigger-commits", "2")
    assert howdah("create", "branch", f"{images}@staging", *trigger).code == 0
    assert "Trigger: master (size 2B and commits 2)" in howdah("inspect", "branch", f"{images}@staging").stdout
    heads = [put(howdah, images, f"/{name}") for name in "ab"]
    (staging, _) = lines(howdah("list", "branch", images, "--raw").stdout)[::-1]
    assert staging["head"]["id"] == heads[1]

    refused = howdah("create", "branch", f"{images}@other", "--trigger-size", "1M")
    assert refused.code == 2
    assert "--trigger BRANCH" in refused.stderr


def test_commits_and_sets_are_squashed_and_deleted(howdah: Howdah, images: str) -> None:
    ids = [put(howdah, images, f"/{name}") for name in "abcd"]
    assert howdah("squash", "commit", f"{images}@{ids[0]}").code == 0
    assert howdah("squash", "commit", ids[1]).code == 0
    assert howdah("squash", "commit", ids[3]).code == 5
    assert howdah("delete", "commit", ids[3]).code == 0
    left = lines(howdah("list", "commit", images, "--raw").stdout)
    assert [info["commit"]["id"] for info in left] == [ids[2]]
    assert len(howdah("list", "file", f"{images}@master", "--raw").stdout.splitlines()) == 3


def test_commits_that_changed_a_file_are_found(howdah: Howdah, images: str) -> None:
    ids = [put(howdah, images, path) for path in ("/a", "/b")]
    howdah("delete", "file", f"{images}@master:/a")
    ids.append(put(howdah, images, "/a"))
    found = howdah("find", "commit", f"{images}@master:/a").stdout.splitlines()
    assert [line.split()[1] for line in found][::2] == [ids[2], ids[0]]  # between them it was deleted
    assert lines(howdah("find", "commit", f"{images}@master:/b", "--raw").stdout)[0]["commit"]["id"] == ids[1]


def test_metadata_is_edited_and_shown(either: Howdah, images: str) -> None:
    either("create", "branch", f"{images}@master")
    kinds = ("repo", images, "set", '{"season": "dry"}'), ("branch", f"{images}@master", "edit", "camera=7=a")
    assert either("edit", "metadata", *kinds[0], *kinds[1]) == (0, b"", "")
    (raw,) = lines(either("inspect", "repo", images, "--raw").stdout)
    assert raw["metadata"] == {"season": "dry"}
    assert "Metadata: camera=7=a" in either("inspect", "branch", f"{images}@master").stdout

    again = either("edit", "metadata", "repo", images, "delete", "season", "repo", images, "add", "a=1")
    assert again.code == 0
    exists = either("edit", "metadata", "repo", images, "add", "a=2")
    assert (exists.code, exists.stderr.count("\n")) == (5, 1)
    assert 'key "a" already exists' in exists.stderr


def test_edit_of_metadata_that_says_nothing_is_refused(howdah: Howdah, images: str) -> None:
    for words in (
        ("repo", images, "add"),
        ("repo", images, "add", "key"),
        ("repo", images, "become", "a=b"),
        ("folder", images, "add", "a=b"),
        ("repo", images, "set", "[]"),
        ("repo", images, "set", "{"),
    ):
        assert howdah("edit", "metadata", *words).code == 2


def test_requests_wait_with_the_active_transaction(plain: Howdah, address: str) -> None:
    assert plain("start", "transaction", "--address", address).code == 5  # there is no context to remember it
    assert plain("config", "set", "context", "here", "--address", address).code == 0
    id = plain("start", "transaction").stdout.strip()
    assert plain("start", "transaction").code == 5
    assert plain("create", "repo", "waits").code == 0
    commit = plain("start", "commit", "waits@master").stdout.strip()
    assert commit == id
    assert "Requests: create repo, start commit" in plain("inspect", "transaction").stdout
    assert plain("inspect", "repo", "waits").code == 3

    assert plain("stop", "transaction").code == 0
    assert plain("inspect", "transaction").code == 5
    assert id in plain("list", "transaction").stdout
    assert plain("resume", "transaction", id).code == 0
    assert plain("finish", "transaction").stdout == f"{id}: 2 requests carried out\n"
    assert plain("inspect", "commit", f"waits@{id}").code == 0
    assert plain("finish", "transaction").code == 5
    assert plain("delete", "repo", "waits", "-f").code == 0


def test_transaction_is_deleted_with_its_requests(plain: Howdah, address: str) -> None:
    plain("config", "set", "context", "here", "--address", address)
    id = plain("start", "transaction").stdout.strip()
    plain("create", "repo", "never")
    assert plain("delete", "transaction").code == 0
    assert plain("inspect", "repo", "never").code == 3
    assert plain("resume", "transaction", id).code == 3
