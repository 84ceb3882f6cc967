"""howdah.work.API: how the workers that this server has started get datums, and tell of them."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from google.protobuf.empty_pb2 import Empty

from howdah.errors import HowdahError, Invalid
from howdah.names import Job
from howdah.pfs.writing import Session
from howdah.server import orders
from howdah.server.crew import Worker
from howdah.server.driver import Driver
from howdah.server.joblogs import JobLogs
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pps as wire
from howdah.wire.gen import work_pb2


class WorkCalls:
    """Answers for whoever knows the token: the code of pipelines can reach this port, too."""

    def __init__(self, driver: Driver, logs: JobLogs, token: str, tidy: Callable[[], Awaitable[None]]) -> None:
        self._driver = driver
        self._tidy = tidy
        self._logs = logs
        self._token = token

    async def Attend(self, request: work_pb2.Attendance, _: Context) -> AsyncIterator[work_pb2.Order]:
        self._check(request.token)
        if request.refused:
            self._driver.refuse(request.refused)
            return
        worker = Worker(request.slots)
        self._driver.attend(worker)
        try:
            with suppress(HowdahError):  # then the next one does
                await self._tidy()
            while True:
                yield await worker.orders.get()
        finally:
            self._driver.leave(worker)

    async def Free(self, request: work_pb2.Release, _: Context) -> Empty:
        self._check(request.token)
        self._driver.release(request.task)
        return Empty()

    async def Tell(self, requests: AsyncIterator[work_pb2.Lines], _: Context) -> Empty:
        async for request in requests:
            self._check(request.token)
            pipeline = need(wire.pipeline_from_wire(request.job.pipeline), "pipeline")
            await self._logs.hear(request.worker, Job(pipeline, request.job.id), request.said)  # a spout's has no id
        return Empty()

    async def report(self, written: Session, results: work_pb2.Results) -> None:
        """Let a worker's outputs happen, after what it has told before is in the logs."""
        self._check(results.token)
        job = need(wire.job_from_wire(results.job), "job")
        await self._logs.until(results.worker, results.told)
        await self._logs.keep(job, results.said)
        await self._driver.report(job, written, orders.results(results))
        if results.task:
            self._driver.release(results.task)

    def _check(self, token: str) -> None:
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Invalid("token invalid: these calls are for the workers that the store has started", kind="token")
