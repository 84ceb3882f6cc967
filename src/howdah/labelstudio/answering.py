"""Requests are worked on by a few threads; answers are sent by as many as there are people who receive them.

Whoever takes an answer slowly, as a browser does that plays a film or holds it, keeps one thread waiting for the
network, and would keep one connection to the database with it. So the threads of the web server, of which there are
many, do nothing but send; what needs the processor or the database is done by a few that never wait for a client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.signals import request_finished
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class FewWorkers:
    """A WSGI application that has `application` called by at most `count` threads at once.

    Nothing is started before the first request, so that a process may fork until then.
    """

    def __init__(self, application: Application, count: int) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="work")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer the request; an answer that comes in pieces is made by the thread that sends it."""
        return self._pool.submit(self._work, environ, start_response).result()

    def _work(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._application(environ, start_response)
        if isinstance(answer, StreamingHttpResponse):
            # What is kept for a request in this thread goes now; the answer's own end is told where it is sent.
            request_finished.send(sender=type(self))
            return _Sent(answer)
        if not isinstance(answer, HttpResponse):
            request_finished.send(sender=type(self))
            return answer  # a file that the server sends by itself
        try:
            return [answer.content]
        finally:
            answer.close()


class _Sent:
    """An answer in pieces, whose thread is left without a connection to the database."""

    def __init__(self, answer: StreamingHttpResponse) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        self._answer.close()
        connections.close_all()
