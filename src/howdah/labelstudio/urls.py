"""The address table: Howdah's paths first, then all of Label Studio's."""

from __future__ import annotations

from typing import Any

from core.urls import urlpatterns as host_urlpatterns
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, re_path

from howdah.labelstudio import accounts, api, demo, media, pages, public


def no_tips(_request: HttpRequest) -> HttpResponse:
    """An empty collection of tips. The host would fetch them from the Internet at each project page."""
    return JsonResponse({})


_STORAGES: dict[str, tuple[Any, Any]] = {
    "": (api.ImportList, api.ExportList),
    "/(?P<pk>[0-9]+)": (api.ImportDetail, api.ExportDetail),
    "/(?P<pk>[0-9]+)/sync": (api.ImportSync, api.ExportSync),
    "/(?P<pk>[0-9]+)/cancel": (api.ImportCancel, api.ExportCancel),
    "/(?P<pk>[0-9]+)/reports": (api.ImportReports, api.ExportReports),
    "/(?P<pk>[0-9]+)/reports/(?P<report>[0-9]+)": (api.ImportReports, api.ExportReports),
    "/validate": (api.ImportValidate, api.ExportValidate),
    "/form": (api.ImportForm, api.ExportForm),
    "/files": (api.ImportFiles, api.ExportFiles),
}


def _storage_paths() -> list[URLPattern]:
    """Both storages, each path with and without a slash at its end, as scripts write both."""
    patterns = []
    for tail, (source, target) in _STORAGES.items():
        name = (
            "report"
            if "<report>" in tail
            else "detail"
            if "<pk>" in tail.rpartition("/")[2]
            else tail.rpartition("/")[2]
        )
        for folder, view in (("", source), ("export/", target)):
            route = f"^api/storages/{folder}pachyderm{tail}/?$"
            prefix = "howdah-export" if folder else "howdah"
            patterns.append(re_path(route, view.as_view(), name=f"{prefix}-storage-{name or 'list'}"))
    return patterns


urlpatterns = [
    re_path(r"^heidi-tips/?$", no_tips, name="howdah-no-tips"),
    re_path(r"^user/signup/?$", accounts.sign_up, name="howdah-sign-up"),
    re_path(r"^howdah/seen/(?P<name>[0-9a-f]{32})$", public.how_seen, name="howdah-seen"),
    re_path(r"^howdah/assets/(?P<name>[a-z.]+)$", pages.asset, name="howdah-asset"),
    path("howdah/projects/<int:number>/", pages.project, name="howdah-project"),
    path("howdah/projects/<int:number>/reports/<int:pk>/", pages.report, name="howdah-report"),
    re_path(r"^api/howdah/projects/(?P<number>[0-9]+)/storages/?$", pages.States.as_view(), name="howdah-states"),
    re_path(r"^api/howdah/projects/(?P<number>[0-9]+)/storages/heads/?$", pages.Heads.as_view()),
    path("howdah/projects/<int:number>/exports/<int:export>.zip", pages.download, name="howdah-export-download"),
    re_path(r"^api/howdah/projects/(?P<number>[0-9]+)/exports/?$", pages.Exports.as_view(), name="howdah-exports"),
    re_path(
        r"^api/howdah/projects/(?P<number>[0-9]+)/exports/(?P<export>[0-9]+)/?$",
        pages.Export.as_view(),
        name="howdah-export",
    ),
    re_path(r"^api/howdah/demo/?$", demo.Demo.as_view(), name="howdah-demo"),
    *_storage_paths(),
    path("tasks/<int:task_id>/resolve/", media.TaskMedia.as_view(), name="howdah-media"),
    path("tasks/<int:task_id>/presign/", media.TaskMedia.as_view()),
    path("projects/<int:project_id>/resolve/", media.ProjectMedia.as_view()),
    path("projects/<int:project_id>/presign/", media.ProjectMedia.as_view()),
    *host_urlpatterns,
]
