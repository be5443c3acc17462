"""Tokens of the API: who made which, what they may do, when they were last used. A new one is shown once."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connections import audit
from connections.people.forms import KitForm
from connections.secrets import decrypt, encrypt
from syncruns.api.access import tokens as known_tokens
from syncruns.models import ApiToken
from syncruns.outcomes import Look

PER_PAGE = 50
MADE = "api_token_made"  # in the session until the next page has shown it
LIVES = {
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "365": gettext_lazy("1 year"),
    "": gettext_lazy("Never"),
}
LOOKS = {
    "active": Look(pgettext_lazy("token", "Active"), "circle-check", "ok"),
    "expired": Look(pgettext_lazy("token", "Expired"), "clock", "off"),
    "revoked": Look(pgettext_lazy("token", "Revoked"), "x", "off"),
    "orphaned": Look(pgettext_lazy("token", "Its maker has no access"), "lock", "off"),
}


class TokenForm(KitForm):
    name = forms.CharField(
        label=gettext_lazy("For which program"),
        max_length=100,
        help_text=gettext_lazy("Such as “Power BI of finance”. The audit trail names it."),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("What it may do"),
        choices=[
            (ApiToken.Scope.READ, gettext_lazy("Read: status, runs, metrics")),
            (ApiToken.Scope.OPERATE, gettext_lazy("Operate: also start, pause, switch")),
        ],
    )
    days = forms.ChoiceField(label=gettext_lazy("It expires after"), choices=list(LIVES.items()), required=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("syncruns.add_apitoken", raise_exception=True)
def tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens, and make one."""
    form = TokenForm(request.POST if request.method == "POST" else None, initial={"days": "90"})
    if request.method == "POST" and form.is_valid():
        token, secret = _make(form, request.user)
        request.session[MADE] = [token.pk, encrypt({"token": secret})]  # sessions lie in the database
        return redirect("tokens")
    now = timezone.now()
    page = Paginator(ApiToken.objects.select_related("created_by"), PER_PAGE).get_page(request.GET.get("page"))
    made = request.session.pop(MADE, None) if request.method == "GET" else None
    context = {
        "form": form,
        "page": page,
        "rows": [(token, LOOKS[_state(token)], _state(token) == "active") for token in page.object_list],
        "made": ApiToken.objects.filter(pk=made[0]).first() if made else None,
        "secret": decrypt(made[1])["token"] if made else "",
        "host": request.build_absolute_uri("/"),
        "now": now,
    }
    return render(request, "console/tokens.html", context, status=422 if form.errors else 200)


@require_POST
@permission_required("syncruns.change_apitoken", raise_exception=True)
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token at once."""
    token = get_object_or_404(ApiToken, pk=pk)
    with transaction.atomic():
        if ApiToken.objects.filter(pk=pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record("token.revoked", user=request.user, target=token)
    known_tokens.forget()  # other processes forget it within a second
    messages.success(request, _("“%(name)s” opens nothing any more.") % {"name": token.name})
    return redirect("tokens")


@transaction.atomic
def _make(form: TokenForm, user: object) -> tuple[ApiToken, str]:
    days = form.cleaned_data["days"]
    token = ApiToken(
        name=form.cleaned_data["name"],
        scope=form.cleaned_data["scope"],
        created_by=user if isinstance(user, User) else None,
        expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
    )
    secret = token.new_secret()
    token.save()
    audit.record("token.created", user=token.created_by, target=token, scope=token.scope)
    return token, secret


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return "expired"
    return "active" if token.created_by is None or token.created_by.is_active else "orphaned"
