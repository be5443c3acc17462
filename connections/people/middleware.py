"""Asks strangers to sign in, and for a new password where one is due; gives each reader language, zone and theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from connections.models import UserPreference

# What a person may reach before choosing a password of their own.
OPEN_BEFORE_PASSWORD = {"password_change", "preferences", "sign_out", "sign_in", "healthz", "readyz"}


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


class SignInMiddleware(LoginRequiredMiddleware):
    """Leads strangers to the sign-in, and from there to the page they were on."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        # The session ended before a form was sent. Its address takes forms only, so nobody can be led back there.
        page = urlsplit(request.headers.get("Referer", ""))
        is_ours = page.netloc == request.get_host()
        return redirect_to_login(page.path if is_ours else reverse("overview"), self.get_login_url(view_func))


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
        with translation.override(language), timezone.override(request.preference.zone):
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
