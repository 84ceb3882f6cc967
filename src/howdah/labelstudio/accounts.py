"""Who may make an account: everybody, or after the first user only those with an invite link."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from organizations.models import Organization
from users.models import User
from users.views import user_signup

CLOSED = "Signing up is closed here. Ask a colleague who has an account for an invite link (Organization > Invite)."


def sign_up(request: HttpRequest) -> Any:
    """The host's sign-up page; with `HOWDAH_NO_SIGNUP` for the first user and for those with an invite link alone."""
    if settings.HOWDAH_NO_SIGNUP and not _invited(request.GET.get("token", "")) and User.objects.exists():
        return HttpResponse(CLOSED, status=403, content_type="text/plain; charset=utf-8")
    return user_signup(request)


def _invited(token: str) -> bool:
    organization = Organization.objects.first()
    return bool(token) and organization is not None and token == organization.token
