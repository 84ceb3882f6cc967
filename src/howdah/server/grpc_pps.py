"""pps_v2.API: pipelines, jobs, datums, secrets and logs; and what no noun has."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from howdah.pfs.steps import Step
from howdah.pps import pipelines, secrets
from howdah.server.bridge import Bridge, Changes
from howdah.server.driver import Driver
from howdah.server.grpc_pps_datums import DatumCalls
from howdah.server.grpc_pps_defaults import DefaultCalls
from howdah.server.grpc_pps_jobs import JobCalls
from howdah.server.grpc_pps_logs import LogCalls, Sources
from howdah.server.grpc_pps_pipelines import PipelineCalls
from howdah.server.grpc_pps_secrets import SecretCalls
from howdah.server.methods import Context
from howdah.store.store import Store
from howdah.wire.gen import pps_pb2, taskapi_pb2


class PpsCalls(PipelineCalls, DefaultCalls, JobCalls, DatumCalls, SecretCalls, LogCalls):
    """pps_v2.API, as far as it is answered."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, sources: Sources, driver: Driver) -> None:
        super().__init__(store, bridge, changes, sources)
        self._driver = driver

    async def DeleteAll(self, _: Empty, __: Context) -> Empty:
        def verb(made: Step) -> None:
            pipelines.delete_all(made, self._store, force=True)
            for info in secrets.list(made.tx):
                secrets.delete(made.tx, info.name)

        await self._step(verb)
        return Empty()

    async def ActivateAuth(self, _: pps_pb2.ActivateAuthRequest, __: Context) -> pps_pb2.ActivateAuthResponse:
        return pps_pb2.ActivateAuthResponse()  # what is called so prepares rows for auth, and there are none to prepare

    async def ListTask(self, _: taskapi_pb2.ListTaskRequest, __: Context) -> AsyncIterator[taskapi_pb2.TaskInfo]:
        waiting: tuple[taskapi_pb2.TaskInfo, ...] = ()  # nothing is handed out to workers as tasks
        for info in waiting:
            yield info
