"""Asks strangers to sign in, and for a new password where one is due; gives each reader language, zone and theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from connections.models import UserPreference
from connections.people import resending
from connections.people.forms import SignInForm

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

    def handle_no_permission(  # type: ignore[override]  # what is answered need not be a redirect
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        # The session ended before a form was sent. Its address may take forms only: its page is where to go back to.
        sealed = "" if request.headers.get("HX-Request") or _is_sign_out(request) else resending.keep(request)
        page = resending.page_of(request)
        if not sealed:
            return redirect_to_login(page, self.get_login_url(view_func))
        context = {"form": SignInForm(request), "next": page, "sealed": sealed}
        return render(request, "people/sign_in.html", context, status=403)


def _is_sign_out(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.view_name == "sign_out"


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
