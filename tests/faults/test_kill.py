"""A server killed at random moments, under a client that writes: what was acknowledged is there, byte for byte."""

import random
import threading
from pathlib import Path

import grpc
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.client import channel, upkeep
from howdah.errors import HowdahError
from howdah.testing.servers import StoreServer

MOMENTS = 20
GC_MOMENTS = 6
REPO = pfs.Repo.from_uri("images")
MASTER = pfs.Branch.from_uri("images@master")


class Writer(threading.Thread):
    """Commits one version after the other until the server is gone; remembers what was acknowledged."""

    def __init__(self, port: int, round_: int) -> None:
        super().__init__()
        self.client = Client(host="127.0.0.1", port=port)
        self.round = round_
        self.acknowledged: dict[str, dict[str, bytes]] = {}
        self.first = threading.Event()

    def run(self) -> None:
        chance = random.Random(self.round)
        try:
            for at in range(10_000):
                contents = {f"/{self.round}/{at}-{n}": chance.randbytes(chance.choice([10, 5000])) for n in range(3)}
                with self.client.pfs.commit(branch=MASTER) as commit:
                    for path, data in contents.items():
                        commit.put_file_from_bytes(path, data)
                self.acknowledged[commit.id] = contents
                self.first.set()
        except (grpc.RpcError, ConnectionError):
            self.first.set()


def check(client: Client, acknowledged: dict[str, dict[str, bytes]]) -> None:
    """Every acknowledged commit is finished and holds its files; the branch takes new commits."""
    for id, contents in acknowledged.items():
        commit = pfs.Commit(repo=REPO, id=id)
        info = client.pfs.inspect_commit(commit=commit)
        assert "finished" in info.to_dict()  # an unset time reads as 1970
        assert not info.error
        for path, data in contents.items():
            with client.pfs.pfs_file(pfs.File(commit=commit, path=path)) as file:
                assert file.read() == data


def close_open_head(client: Client) -> None:
    head = client.pfs.inspect_commit(commit=pfs.Commit(branch=MASTER))
    if "finished" not in head.to_dict():
        client.pfs.finish_commit(commit=head.commit)


def test_acknowledged_commits_survive_sigkill_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(20)
    acknowledged: dict[str, dict[str, bytes]] = {}
    with StoreServer(tmp_path / "data") as server:
        client = Client(host="127.0.0.1", port=server.port)
        client.pfs.create_repo(repo=REPO)
        client.pfs.create_branch(branch=MASTER)
        server.kill()
    for round_ in range(MOMENTS):
        server = StoreServer(tmp_path / "data")
        client = Client(host="127.0.0.1", port=server.port)
        close_open_head(client)
        writer = Writer(server.port, round_)
        writer.start()
        assert writer.first.wait(30)
        # Not a wait for anything: the moment at which the process dies is what varies.
        threading.Event().wait(chance.uniform(0, 0.15))
        server.kill()
        writer.join(30)
        assert not writer.is_alive()
        with StoreServer(tmp_path / "data") as again:
            check(Client(host="127.0.0.1", port=again.port), writer.acknowledged)
        acknowledged.update(writer.acknowledged)
    with StoreServer(tmp_path / "data") as server:
        check(Client(host="127.0.0.1", port=server.port), acknowledged)
    assert len(acknowledged) >= MOMENTS


class Cleaner(threading.Thread):
    """Makes garbage and has it collected until the server is gone."""

    def __init__(self, server: StoreServer) -> None:
        super().__init__()
        self.client = Client(host="127.0.0.1", port=server.port)
        self.address = server.address
        self.first = threading.Event()

    def run(self) -> None:
        chance = random.Random(self.address)
        try:
            with channel.connect(self.address) as connection:
                for at in range(10_000):
                    repo = pfs.Repo.from_uri(f"scratch{at}")
                    self.client.pfs.delete_repo(repo=repo, force=True)
                    self.client.pfs.create_repo(repo=repo)
                    with self.client.pfs.commit(branch=pfs.Branch(repo=repo, name="master")) as commit:
                        commit.put_file_from_bytes("/gone", chance.randbytes(5000))
                    self.client.pfs.delete_repo(repo=repo, force=True)
                    upkeep.collect_garbage(connection)
                    self.first.set()
        except (grpc.RpcError, ConnectionError, HowdahError):
            return


def test_a_server_killed_in_the_midst_of_gc_has_every_acknowledged_commit_and_no_fault(tmp_path: Path) -> None:
    chance = random.Random(21)
    with StoreServer(tmp_path / "data") as server:
        client = Client(host="127.0.0.1", port=server.port)
        client.pfs.create_repo(repo=REPO)
        client.pfs.create_branch(branch=MASTER)
    for round_ in range(GC_MOMENTS):
        server = StoreServer(tmp_path / "data")
        close_open_head(Client(host="127.0.0.1", port=server.port))
        writer, cleaner = Writer(server.port, 1000 + round_), Cleaner(server)
        writer.start()
        cleaner.start()
        assert writer.first.wait(60)
        assert cleaner.first.wait(60)
        threading.Event().wait(chance.uniform(0, 0.15))  # as above
        server.kill()
        for thread in (writer, cleaner):
            thread.join(60)
            assert not thread.is_alive()
        with StoreServer(tmp_path / "data") as again:
            client = Client(host="127.0.0.1", port=again.port)
            assert list(client.pfs.fsck()) == []
            check(client, writer.acknowledged)
