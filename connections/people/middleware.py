"""Gives each request its reader's language, time zone and theme, and asks for a new password where one is due."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from connections.models import UserPreference

# What a person may reach before choosing a password of their own.
OPEN_BEFORE_PASSWORD = {"password_change", "preferences", "sign_out", "sign_in", "healthz", "readyz"}


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _language(request: HttpRequest, preference: UserPreference) -> str:
    """Return the preference's language, else the cookie's, the browser's, or the installation's."""
    if preference.language in dict(settings.LANGUAGES):
        return preference.language
    return translation.get_language_from_request(request)


class ReaderRequest(HttpRequest):
    """A request as the views see it."""

    LANGUAGE_CODE: str
    preference: UserPreference
    htmx: HtmxDetails


class PreferenceMiddleware:
    """Sets request.preference; language and zone hold only within the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ReaderRequest) -> HttpResponse:
        preference = None
        if request.user.is_authenticated:
            preference = UserPreference.objects.filter(user=request.user).first()
        request.preference = preference or UserPreference()
        language = _language(request, request.preference)
        with translation.override(language), timezone.override(_zone(request.preference.time_zone)):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    def process_view(
        self, request: ReaderRequest, _view: Callable[..., HttpResponse], _args: tuple, _kwargs: dict
    ) -> HttpResponse | None:
        """Lead to the password page until the given password has been replaced."""
        asked = request.resolver_match.view_name if request.resolver_match else ""
        if not request.preference.must_change_password or asked in OPEN_BEFORE_PASSWORD:
            return None
        if request.htmx:
            return HttpResponseClientRedirect(reverse("password_change"))
        return redirect("password_change")
