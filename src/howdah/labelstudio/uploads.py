"""Uploads that are too large for the host: a sentence instead of its failure without one."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

LIMIT = "LABEL_STUDIO_DATA_UPLOAD_MAX_MEMORY_SIZE"
_MEGABYTE = 1_000_000


def refuse_too_large(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: the host holds a whole request in memory and fails obscurely above its limit; this says it first."""

    def answer(request: HttpRequest) -> HttpResponse:
        size, limit = int(request.META.get("CONTENT_LENGTH") or 0), settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is None or size <= limit:
            return get_response(request)
        while request.read(_MEGABYTE):
            pass  # an answer before the end of the question would be lost on the way through a proxy
        told = (
            f"An upload of {size / _MEGABYTE:.0f} MB is too large: {limit / _MEGABYTE:.0f} MB are taken at once. "
            f"Upload less at a time, put large files into the store and Sync them, or start Howdah with {LIMIT} set to "
            "more bytes: a request is held in memory."
        )
        return JsonResponse({"detail": told, "status_code": 413}, status=413)

    return answer
