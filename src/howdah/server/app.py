"""The composition root: opens a data folder, puts the services on one port, runs until told to stop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1.health_pb2 import DESCRIPTOR as HEALTH
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import DESCRIPTOR as REFLECTION

from howdah import memory
from howdah.errors import Unavailable
from howdah.pps.logs import Logs
from howdah.server import folder, turns
from howdah.server.bridge import Bridge, Changes
from howdah.server.chunks import ChunkServer
from howdah.server.driver import Driver
from howdah.server.grpc_bulk import BulkCalls
from howdah.server.grpc_cache import CacheCalls
from howdah.server.grpc_cluster import AdminCalls, EnterpriseCalls, VersionCalls
from howdah.server.grpc_commitsets import CommitSetCalls
from howdah.server.grpc_debug import DebugCalls
from howdah.server.grpc_filesets import FilesetCalls
from howdah.server.grpc_metadata import MetadataCalls
from howdah.server.grpc_pps import PpsCalls
from howdah.server.grpc_pps_logs import Sources
from howdah.server.grpc_repos import RepoCalls
from howdah.server.grpc_storage import StorageCalls
from howdah.server.grpc_transactions import TransactionCalls
from howdah.server.grpc_upkeep import CheckCalls, UpkeepCalls
from howdah.server.grpc_work import WorkCalls
from howdah.server.health import Health
from howdah.server.joblogs import JobLogs
from howdah.server.memory import give_back
from howdah.server.methods import Unanswered, handlers
from howdah.server.recent import LOG_FORMAT, GoneClients, RecentLines
from howdah.server.rules import Rules
from howdah.server.schedules import keep_schedules
from howdah.server.standing import keep_standing
from howdah.server.urls import Urls
from howdah.server.workers import Workforce, keep_worker, tidy
from howdah.store.store import Store
from howdah.wire.gen import (
    admin_pb2,
    bulk_pb2,
    debug_pb2,
    enterprise_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    storage_pb2,
    transaction_pb2,
    upkeep_pb2,
    version_pb2,
    work_pb2,
)

_MESSAGE_LIMIT = 21 << 20  # clients send 19 MiB of a file in one message, and refuse more than 20 MiB
_CALLS = 100_000  # that may wait until they are begun
_GRACE = 5.0  # seconds for running calls when the server stops

_OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    # Pachyderm's clients ping every 20 seconds, calls open or not; without these they are told to go away.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
    ("grpc.http2.max_ping_strikes", 0),
    # A client whose machine is gone says so to nobody: it is asked every so often, and let go when it does not answer.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Beyond a thousand calls that come at once, gRPC throws some away, and their clients learn that they are cancelled.
    ("grpc.server.max_pending_requests", _CALLS),
    ("grpc.server.max_pending_requests_hard_limit", _CALLS),
    # Two servers on one port would each get half of the calls.
    ("grpc.so_reuseport", 0),
)


class PfsCalls(RepoCalls, CommitSetCalls, FilesetCalls, CacheCalls, CheckCalls):
    """pfs_v2.API, as far as it is answered."""


def serve(  # noqa: PLR0913 -- one keyword for each option of the command
    data: Path,
    *,
    host: str,
    port: int,
    announce: Callable[[str], None],
    chunks_port: int | None = None,
    rules: Rules = Rules(),  # noqa: B008 -- never changed
    workforce: Workforce = Workforce(),  # noqa: B008 -- never changed
) -> None:
    """Serve the data folder until SIGINT or SIGTERM; `announce` gets a line as soon as calls are answered.

    With a `chunks_port`, clients can ask for references to stored bytes, and fetch these there over HTTP. `rules` say
    what files may be put and got by URL, the `workforce` what runs the jobs of pipelines.
    """
    memory.keep()
    turns.share()
    with folder.open_store(data) as store:
        chunks = None if chunks_port is None else ChunkServer(store, host, chunks_port)
        try:
            asyncio.run(_serve(data, store, (host, port), announce, chunks, urls=Urls(rules), workforce=workforce))
        finally:
            if chunks is not None:
                chunks.close()


def _keep_log() -> RecentLines:
    """The log goes to the standard error; its last lines are kept."""
    lines = RecentLines()
    logging.basicConfig(format=LOG_FORMAT, handlers=[logging.StreamHandler(), lines])
    logging.getLogger("grpc._cython.cygrpc").addFilter(GoneClients())
    return lines


def _services(  # noqa: PLR0913 -- what services work with
    store: Store,
    bridge: Bridge,
    changes: Changes,
    *,
    data: Path,
    chunks: ChunkServer | None,
    urls: Urls,
    sources: Sources,
    driver: Driver,
    work: WorkCalls,
) -> list[tuple[FileDescriptor, object]]:
    """What answers the calls of the services that each of these files describes."""
    return [
        (pfs_pb2.DESCRIPTOR, PfsCalls(store, bridge, changes, urls)),
        (pps_pb2.DESCRIPTOR, PpsCalls(store, bridge, changes, sources, driver)),
        (bulk_pb2.DESCRIPTOR, BulkCalls(store, bridge, changes, urls, work.report)),
        (work_pb2.DESCRIPTOR, work),
        (transaction_pb2.DESCRIPTOR, TransactionCalls(store, bridge, changes)),
        (metadata_pb2.DESCRIPTOR, MetadataCalls(store, bridge, changes)),
        (version_pb2.DESCRIPTOR, VersionCalls()),
        (admin_pb2.DESCRIPTOR, AdminCalls(store, bridge, changes)),
        (enterprise_pb2.DESCRIPTOR, EnterpriseCalls()),
        (storage_pb2.DESCRIPTOR, StorageCalls(store, bridge, changes, chunks)),
        (debug_pb2.DESCRIPTOR, DebugCalls(store, bridge, sources.recent)),
        (upkeep_pb2.DESCRIPTOR, UpkeepCalls(data, store, bridge, lambda: tidy(store, bridge, driver.crew))),
    ]


async def _add_services(server: grpc.aio.Server, answered: Iterable[tuple[FileDescriptor, object]]) -> Health:
    """Let the server answer these, and who asks what it answers and how it is."""
    health = Health()
    table = [*answered, (HEALTH, health)]
    names = [
        service.full_name for file, _ in (*table, (REFLECTION, None)) for service in file.services_by_name.values()
    ]
    for file, servicer in (*table, (REFLECTION, reflection.aio.ReflectionServicer(names))):
        for service in file.services_by_name.values():
            server.add_generic_rpc_handlers((handlers(service, servicer),))
    server.add_generic_rpc_handlers((Unanswered(),))
    for name in ("", *names):
        await health.set(name, HealthCheckResponse.SERVING)
    return health


def _listen(server: grpc.aio.Server, host: str, port: int) -> str:
    """Have the server listen there; returns its address."""
    name = f"[{host}]" if ":" in host else host
    try:
        return f"grpc://{name}:{server.add_insecure_port(f'{name}:{port}')}"
    except RuntimeError as error:
        raise Unavailable(
            f"port {port} of {host} cannot be had: something listens there, or the host is none of this machine's;"
            " choose another, or port 0 for any free one",
            kind="port-busy",
        ) from error


def _reached(address: str) -> str:
    """The address at which this machine itself reaches who listens there."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _signalled(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Set as soon as somebody wants the process to end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _serve(
    data: Path,
    store: Store,
    place: tuple[str, int],
    announce: Callable[[str], None],
    chunks: ChunkServer | None,
    *,
    urls: Urls,
    workforce: Workforce,
) -> None:
    loop = asyncio.get_running_loop()
    stop = _signalled(loop)
    bridge = Bridge()
    changes = Changes(loop, store.database)
    logs = Logs(data / "logs", store.now)
    sources = Sources(logs, Changes(loop, store.database, logs), _keep_log())
    job_logs, token = JobLogs(logs, bridge), secrets.token_hex()
    driver = Driver(store, bridge, changes, job_logs, urls)
    work = WorkCalls(driver, job_logs, token, lambda: tidy(store, bridge, driver.crew))
    server = grpc.aio.server(options=_OPTIONS)
    services = _services(
        store, bridge, changes, data=data, chunks=chunks, urls=urls, sources=sources, driver=driver, work=work
    )
    health = await _add_services(server, services)
    address = _listen(server, *place)
    await server.start()
    kept = [keep_schedules(store, bridge, changes), give_back(bridge)]
    if workforce.slots:
        kept += [driver.run(), keep_standing(store, bridge, changes, driver.crew, job_logs)]
        kept += [keep_worker(workforce.command(_reached(address), data), token, driver.crew)]
    tasks = [asyncio.create_task(task) for task in kept]
    announce(f"ready {address}")
    await stop.wait()
    await _end(tasks)
    await health.stop()
    for each in (changes, sources.growth):
        each.close()
    await server.stop(_GRACE)
    bridge.close()
