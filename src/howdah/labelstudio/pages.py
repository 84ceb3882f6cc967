"""Our pages inside Label Studio: what a project's data and labels are, and one report; with the same login and rights.

Drawn here, kept fresh by assets/howdah.js, which also adds to the host's own pages what they lack.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from howdah.errors import HowdahError
from howdah.labelstudio import exports, host, states
from howdah.labelstudio.models import PachydermExportStorage, SyncReport

REPORTS_SHOWN = 20
PROBLEMS_PER_PAGE = 100

_TYPES = {"howdah.js": "text/javascript; charset=utf-8", "howdah.css": "text/css; charset=utf-8"}
_ASSETS = Path(__file__).with_name("assets")


@cache
def _asset(name: str) -> tuple[bytes, str]:
    content = (_ASSETS / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@require_safe
def asset(request: HttpRequest, name: str) -> HttpResponse:
    """The script and the style sheet of our parts; public, as the host's own are."""
    if name not in _TYPES:
        return HttpResponse(status=404)
    content, tag = _asset(name)
    fresh = request.headers.get("If-None-Match") == tag
    answer = HttpResponseNotModified() if fresh else HttpResponse(content, content_type=_TYPES[name])
    answer["ETag"] = tag
    answer["Cache-Control"] = "no-cache"
    return answer


def open_project(request: HttpRequest | Request, number: int) -> Any:
    """The project, for somebody who may see its storages; raises what makes a 404 or 403."""
    project = get_object_or_404(host.Project, pk=number)
    user = request.user
    if not (project.has_permission(user) and user.has_perm(host.STORAGES_VIEW)):
        raise PermissionDenied("You do not have permission to see this project.")
    return project


class States(APIView):
    """How the sources and targets of a project are; the card and our page ask this while somebody looks."""

    permission_required = host.STORAGES_VIEW

    def get(self, request: Request, number: int) -> Response:
        """`{"sources": […], "targets": […], "exports": […]}`."""
        project = open_project(request, number)
        return Response({**states.of_project(project), "exports": exports.of_project(project)})


class Exports(APIView):
    """The exports of a project's labels."""

    permission_required = host.ViewClassPermission(GET=host.STORAGES_VIEW, POST=host.STORAGES_CHANGE)

    def get(self, request: Request, number: int) -> Response:
        """The newest first."""
        return Response(exports.of_project(open_project(request, number)))

    def post(self, request: Request, number: int) -> Response:
        """Begin one: `{"target", "format", "commit", "media", "to"}`; 400 with the reason where it means nothing."""
        project, given = open_project(request, number), request.data
        target = PachydermExportStorage.objects.filter(project=project, pk=_number(given.get("target"))).first()
        if target is None:
            raise ValidationError({"detail": "This project has no such target. Load the page anew."})
        texts = {name: str(given.get(name) or "").strip() for name in ("format", "commit", "to")}
        wish = exports.Wish(target=target, media=given.get("media") is True, **texts)
        try:
            made = exports.start(wish, request.user.email)
        except HowdahError as error:
            raise ValidationError({"detail": f"{error}"}) from error
        return Response(made, status=status.HTTP_201_CREATED)


class Export(APIView):
    """One export."""

    permission_required = host.STORAGES_CHANGE

    def delete(self, request: Request, number: int, export: int) -> Response:
        """Delete it; one that is being made ends."""
        exports.delete(open_project(request, number), int(export))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _number(given: Any) -> int:
    return int(given) if str(given).isdecimal() else 0


@login_required
@require_safe
def download(request: HttpRequest, number: int, export: int) -> HttpResponseBase:
    """The archive of an export."""
    found = open_project(request, number)
    path = exports.archive(found, export)
    if path is None:
        raise Http404("This export is not there any more, or not yet. Export again on the page Data and labels.")
    name = f"{slugify(found.title) or 'labels'}-{export}.zip"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)


class Heads(APIView):
    """Whether branches have moved since the last Sync; asks the stores."""

    permission_required = host.STORAGES_VIEW

    def get(self, request: Request, number: int) -> Response:
        """By source's id what is to be told; nothing where all is shown."""
        return Response(states.heads(open_project(request, number)))


@login_required
@require_safe
def project(request: HttpRequest, number: int) -> HttpResponse:
    """The page "Data and labels"."""
    found = open_project(request, number)
    told = states.of_project(found)
    reports = _reports(found).defer("problems").select_related("source", "target")
    shown = {
        "project": found,
        **told,
        "states": {**told, "exports": exports.of_project(found)},
        "reports": [_told(each) for each in reports[:REPORTS_SHOWN]],
        "tasks": found.tasks.exists(),
        "formats": exports.formats(found) if told["targets"] else [],
        "commit": request.GET.get("commit", ""),
    }
    return render(request, "howdah/project.html", shown)


@login_required
@require_safe
def report(request: HttpRequest, number: int, pk: int) -> HttpResponse:
    """One report: what a Sync did, and each file with which something was wrong, to search in."""
    found = open_project(request, number)
    row = get_object_or_404(_reports(found), pk=pk)
    asked = request.GET.get("q", "").strip()
    problems = [each for each in row.problems if not asked or _matches(each, asked)]
    page = Paginator(problems, PROBLEMS_PER_PAGE).get_page(request.GET.get("page"))
    shown = {"project": found, "report": _told(row), "row": row, "page": page, "asked": asked}
    return render(request, "howdah/report.html", shown)


def _reports(project: Any) -> Any:
    mine = SyncReport.objects.filter(source__project=project) | SyncReport.objects.filter(target__project=project)
    return mine.order_by("-pk")


def _matches(problem: dict[str, Any], asked: str) -> bool:
    return any(asked.lower() in str(problem.get(name, "")).lower() for name in ("file", "why"))


def _told(report: SyncReport) -> dict[str, Any]:
    """A report as pages show it: words in place of ids and names of counts."""
    storage = report.source or report.target
    return {
        "id": report.pk,
        "title": getattr(storage, "title", None) or "a storage that is gone",
        "kind": "Source" if report.source_id else "Target",
        "status": states.words(report.status),
        "bad": report.status != "completed",
        "ended": report.ended,
        "seconds": (report.ended - report.began).total_seconds(),
        "by": report.by,
        "before": report.before,
        "commit": report.commit,
        "counts": counts(report.counts),
        "message": report.message,
    }


def counts(given: dict[str, Any]) -> str:
    """`12 added, 3 moved`; `nothing to do` where all are zero."""
    told = [f"{number:,} {_noun(name, number)}" for name, number in given.items() if number]
    return ", ".join(told) or "nothing to do"


def _noun(name: str, number: int) -> str:
    first, *rest = name.split("_")
    if number == 1 and first in {"files", "tasks", "annotations", "predictions", "problems"}:
        first = first[:-1]
    return " ".join((first, *rest))
