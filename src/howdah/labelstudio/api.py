"""The REST interface of both storages: the host's views with our serializers, and what they do better.

The host's permissions hold throughout: one per kind of request, and one per storage through its project.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from rest_framework import generics, status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from howdah.client import files
from howdah.errors import HowdahError, NotFound, WrongState
from howdah.infos import FileInfo
from howdah.labelstudio import host, probing, sync
from howdah.labelstudio.models import SyncReport
from howdah.labelstudio.serializers import PachydermExportStorageSerializer, PachydermImportStorageSerializer
from howdah.names import Commit, File

_FILES_LIMIT = 1000
PREVIEW_SECONDS = 10.0


class SyncRunning(APIException):
    """A Sync of this storage is under way and a second one is refused, or none is that could be cancelled."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "sync_running"


class _Runs:
    """What is done with the Sync of a storage; the answer is the storage as it is then."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """409 where another Sync, or none, is under way."""
        storage = self.get_object()  # type: ignore[attr-defined]
        try:
            self.act(storage, request)
        except WrongState as error:
            raise SyncRunning(str(error)) from error
        storage.refresh_from_db()
        return Response(self.serializer_class(storage).data)  # type: ignore[attr-defined]

    def act(self, storage: Any, request: Request) -> None:
        """What is asked for."""
        raise NotImplementedError


class _Sync(_Runs):
    """Start a Sync and answer when it is done, or soon, with the status so far."""

    def act(self, storage: Any, request: Request) -> None:
        """Failures of the store are not failures of this call: the answer's status and traceback tell them."""
        if not storage.synchronizable:
            raise ValidationError(f"Storage {storage.id} is not synchronizable")
        storage.sync()


class _Cancel(_Runs):
    """End the Sync under way."""

    def act(self, storage: Any, request: Request) -> None:
        """What it has done stays."""
        storage.cancel(request.user.email)


class _Pages(PageNumberPagination):
    """Page by page, as long as the caller likes."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


class _Reports:
    """What the Syncs of a storage did, the newest first; for one of them also each file with a problem."""

    http_method_names = ("get", "head", "options")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A page of reports, or the one that the path names."""
        rows = self.get_object().reports.order_by("-pk")  # type: ignore[attr-defined]
        if number := kwargs.get("report"):
            row = generics.get_object_or_404(rows, pk=number)
            return Response({**_report(row), "problems": row.problems})
        pages = _Pages()
        found = pages.paginate_queryset(rows.defer("problems"), request) or []
        return pages.get_paginated_response([_report(row) for row in found])


def _report(row: SyncReport) -> dict[str, Any]:
    names = ("id", "began", "ended", "status", "before", "commit", "by", "counts", "message")
    return {name: getattr(row, name) for name in names}


class _Checked(generics.CreateAPIView):
    """A view on a storage as the form has it, which is not saved."""

    permission_required = host.STORAGES_CHANGE

    def candidate(self, request: Request) -> Any:
        """The storage that the request describes, checked; raises what makes a 400 or 403."""
        stored = None
        model = self.serializer_class.Meta.model
        if request.data.get("id"):
            stored = generics.get_object_or_404(model.objects.all(), pk=request.data["id"])
            if not stored.has_permission(request.user):
                raise PermissionDenied
        context = {**self.get_serializer_context(), "probe": True}
        serializer = self.serializer_class(stored, data=request.data, partial=stored is not None, context=context)
        serializer.is_valid(raise_exception=True)
        return serializer.candidate


class _Validate(_Checked):
    """Check Connection."""

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """200 when all is well, 400 with the reason otherwise."""
        self.candidate(request)
        return Response()


class _Files(_Checked):
    """The files that the form's storage would take."""

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`{"files": [{key, last_modified, size}, …]}`; a last entry of nulls says that there are, or may be, more."""
        storage = self.candidate(request)
        try:
            limit = min(int(request.data.get("limit") or settings.DEFAULT_STORAGE_LIST_LIMIT), _FILES_LIMIT)
            found, is_cut = _first(self.listed(storage), limit)
        except (ValueError, HowdahError) as error:
            raise ValidationError(str(error)) from error
        rows = [{"key": info.file.path, "last_modified": info.committed, "size": info.size} for info in found]
        if is_cut:
            rows.append({"key": None, "last_modified": None, "size": None})
        return Response({"files": rows})

    def listed(self, storage: Any) -> Iterator[FileInfo | None]:
        """The files as a stream, with None for each that was only looked at."""
        raise NotImplementedError


def _first(listed: Iterator[FileInfo | None], limit: int) -> tuple[list[FileInfo], bool]:
    """At most so many files, and whether the rest was left: a person waits for this, and a proxy not for ever."""
    ends = time.monotonic() + PREVIEW_SECONDS
    found: list[FileInfo] = []
    for info in listed:
        if time.monotonic() > ends or (info and len(found) == limit):
            return found, True
        if info:
            found.append(info)
    return found, False


def _walk(storage: Any, wanted: Commit, selection: sync.Selection) -> Iterator[FileInfo | None]:
    conn = storage.connect()
    commit = probing.pinned(conn, wanted).commit
    try:
        yield from (info if info in selection else None for info in files.walk(conn, File(commit, selection.folder)))
    except NotFound:
        # An empty commit, or no such folder yet.
        return


class _InOrder:
    """The oldest storage first, as our pages have them; a database that is left to choose may change its mind."""

    def get_queryset(self) -> Any:
        """The host's choice of storages, ordered."""
        return super().get_queryset().order_by("id")  # type: ignore[misc]


class ImportList(_InOrder, host.ImportStorageListAPI):
    """List and create sources."""

    serializer_class = PachydermImportStorageSerializer


class ImportDetail(host.ImportStorageDetailAPI):
    """One source."""

    queryset = PachydermImportStorageSerializer.Meta.model.objects.all()
    serializer_class = PachydermImportStorageSerializer


class ImportReports(_Reports, ImportDetail):
    """The reports of a source."""


class ImportSync(_Sync, host.ImportStorageSyncAPI):
    """Sync a source."""

    serializer_class = PachydermImportStorageSerializer


class ImportCancel(_Cancel, host.ImportStorageSyncAPI):
    """Cancel the Sync of a source."""

    serializer_class = PachydermImportStorageSerializer


@host.hidden
class ImportValidate(_Validate):
    """Check Connection of a source."""

    serializer_class = PachydermImportStorageSerializer


@host.hidden
class ImportFiles(_Files):
    """Preview of a source."""

    serializer_class = PachydermImportStorageSerializer

    def listed(self, storage: Any) -> Iterator[FileInfo | None]:
        """What a Sync would look at."""
        selection = sync.select(storage.folder, storage.regex_filter, recursive=storage.recursive_scan)
        return _walk(storage, storage.wanted, selection)


class ImportForm(host.ImportStorageFormLayoutAPI):
    """The fields of the source's dialog; the host finds form_layout.yml beside this module."""


class ExportList(_InOrder, host.ExportStorageListAPI):
    """List and create targets."""

    serializer_class = PachydermExportStorageSerializer

    def perform_create(self, serializer: Any) -> None:
        """Save it. The host would Sync at once; here a commit is made when somebody asks for one."""
        serializer.save()


class ExportDetail(host.ExportStorageDetailAPI):
    """One target."""

    queryset = PachydermExportStorageSerializer.Meta.model.objects.all()
    serializer_class = PachydermExportStorageSerializer


class ExportReports(_Reports, ExportDetail):
    """The reports of a target."""


class ExportSync(_Sync, host.ExportStorageSyncAPI):
    """Sync a target."""

    serializer_class = PachydermExportStorageSerializer


class ExportCancel(_Cancel, host.ExportStorageSyncAPI):
    """Cancel the Sync of a target."""

    serializer_class = PachydermExportStorageSerializer


@host.hidden
class ExportValidate(_Validate):
    """Check Connection of a target."""

    serializer_class = PachydermExportStorageSerializer


@host.hidden
class ExportFiles(_Files):
    """What a target's branch holds."""

    serializer_class = PachydermExportStorageSerializer

    def listed(self, storage: Any) -> Iterator[FileInfo | None]:
        """All files of the branch's folder; none where the repo is still to be made."""
        branch = storage.branch
        try:
            yield from _walk(storage, Commit(branch.repo, branch.name), sync.Selection(storage.folder))
        except NotFound:
            return


class ExportForm(host.ExportStorageFormLayoutAPI):
    """The fields of the target's dialog."""
