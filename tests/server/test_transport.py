"""The wire as Pachyderm's clients use it: pings without calls, messages of 19 MiB."""

import threading

import grpc

from howdah.client import files
from howdah.client.channel import Connection
from howdah.names import Commit, File
from howdah.testing.servers import StoreServer
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2, pfs_pb2_grpc
from tests.server.conftest import REPO

HEAD = Commit(REPO, "master")
EAGER = (
    ("grpc.keepalive_time_ms", 200),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)


def test_pings_on_an_idle_connection_are_no_offence(server: StoreServer) -> None:
    turned_away = threading.Event()
    ready = threading.Event()

    def look(state: grpc.ChannelConnectivity) -> None:
        if state is grpc.ChannelConnectivity.READY:
            ready.set()
        elif ready.is_set():
            turned_away.set()

    with grpc.insecure_channel(server.address.removeprefix("grpc://"), options=EAGER) as channel:
        channel.subscribe(look, try_to_connect=True)
        assert ready.wait(10)
        # A server of default settings says goodbye at the third ping, within a second.
        assert not turned_away.wait(3)
        channel.unsubscribe(look)


def test_a_file_may_come_in_messages_of_19_mib(server: StoreServer, connection: Connection) -> None:
    data = bytes(range(256)) * (19 << 12)
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.address.removeprefix("grpc://"), options=options) as channel:
        add = pfs_pb2.AddFile(path="/big")
        add.raw.value = data
        messages = [
            pfs_pb2.ModifyFileRequest(set_commit=wire.commit_to_wire(HEAD)),
            pfs_pb2.ModifyFileRequest(add_file=add),
        ]
        pfs_pb2_grpc.APIStub(channel).ModifyFile(iter(messages), timeout=60)
    assert b"".join(files.get(connection, File(HEAD, "/big"))) == data
