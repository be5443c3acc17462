"""Sign-in and sign-out, password, preferences, and the pages shown when something is refused."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from connections import audit
from connections.models import UserPreference
from connections.people import resending
from connections.people.first import first_password_waits, forget_first_password
from connections.people.forms import NewPasswordForm, PreferencesForm, ProfileForm, SignInForm
from connections.people.middleware import ReaderRequest

RETRY_SECONDS = 60


class SignIn(auth_views.LoginView):
    template_name = "people/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        sealed = self.request.POST.get(resending.FIELD, "")
        return _offer_again(self.request, sealed, self.get_success_url()) or response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sealed = self.request.POST.get(resending.FIELD, "")
        return super().get_context_data(**kwargs) | {"sealed": sealed, "first_password": first_password_waits()}


class SignOut(auth_views.LogoutView):
    http_method_names = ["post", "options"]


class PasswordChange(auth_views.PasswordChangeView):
    template_name = "people/password_change.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("overview")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        UserPreference.objects.filter(user=form.user).update(must_change_password=False)
        forget_first_password(form.user.get_username())
        audit.record("password.changed", user=form.user, target=form.user)
        messages.success(self.request, _("Your password has been changed."))
        return response


def _next(request: HttpRequest) -> str:
    """Return the page to go back to: only one of this console."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else resolve_url("overview" if request.user.is_authenticated else "sign_in")


@login_not_required
@require_http_methods(["GET", "POST"])
def preferences(request: ReaderRequest) -> HttpResponse:
    """Show the preferences, or keep those that were sent; a form may send only one of them."""
    if not request.user.is_authenticated:
        return _anonymous_language(request) if request.method == "POST" else redirect("sign_in")
    preference = request.preference
    preference.user = request.user
    if request.method == "GET":
        return render(request, "people/preferences.html", _profile_context(request))
    kept = {name: getattr(preference, name) for name in PreferencesForm.Meta.fields}
    form = PreferencesForm({**kept, **request.POST.dict()}, instance=preference)
    if not form.is_valid():
        return render(request, "people/preferences.html", _profile_context(request) | {"form": form}, status=422)
    form.save()
    if "save" in request.POST:
        with translation.override(preference.language or translation.get_language()):
            messages.success(request, _("Your preferences have been saved."))
    return redirect(_next(request))


@require_POST
def profile(request: ReaderRequest) -> HttpResponse:
    """Keep a person's own name and e-mail."""
    person = _stored(request)
    form = ProfileForm(request.POST, instance=person)
    if not form.is_valid():
        return render(request, "people/preferences.html", _profile_context(request) | {"about": form}, status=422)
    if form.changed_data:
        form.save()
        audit.record("user.changed", user=person, target=person, fields=form.changed_data)
    messages.success(request, _("Saved."))
    return redirect("preferences")


def _stored(request: HttpRequest) -> User:
    """Return the reader as stored, apart from request.user: a form that is refused must not change the frame."""
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker: the pages are for who is signed in
    return User.objects.get(pk=request.user.pk)


def _profile_context(request: ReaderRequest) -> dict[str, Any]:
    person = _stored(request)
    return {
        "form": PreferencesForm(instance=request.preference),
        "about": ProfileForm(instance=person),
        "username": person.get_username(),
    }


def _anonymous_language(request: HttpRequest) -> HttpResponse:
    response = redirect(_next(request))
    if request.POST.get("language") in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            request.POST["language"],
            max_age=365 * 24 * 3600,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def locked_out(request: HttpRequest, original_response: HttpResponse | None, credentials: Any) -> HttpResponse:
    """Answer a sign-in after too many wrong passwords (called by django-axes)."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    return render(request, "people/locked_out.html", {"cool_off_minutes": minutes}, status=429)


def _offer_again(request: HttpRequest, sealed: str, page: str) -> HttpResponse | None:
    """Answer the page that sends a kept form again; None when there is none. page: where it was on."""
    kept = resending.unsealed(sealed)
    if kept is None:
        return None
    return render(request, "people/resend.html", {"url": kept.url, "sealed": sealed, "page": page})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is missing or old, as after a sign-in in another window: it may be sent again.

    Only one of our own pages, as the browser says in Origin; anybody's site can send a form without a token.
    """
    is_ours = request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
    if is_ours and request.user.is_authenticated:
        again = _offer_again(request, resending.keep(request), resending.page_of(request))
        if again is not None:
            return again
    return render(request, "403_csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _without_database(request, "400.html", 400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after an error that nobody foresaw. The database, session and user may be what failed."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError:  # a damaged file
        return unavailable(request, is_planned=False)
    return _without_database(request, "500.html", 500)


def unavailable(request: HttpRequest, *, is_planned: bool) -> HttpResponse:
    """Answer while the database is away, or the pages are closed on purpose."""
    response = _without_database(request, "503.html", 503, is_planned=is_planned)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return response


def _without_database(request: HttpRequest, template: str, status: int, **context: Any) -> HttpResponse:
    with translation.override(translation.get_language_from_request(request)):
        return HttpResponse(render_to_string(template, context), status=status)
