"""What people do with python-pachyderm 7.6: `python -m tests.compat.older.use_python_pachyderm HOST PORT`."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from typing import Any

import grpc
import python_pachyderm
from google.protobuf import duration_pb2
from python_pachyderm import util
from python_pachyderm.proto.v2.pfs import pfs_pb2
from python_pachyderm.proto.v2.pps import pps_pb2
from python_pachyderm.proto.v2.transaction import transaction_pb2

from tests.compat.older import scenes

BIG = bytes(range(256)) * 90_000  # 23 MB: more than one message in both directions


def paths(infos: Any) -> list[str]:
    return [info.file.path for info in infos]


def commit_of(client: Any, repo: str, files: dict[str, bytes]) -> Any:
    with client.commit(repo, "master") as commit:
        for path, data in files.items():
            client.put_file_bytes(commit, path, data)
    return commit


def refused(code: grpc.StatusCode, text: str, call: Any, *args: Any, **kwargs: Any) -> None:
    try:
        answer = call(*args, **kwargs)
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        scenes.check_refusal(error, code, text)
        return
    raise AssertionError(f"{call.__name__} was not refused")


def repos_and_projects(client: Any, name: str) -> None:
    client.create_project(name, "one")
    client.create_project(name, "two", update=True)
    assert client.inspect_project(name).description == "two"
    assert name in [info.project.name for info in client.list_project()]
    client.create_repo("data", "first", project_name=name)
    refused(grpc.StatusCode.ALREADY_EXISTS, "already exists", client.create_repo, "data", project_name=name)
    client.create_repo("data", "second", update=True, project_name=name)
    assert client.inspect_repo("data", project_name=name).description == "second"
    listed = client.list_repo(projects_filter=[pfs_pb2.Project(name=name)])
    assert [info.repo.name for info in listed] == ["data"]
    with client.commit("data", "master", project_name=name) as commit:
        client.put_file_bytes(commit, "/x", b"1")
    assert client.get_file(commit, "/x").read() == b"1"
    refused(grpc.StatusCode.FAILED_PRECONDITION, "still exists", client.delete_project, name)
    client.delete_repo("data", project_name=name)
    client.delete_project(name)
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_project, name)


def writing(client: Any, name: str) -> None:
    client.create_repo(name)
    with client.commit(name, "master", description="first") as commit:
        client.put_file_bytes(commit, "/a", b"one")
        client.put_file_bytes(commit, "/a", b"two")
        client.put_file_bytes(commit, "/a", b"+", append=True)
        client.put_file_bytes(commit, "/from/object", io.BytesIO(b"object"))
        client.put_file_bytes(commit, "/big", BIG)
        client.put_file_bytes(commit, "/gone", b"")
        client.delete_file(commit, "/gone")
        client.copy_file(commit, "/a", commit, "/copied/a")
        with scenes.web_page(b"<p>hello</p>") as url:
            client.put_file_url(commit, "/page.html", url)
    assert client.get_file((name, "master"), "/a").read() == b"two+"
    assert client.get_file(commit, "/from/object").read() == b"object"
    assert client.get_file(commit, "/page.html").read() == b"<p>hello</p>"
    assert client.get_file(commit, "/copied/a").read() == b"two+"
    with client.get_file(commit, "/big") as big:
        assert big.read(10) == BIG[:10]
        assert big.read() == BIG[10:]
    assert not client.path_exists(commit, "/gone")
    [info] = client.inspect_commit((name, "master"))
    assert (info.description, info.commit.id) == ("first", commit.id)
    client.put_file_bytes((name, "master"), "/alone", b"without a commit of its own")
    assert client.get_file((name, "master"), "/alone").read() == b"without a commit of its own"


def a_stream_of_changes(client: Any, name: str) -> None:
    client.create_repo(name)
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "deep"))
        for path in ("one.txt", "deep/two.txt"):
            with open(os.path.join(folder, path), "wb") as file:
                file.write(path.encode())
        with client.commit(name, "master") as commit, client.modify_file_client(commit) as stream:
            stream.put_file_from_bytes("/bytes", b"bytes")
            stream.put_file_from_fileobj("/object", io.BytesIO(b"object"))
            stream.put_file_from_filepath("/path", os.path.join(folder, "one.txt"))
            stream.put_file_from_bytes("/bytes", b"!", append=True)
            stream.delete_file("/object")
            stream.put_file_from_bytes("/tagged", b"a", datum="one")
        util.put_files(client, folder, (name, "master"), "/tree/")
    found = paths(client.walk_file((name, "master"), "/"))
    assert found == ["/", "/bytes", "/path", "/tagged", "/tree/", "/tree/deep/", "/tree/deep/two.txt", "/tree/one.txt"]
    assert client.get_file((name, "master"), "/bytes").read() == b"bytes!"
    assert client.get_file((name, "master"), "/tagged", datum="one").read() == b"a"
    assert not client.path_exists((name, "master"), "/object")


def reading(client: Any, name: str) -> None:
    client.create_repo(name)
    files = {"/a.txt": b"a", "/d/b.txt": b"bb", "/d/e/c.txt": b"ccc"}
    commit = commit_of(client, name, files)
    at = (name, commit.id)
    assert paths(client.list_file(at, "/")) == ["/a.txt", "/d/"]
    assert paths(client.list_file(at, "/", number=1)) == ["/a.txt"]
    assert paths(client.list_file(at, "/nope")) == []
    marker = pfs_pb2.File(commit=commit, path="/a.txt")
    assert paths(client.list_file(at, "/", pagination_marker=marker)) == ["/d/"]
    assert paths(client.glob_file(at, "/**.txt")) == ["/a.txt", "/d/b.txt", "/d/e/c.txt"]
    assert client.inspect_file(at, "/d").size_bytes == 5
    assert client.get_file(at, "/d/e/c.txt", offset=1).read() == b"cc"
    with client.get_file_tar(at, "/d") as tar:
        content = {m.name.strip("/"): tar.extractfile(m).read() for m in tar if m.isfile()}
    assert content == {"d/b.txt": b"bb", "d/e/c.txt": b"ccc"}
    try:
        client.get_file(at, "/nope")
    except ConnectionError:
        pass
    else:
        raise AssertionError("a missing file was opened")
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_file, at, "/nope")
    later = commit_of(client, name, {"/a.txt": b"A", "/new": b"n"})
    changed = [(d.new_file.file.path, d.old_file.file.path) for d in client.diff_file(later, "/")]
    assert changed == [("/", "/"), ("/a.txt", "/a.txt"), ("/new", "")], changed


def pages_of_a_walk(client: Any, name: str) -> None:
    client.create_repo(name)
    commit = commit_of(client, name, {"/a": b"", "/d/b": b"", "/d/c": b"", "/e": b""})
    found, marker = [], None
    while page := paths(client.walk_file(commit, "/", pagination_marker=marker, number=2)):
        found += page
        marker = pfs_pb2.File(commit=commit, path=page[-1])
    assert found == ["/", "/a", "/d/", "/d/b", "/d/c", "/e"], found
    assert paths(client.walk_file(commit, "/", number=2, reverse=True)) == ["/e", "/d/c"]


def commits_and_branches(client: Any, name: str) -> None:
    client.create_repo(name)
    first = commit_of(client, name, {"/1": b"1"})
    second = commit_of(client, name, {"/2": b"2"})
    assert [info.commit.id for info in client.list_commit(name)] == [second.id, first.id]
    assert [info.commit.id for info in client.list_commit(name, (name, "master"), number=1)] == [second.id]
    between = client.list_commit(name, to_commit=(name, second.id), from_commit=(name, first.id))
    assert [info.commit.id for info in between] == [second.id]
    client.create_branch(name, "old", (name, first.id))
    assert client.inspect_branch(name, "old").head.id == first.id
    assert [info.branch.name for info in client.list_branch(name)] == ["old", "master"]
    client.create_branch(name, "old", (name, "master"))
    assert client.inspect_branch(name, "old").head.id == second.id
    client.delete_branch(name, "old")
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_branch, name, "old")
    [waited] = client.wait_commit((name, "master"))
    assert waited.commit.id == second.id
    assert [info.commit.id for info in client.wait_commit(second.id)] == [second.id]
    assert [each.commits[0].commit.id for each in client.list_commit() if each.commit_set.id == first.id] == [first.id]
    refused(grpc.StatusCode.UNKNOWN, "already finished", client.finish_commit, second)
    open_commit = client.start_commit(name, "master")
    refused(grpc.StatusCode.UNKNOWN, "has not been finished", client.start_commit, name, "master")
    client.finish_commit(open_commit, error="it was no good")
    [failed] = client.inspect_commit(open_commit)
    assert failed.error == "it was no good"


def following(client: Any, name: str) -> None:
    client.create_repo(name)
    client.create_branch(name, "master")
    stream = client.subscribe_commit(name, "master", state=pfs_pb2.CommitState.FINISHED, all=True)
    empty = next(stream)
    assert empty.origin.kind == pfs_pb2.OriginKind.AUTO
    first = commit_of(client, name, {"/1": b"1"})
    assert next(stream).commit.id == first.id
    second = commit_of(client, name, {"/2": b"2"})
    info = next(stream)
    assert (info.commit.id, info.parent_commit.id) == (second.id, first.id)
    stream.cancel()


def squash_and_drop(client: Any, name: str) -> None:
    client.create_repo(name)
    first = commit_of(client, name, {"/1": b"1"})
    second = commit_of(client, name, {"/2": b"2"})
    third = commit_of(client, name, {"/3": b"3"})
    refused(grpc.StatusCode.UNKNOWN, "has no children", client.squash_commit, third.id)
    client.squash_commit(second.id)
    assert paths(client.list_file((name, "master"), "/")) == ["/1", "/2", "/3"]
    refused(grpc.StatusCode.UNKNOWN, "has children", client.drop_commit, first.id)
    client.drop_commit(third.id)
    assert [info.commit.id for info in client.list_commit(name)] == [first.id]


def provenance(client: Any, name: str) -> None:
    made = f"{name}-made"
    client.create_repo(name)
    client.create_repo(made)
    source = pfs_pb2.Branch(repo=pfs_pb2.Repo(name=name, type="user"), name="master")
    client.create_branch(made, "master", provenance=[source])
    commit = commit_of(client, name, {"/1": b"1"})
    assert client.inspect_branch(made, "master").head.id == commit.id
    refused(grpc.StatusCode.UNKNOWN, "output branch", client.start_commit, made, "master")
    refused(grpc.StatusCode.UNKNOWN, "", client.delete_branch, name, "master")


def transactions(client: Any, name: str) -> None:
    with client.transaction() as transaction:
        client.create_repo(name)
        client.create_branch(name, "master")
        refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_repo, name)
        assert len(client.inspect_transaction(transaction).requests) == 2
    assert client.inspect_branch(name, "master").branch.name == "master"
    kept = client.start_transaction()
    assert kept.id in [info.transaction.id for info in client.list_transaction()]
    client.delete_transaction(kept)
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_transaction, kept)
    repo = pfs_pb2.Repo(name=f"{name}-batch", type="user")
    start = pfs_pb2.StartCommitRequest(branch=pfs_pb2.Branch(repo=repo, name="master"))
    info = client.batch_transaction(
        [
            transaction_pb2.TransactionRequest(create_repo=pfs_pb2.CreateRepoRequest(repo=repo)),
            transaction_pb2.TransactionRequest(start_commit=start),
        ]
    )
    assert info.responses[1].commit.id == info.transaction.id
    client.finish_commit(info.responses[1].commit)


def pipelines(client: Any, name: str) -> None:
    client.create_repo(name)
    commit_of(client, name, {"/1": b"1"})
    code = f"{name}-code"
    transform = pps_pb2.Transform(cmd=["sh"], image="alpine", stdin=[f"cp /pfs/{name}/* /pfs/out/"])
    source = pps_pb2.Input(pfs=pps_pb2.PFSInput(glob="/*", repo=name, branch="master"))
    client.create_pipeline(code, transform=transform, input=source)
    refused(grpc.StatusCode.ALREADY_EXISTS, "already exists", client.create_pipeline, code, transform, input=source)
    client.create_pipeline(code, transform=transform, input=source, update=True, reprocess=True)
    assert [info.version for info in client.list_pipeline(history=-1) if info.pipeline.name == code] == [2, 1]
    assert next(client.inspect_pipeline(code, details=True)).details.transform.image == "alpine"
    commit_of(client, name, {"/2": b"2"})
    jobs = list(client.list_job(code, history=-1))
    assert len(jobs) == 3
    assert jobs[0].state == pps_pb2.JOB_CREATED
    client.stop_job(jobs[0].job.id, code)
    assert next(client.inspect_job(jobs[0].job.id, code)).state == pps_pb2.JOB_KILLED
    client.stop_pipeline(code)
    client.start_pipeline(code)
    assert len([*client.list_datum(input=source)]) == 2
    refused(grpc.StatusCode.UNKNOWN, "associated with a pipeline", client.delete_repo, code, force=True)
    client.delete_pipeline(code)
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_pipeline, code)
    client.create_secret(name, {"word": "howdy"})
    assert name in [info.secret.name for info in client.list_secret()]
    client.delete_secret(name)


def the_cluster(client: Any, name: str) -> None:
    assert client.inspect_cluster().id
    assert client.get_remote_version().major == 2
    assert client.health_check().status == 1
    assert [response.error for response in client.fsck()] == []
    assert client.get_enterprise_state().state == 1
    assert len(list(client.dump())) > 0
    assert b"".join(client.profile_cpu(duration_pb2.Duration(nanos=1)))
    refused(grpc.StatusCode.UNIMPLEMENTED, "the auth service is not activated", client.who_am_i)


def deleting(client: Any, name: str) -> None:
    client.create_repo(name)
    commit_of(client, name, {"/1": b"1"})
    client.delete_repo(name)
    client.delete_repo(name, force=True)
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.inspect_repo, name)


SCENES: list[scenes.Scene] = [
    repos_and_projects,
    writing,
    a_stream_of_changes,
    reading,
    pages_of_a_walk,
    commits_and_branches,
    following,
    squash_and_drop,
    provenance,
    transactions,
    pipelines,
    the_cluster,
    deleting,
]

if __name__ == "__main__":
    host, port = scenes.address()
    sys.exit(scenes.run(python_pachyderm.Client(host=host, port=port), SCENES))
