"""Who may make an account: everybody, or after the first user only those with an invite link.

Accounts are made one after another, each whole or not at all: of people who are the first at the same moment, one
becomes the owner of the one organization and the others its members.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from howdah.labelstudio import host, turns


def sign_up(request: HttpRequest) -> Any:
    """The host's sign-up page; with `HOWDAH_NO_SIGNUP` for the first user and for those with an invite link alone."""
    if not request.user.is_authenticated and not _is_open(request):
        return _refusal(request)
    try:
        return host.user_signup(request)
    except PermissionDenied:
        if _is_open(request):
            raise
        return _refusal(request)  # somebody else has become the first meanwhile


def save_user(request: HttpRequest, next_page: str, form: Any) -> Any:
    """Make the account that the form describes, as the host does; None, with the form told why, if it exists."""
    with turns.accounts():
        if not _is_open(request):
            raise PermissionDenied
        if host.User.objects.filter(email=form.cleaned_data["email"]).exists():
            form.add_error("email", "User with this email already exists")
            return None
        return host.save_user(request, next_page, form)


class _Told:
    """The settings as pages read them: they offer signing up only to those for whom it is open."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(settings, name)

    @property
    def DISABLE_SIGNUP_WITHOUT_LINK(self) -> bool:  # noqa: N802  (the host's name)
        return bool(settings.DISABLE_SIGNUP_WITHOUT_LINK) or not _is_open(self._request)


def tell_pages(request: HttpRequest) -> dict[str, Any]:
    """A context processor, after the host's, whose `settings` it replaces."""
    return {"settings": _Told(request)}


def _is_open(request: HttpRequest) -> bool:
    return not settings.HOWDAH_NO_SIGNUP or _invited(request.GET.get("token", "")) or not host.User.objects.exists()


def _invited(token: str) -> bool:
    organization = host.Organization.objects.first()
    return bool(token) and organization is not None and token == organization.token


def _refusal(request: HttpRequest) -> HttpResponse:
    return render(request, "howdah/sign_up_closed.html", status=403)
