"""What people do with pachyderm-sdk 2.10: `python -m tests.compat.older.use_pachyderm_sdk HOST PORT`."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from typing import Any

import grpc
from betterproto.lib.google.protobuf import Empty
from pachyderm_sdk import Client
from pachyderm_sdk.api import metadata, pfs, pps, transaction
from pachyderm_sdk.errors import AuthServiceNotActivated

from tests.compat.older import scenes

BIG = bytes(range(256)) * 90_000  # 23 MB: more than one message in both directions


def paths(infos: Any) -> list[str]:
    return [info.file.path for info in infos]


def master(name: str) -> Any:
    return pfs.Branch.from_uri(f"{name}@master")


def made(client: Any, name: str) -> Any:
    """Branch master of a new repo of this name."""
    client.pfs.create_repo(repo=pfs.Repo(name=name), description="of a test")
    return master(name)


def commit_of(client: Any, branch: Any, files: dict[str, bytes]) -> Any:
    with client.pfs.commit(branch=branch) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path, data)
    return commit


def read(client: Any, commit: Any, path: str) -> bytes:
    with client.pfs.pfs_file(pfs.File(commit=commit, path=path)) as file:
        content: bytes = file.read()
    return content


def refused(code: grpc.StatusCode, text: str, call: Any, **kwargs: Any) -> None:
    try:
        answer = call(**kwargs)
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        scenes.check_refusal(error, code, text)
        return
    raise AssertionError("a call was not refused")


def repos_and_projects(client: Any, name: str) -> None:
    project = pfs.Project(name=name)
    client.pfs.create_project(project=project, description="one")
    client.pfs.create_project(project=project, description="two", update=True)
    assert client.pfs.inspect_project(project=project).description == "two"
    assert client.pfs.project_exists(project)
    assert name in [info.project.name for info in client.pfs.list_project()]
    repo = pfs.Repo(name="data", project=project)
    client.pfs.create_repo(repo=repo)
    refused(grpc.StatusCode.ALREADY_EXISTS, "already exists", client.pfs.create_repo, repo=repo)
    assert [info.repo.name for info in client.pfs.list_repo(projects=[project])] == ["data"]
    branch = pfs.Branch(repo=repo, name="master")
    commit = commit_of(client, branch, {"/x": b"1"})
    assert client.pfs.inspect_branch(branch=branch).head.id == commit.id
    assert client.pfs.inspect_repo(repo=repo).details.size_bytes == 1
    refused(grpc.StatusCode.FAILED_PRECONDITION, "still exists", client.pfs.delete_project, project=project)
    client.pfs.delete_repo(repo=repo)
    client.pfs.delete_project(project=project)
    assert not client.pfs.project_exists(project)


def writing(client: Any, name: str) -> None:
    branch = made(client, name)
    with client.pfs.commit(branch=branch, description="first") as commit:
        commit.put_file_from_bytes("/a", b"one")
        file = commit.put_file_from_bytes("/a", b"two")
        commit.put_file_from_bytes("/a", b"+", append=True)
        commit.put_file_from_file(path="/object", file=io.BytesIO(b"object"))
        commit.put_file_from_bytes("/big", BIG)
        commit.put_file_from_bytes("/gone", b"")
        commit.delete_file(path="/gone")
        commit.copy_file(src=file, dst="/copied/a")
        with scenes.web_page(b"<p>hello</p>") as url:
            commit.put_file_from_url(path="/page.html", url=url)
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "deep"))
            with open(os.path.join(folder, "deep", "two.txt"), "wb") as local:
                local.write(b"two")
            commit.put_files(source=folder, path="/tree")
    assert commit.wait().description == "first"
    content = {path: read(client, commit, path) for path in ("/a", "/object", "/copied/a", "/page.html")}
    assert content == {"/a": b"two+", "/object": b"object", "/copied/a": b"two+", "/page.html": b"<p>hello</p>"}
    assert read(client, commit, "/tree/deep/two.txt") == b"two"
    assert read(client, commit, "/big") == BIG
    assert not client.pfs.path_exists(pfs.File(commit=commit, path="/gone"))
    alone = pfs.Commit(repo=branch.repo, branch=branch)
    client.pfs.put_file_from_bytes(commit=alone, path="/alone", data=b"without a commit of its own")
    assert read(client, alone, "/alone") == b"without a commit of its own"


def reading(client: Any, name: str) -> None:
    commit = commit_of(client, made(client, name), {"/a.txt": b"a", "/d/b.txt": b"bb", "/d/e/c.txt": b"ccc"})
    root, deep = pfs.File(commit=commit, path="/"), pfs.File(commit=commit, path="/d/e/c.txt")
    assert paths(client.pfs.list_file(file=root)) == ["/a.txt", "/d/"]
    marker = pfs.File(commit=commit, path="/a.txt")
    assert paths(client.pfs.list_file(file=root, pagination_marker=marker, number=100)) == ["/d/"]
    assert paths(client.pfs.walk_file(file=root)) == ["/", "/a.txt", "/d/", "/d/b.txt", "/d/e/", "/d/e/c.txt"]
    assert paths(client.pfs.walk_file(file=root, pagination_marker=marker, number=2)) == ["/d/", "/d/b.txt"]
    assert paths(client.pfs.glob_file(commit=commit, pattern="/**.txt")) == ["/a.txt", "/d/b.txt", "/d/e/c.txt"]
    within = pfs.PathRange(lower="/b", upper="/d/e")
    assert paths(client.pfs.glob_file(commit=commit, pattern="/**.txt", path_range=within)) == ["/d/b.txt"]
    assert client.pfs.inspect_file(file=pfs.File(commit=commit, path="/d")).size_bytes == 5
    assert b"".join(each.value for each in client.pfs.get_file(file=deep, offset=1)) == b"cc"
    with client.pfs.pfs_tar_file(pfs.File(commit=commit, path="/d")) as tar:
        content = {m.name.strip("/"): tar.extractfile(m).read() for m in tar if m.isfile()}
    assert content == {"d/b.txt": b"bb", "d/e/c.txt": b"ccc"}
    refused(grpc.StatusCode.NOT_FOUND, "not found", client.pfs.inspect_file, file=pfs.File(commit=commit, path="/no"))
    later = commit_of(client, master(name), {"/a.txt": b"A", "/new": b"n"})
    changes = client.pfs.diff_file(new_file=pfs.File(commit=later, path="/"))
    told = [(c.new_file.file.path, c.old_file.file.path if c.old_file.file else "") for c in changes]
    assert told == [("/", "/"), ("/a.txt", "/a.txt"), ("/new", "")], told


def commits_and_branches(client: Any, name: str) -> None:
    branch = made(client, name)
    repo = branch.repo
    first, second = commit_of(client, branch, {"/1": b"1"}), commit_of(client, branch, {"/2": b"2"})
    assert [info.commit.id for info in client.pfs.list_commit(repo=repo)] == [second.id, first.id]
    head = pfs.Commit(repo=repo, branch=branch)
    assert [info.commit.id for info in client.pfs.list_commit(repo=repo, to=head, number=1)] == [second.id]
    older = pfs.Branch(repo=repo, name="older")
    client.pfs.create_branch(branch=older, head=pfs.Commit(repo=repo, id=first.id))
    assert client.pfs.inspect_branch(branch=older).head.id == first.id
    assert [info.branch.name for info in client.pfs.list_branch(repo=repo)] == ["older", "master"]
    client.pfs.create_branch(branch=older, head=head)
    assert client.pfs.inspect_branch(branch=older).head.id == second.id
    client.pfs.delete_branch(branch=older)
    assert not client.pfs.branch_exists(older)
    assert client.pfs.wait_commit(head).commit.id == second.id
    assert [info.commit.id for info in second.wait_all()] == [second.id]
    assert client.pfs.inspect_commit(commit=pfs.Commit.from_uri(f"{name}@master^")).commit.id == first.id
    assert any(each.commit_set.id == first.id for each in client.pfs.list_commit_set())
    found = [each.found_commit.id for each in client.pfs.find_commits(start=head, file_path="/1") if each.found_commit]
    assert found[:1] == [first.id], found
    refused(grpc.StatusCode.UNKNOWN, "already finished", client.pfs.finish_commit, commit=first)
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/3", b"3")
        client.pfs.clear_commit(commit=commit)
        refused(grpc.StatusCode.UNKNOWN, "has not been finished", client.pfs.start_commit, branch=branch)
    assert paths(client.pfs.list_file(file=pfs.File(commit=commit, path="/"))) == ["/1", "/2"]


def following(client: Any, name: str) -> None:
    branch = made(client, name)
    client.pfs.create_branch(branch=branch)
    finished = pfs.CommitState.FINISHED
    stream = client.pfs.subscribe_commit(repo=branch.repo, branch=branch.name, state=finished)
    assert next(stream).origin.kind == pfs.OriginKind.AUTO
    first = commit_of(client, branch, {"/1": b"1"})
    assert next(stream).commit.id == first.id
    second = commit_of(client, branch, {"/2": b"2"})
    assert next(stream).commit.id == second.id
    stream.close()


def squash_and_drop(client: Any, name: str) -> None:
    branch = made(client, name)
    first, second, third = (commit_of(client, branch, {f"/{n}": b""}) for n in range(3))
    squash, drop = client.pfs.squash_commit_set, client.pfs.drop_commit_set
    refused(grpc.StatusCode.UNKNOWN, "has no children", squash, commit_set=pfs.CommitSet(id=third.id))
    squash(commit_set=pfs.CommitSet(id=second.id))
    refused(grpc.StatusCode.UNKNOWN, "has children", drop, commit_set=pfs.CommitSet(id=first.id))
    drop(commit_set=pfs.CommitSet(id=third.id))
    assert [info.commit.id for info in client.pfs.list_commit(repo=branch.repo)] == [first.id]


def provenance(client: Any, name: str) -> None:
    source, output = made(client, name), made(client, f"{name}-made")
    client.pfs.create_branch(branch=output, provenance=[source])
    commit = commit_of(client, source, {"/1": b"1"})
    told = {info.commit.repo.name for info in client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=commit.id))}
    assert told == {name, f"{name}-made"}
    refused(grpc.StatusCode.UNKNOWN, "output branch", client.pfs.start_commit, branch=output)


def filesets(client: Any, name: str) -> None:
    branch = made(client, name)

    def put(path: str, data: bytes) -> Any:
        return pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=data))

    one, two = (client.pfs.create_file_set(iter([put(f"/{n}", n.encode())])).file_set_id for n in ("one", "two"))
    client.pfs.renew_file_set(file_set_id=one, ttl_seconds=60)
    both = client.pfs.compose_file_set(file_set_ids=[one, two], ttl_seconds=60).file_set_id
    with client.pfs.commit(branch=branch) as commit:
        client.pfs.add_file_set(commit=commit, file_set_id=both)
    assert paths(client.pfs.list_file(file=pfs.File(commit=commit, path="/"))) == ["/one", "/two"]
    assert client.pfs.get_file_set(commit=commit).file_set_id


def transactions(client: Any, name: str) -> None:
    branch = master(name)
    with client.transaction.transaction() as kept:
        client.pfs.create_repo(repo=branch.repo)
        client.pfs.create_branch(branch=branch)
        assert not client.pfs.repo_exists(branch.repo)
        assert len(client.transaction.inspect_transaction(transaction=kept).requests) == 2
    assert client.pfs.branch_exists(branch)
    batch = pfs.Repo(name=f"{name}-batch")
    start = pfs.StartCommitRequest(branch=pfs.Branch(repo=batch, name="master"))
    info = client.transaction.batch_transaction(
        requests=[
            transaction.TransactionRequest(create_repo=pfs.CreateRepoRequest(repo=batch)),
            transaction.TransactionRequest(start_commit=start),
        ]
    )
    assert info.responses[1].commit.id == info.transaction.id
    client.pfs.finish_commit(commit=info.responses[1].commit)


def pipelines(client: Any, name: str) -> None:
    """As a notebook publishes one: made again and again, by JSON, on what its user put there."""
    branch = made(client, name)
    commit_of(client, branch, {"/1": b"1", "/2": b"2"})
    context = made(client, f"{name}-code__context")
    commit_of(client, context, {"/entrypoint.py": b"print()"})
    spec = {
        "pipeline": {"name": f"{name}-code", "project": {"name": "default"}},
        "transform": {"cmd": ["python3", "-u", f"/pfs/{name}-code__context/entrypoint.py"], "image": "python"},
        "input": {
            "cross": [
                {"pfs": {"repo": name, "glob": "/*", "branch": "master"}},
                {"pfs": {"repo": f"{name}-code__context", "glob": "/", "branch": "master"}},
            ]
        },
    }
    for _ in range(2):
        client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec), update=True, reprocess=True)
    named = pps.Pipeline(name=f"{name}-code", project=pfs.Project(name="default"))
    info = client.pps.inspect_pipeline(pipeline=named, details=True)
    assert (info.version, len(info.details.input.cross)) == (2, 2)
    commit_of(client, branch, {"/3": b"3"})
    jobs = list(client.pps.list_job(pipeline=named, history=-1))
    assert [job.pipeline_version for job in jobs] == [2, 2, 1]
    assert not jobs[0].details
    client.pps.stop_job(job=jobs[0].job)
    assert client.pps.inspect_job(job=jobs[0].job, wait=True).state == pps.JobState.JOB_KILLED
    batches = client.pps.generate_datums(pps.Input(pfs=pps.PfsInput(repo=name, glob="/*")), 100)
    assert [len(info.data) for info in next(batches)] == [1, 1, 1]
    client.pps.stop_pipeline(pipeline=named)
    client.pps.start_pipeline(pipeline=named)
    client.pps.delete_pipeline(pipeline=named)
    assert not client.pps.pipeline_exists(named)
    client.pps.create_secret(name=name, data={"word": "howdy"})
    assert name in [info.secret.name for info in client.pps.list_secret().secret_info]
    client.pps.delete_secret(secret=pps.Secret(name=name))


def what_is_told_of_things(client: Any, name: str) -> None:
    branch = made(client, name)
    edit = metadata.Edit(
        repo=pfs.RepoPicker(name=pfs.RepoPickerRepoName(project=pfs.ProjectPicker(name="default"), name=name)),
        add_key=metadata.EditAddKey(key="who", value="us"),
    )
    client.metadata.edit_metadata(edits=[edit])
    assert client.pfs.inspect_repo(repo=branch.repo).metadata == {"who": "us"}


def the_cluster(client: Any, name: str) -> None:
    assert client.admin.inspect_cluster().id
    assert client.get_version().major == 2
    assert list(client.pfs.fsck()) == []
    assert client.enterprise.get_state().state == 1
    template = client.debug.get_dump_v2_template().request
    assert next(iter(client.debug.dump_v2(system=template.system))).progress
    try:
        client.auth.who_am_i()
    except AuthServiceNotActivated:
        pass
    else:
        raise AssertionError("auth was answered")
    assert isinstance(client.pfs.activate_auth(), pfs.ActivateAuthResponse)


def deleting(client: Any, name: str) -> None:
    branch = made(client, name)
    commit_of(client, branch, {"/1": b"1"})
    client.pfs.delete_repo(repo=branch.repo)
    client.pfs.delete_repo(repo=branch.repo, force=True)
    assert not client.pfs.repo_exists(branch.repo)
    assert isinstance(client.pfs.delete_all(), Empty)
    assert list(client.pfs.list_repo()) == []


SCENES: list[scenes.Scene] = [
    repos_and_projects,
    writing,
    reading,
    commits_and_branches,
    following,
    squash_and_drop,
    provenance,
    filesets,
    transactions,
    pipelines,
    what_is_told_of_things,
    the_cluster,
    deleting,
]

if __name__ == "__main__":
    host, port = scenes.address()
    sys.exit(scenes.run(Client(host=host, port=port), SCENES))
