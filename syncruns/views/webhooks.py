"""Webhooks: which programs are told what, their secrets (each shown once), and how the messages fare."""

from __future__ import annotations

from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connections import audit
from connections.catalogue import explain
from connections.people.forms import KitForm
from connections.secrets import decrypt, encrypt
from syncruns.models import Webhook, WebhookDelivery
from syncruns.views.deliveries import Told, log_of
from syncruns.webhooks.sending import send_test

SECRET = "webhook_secret"  # noqa: S105 - a key of the session, until the next page has shown it


class WebhookForm(KitForm, forms.ModelForm):
    class Meta:
        model = Webhook
        fields = ("name", "url", "on_run_end", "on_health_change", "allow_private", "is_on")
        labels = {
            "name": gettext_lazy("Name"),
            "url": gettext_lazy("Address"),
            "on_run_end": gettext_lazy("When a run ends"),
            "on_health_change": gettext_lazy("When a connection's health changes"),
            "allow_private": gettext_lazy("The address may be in a private network"),
            "is_on": gettext_lazy("Switched on"),
        }

    @property
    def told(self) -> list[forms.BoundField]:
        return [self[name] for name in self.Meta.fields[2:4]]

    @property
    def others(self) -> list[forms.BoundField]:
        return [self[name] for name in self.Meta.fields[4:]]

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        try:
            parts = urlsplit(url)
            is_good = (
                parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and parts.port != 0
            )
        except ValueError:
            is_good = False
        if not is_good or any(ord(letter) <= 32 for letter in url):
            raise ValidationError(_("Give a whole address that begins with https:// or http://, without a user."))
        return url


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("syncruns.add_webhook", raise_exception=True)
def webhooks(request: HttpRequest) -> HttpResponse:
    """List the webhooks, and add one."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        webhook = form.save(commit=False)
        with transaction.atomic():
            secret = webhook.new_secret(timezone.now())
            webhook.save()
            audit.record("webhook.created", user=request.user, target=webhook)
        return _to_secret(request, webhook, secret)
    newest = WebhookDelivery.objects.filter(webhook=OuterRef("pk")).order_by("-created_at", "-pk")
    found = list(Webhook.objects.annotate(newest=Subquery(newest.values("pk")[:1])))
    last = WebhookDelivery.objects.in_bulk([one.newest for one in found if one.newest])
    rows = [(one, _told(last[one.newest]) if one.newest in last else None) for one in found]
    context = {"form": form, "rows": rows}
    return render(request, "console/webhooks.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("syncruns.change_webhook", raise_exception=True)
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """One webhook: its settings, its secret once after it was made, and its messages."""
    found = get_object_or_404(Webhook, pk=pk)
    form = WebhookForm(request.POST if request.method == "POST" else None, instance=found)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            if not found.is_on:
                found.drop_waiting()
            if form.changed_data:
                audit.record("webhook.changed", user=request.user, target=found, fields=form.changed_data)
        messages.success(request, _("Saved."))
        return redirect("webhook", pk)
    shown = get_object_or_404(Webhook, pk=pk)  # what was typed must not show as if it were so
    made = request.session.pop(SECRET, None) if request.method == "GET" else None
    context = {
        "webhook": shown,
        "form": form,
        "secret": decrypt(made[1])["secret"] if made and made[0] == pk else "",
        **log_of(request, shown.deliveries.select_related("connection"), _told, WebhookDelivery.State.values),
    }
    return render(request, "console/webhook.html", context, status=422 if form.errors else 200)


@require_POST
@permission_required("syncruns.change_webhook", raise_exception=True)
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test message now."""
    delivery = send_test(get_object_or_404(Webhook, pk=pk), request.user)
    if delivery.error_code:
        messages.error(request, _("The test message was not taken: %(why)s.") % {"why": _told(delivery).why})
    else:
        messages.success(request, _("The program took the test message."))
    return redirect("webhook", pk)


@require_POST
@permission_required("syncruns.change_webhook", raise_exception=True)
def webhook_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the webhook a new secret; the former one goes on signing for a day."""
    found = get_object_or_404(Webhook, pk=pk)
    with transaction.atomic():
        secret = found.new_secret(timezone.now())
        found.save(update_fields=["secrets", "rotated_at"])
        audit.record("webhook.rotated", user=request.user, target=found)
    return _to_secret(request, found, secret)


@require_POST
@permission_required("syncruns.delete_webhook", raise_exception=True)
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete the webhook with the record of its messages."""
    found = get_object_or_404(Webhook, pk=pk)
    with transaction.atomic():
        audit.record("webhook.deleted", user=request.user, target=found)
        found.delete()
    messages.success(request, _("The webhook %(name)s was deleted.") % {"name": found.name})
    return redirect("webhooks")


def _to_secret(request: HttpRequest, found: Webhook, secret: str) -> HttpResponse:
    request.session[SECRET] = [found.pk, encrypt({"secret": secret})]  # sessions lie in the database
    return redirect("webhook", found.pk)


def _told(one: WebhookDelivery) -> Told:
    why = ""
    if one.error_code:  # an answer says more than the catalogue, which speaks of sources
        why = _("The program answered with an error") if one.status else explain(one.error_code, one.error_params).title
    return Told(one, one.get_event_display(), why=why, answer=f"HTTP {one.status}" if one.status else "")
