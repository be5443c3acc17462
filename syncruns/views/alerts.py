"""What a person wants to be told by e-mail; and, for administrators, how the messages fare."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections import audit
from connections.catalogue import explain
from connections.models import Connection
from syncruns.alerts.delivery import send_test
from syncruns.alerts.smtp import Server
from syncruns.alerts.words import LEFT_OUT, explain_mail
from syncruns.models import Delivery, NotificationRule
from syncruns.outcomes import DELIVERY_LOOKS
from syncruns.views.deliveries import Told, log_of

TEST_ADDRESS = "mail_test_address"  # in the session


class AlertsForm(forms.Form):
    """The switch, where messages go, and about which connections."""

    is_on = forms.BooleanField(
        label=gettext_lazy("Tell me by e-mail when a connection needs a person, and when it works again"),
        required=False,
    )
    email = forms.EmailField(label=gettext_lazy("Your e-mail address"), required=False, max_length=254)
    only_chosen = forms.ChoiceField(
        label=gettext_lazy("About which connections"),
        choices=(("", gettext_lazy("All, also those added later")), ("1", gettext_lazy("Only these:"))),
        required=False,
    )
    connections = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Connections"), queryset=Connection.objects.filter(deletion=""), required=False
    )

    def clean(self) -> None:
        found = self.cleaned_data
        if found.get("is_on") and not found.get("email") and "email" not in self.errors:
            self.add_error("email", gettext_lazy("Give the address that the messages are to go to."))
        if found.get("is_on") and found.get("only_chosen") and not found.get("connections"):
            self.add_error("connections", gettext_lazy("Choose at least one connection."))


class TestForm(forms.Form):
    address = forms.EmailField(label=gettext_lazy("To"), max_length=254)


@require_http_methods(["GET", "POST"])
@permission_required("connections.view_connection", raise_exception=True)
def alerts(request: HttpRequest) -> HttpResponse:
    """Show what the person wants to be told, or keep what was sent."""
    user = _user(request)
    rule = NotificationRule.objects.filter(user=user).first() or NotificationRule(user=user)
    chosen = list(rule.connections.values_list("pk", flat=True)) if rule.pk else []
    if request.method == "GET":
        known = {
            "is_on": rule.is_on,
            "email": user.email,
            "only_chosen": "1" if rule.only_chosen else "",
            "connections": chosen,
        }
        return _alerts(request, AlertsForm(initial=known), 200)
    form = AlertsForm(request.POST)
    if not form.is_valid():
        return _alerts(request, form, 422)
    _keep(user, rule, form)
    messages.success(request, _("Your preferences have been saved."))
    return redirect("alerts")


def _alerts(request: HttpRequest, form: AlertsForm, status: int) -> HttpResponse:
    values = {str(value) for value in form["connections"].value() or ()}
    connections = [(one, str(one.pk) in values) for one in Connection.objects.filter(deletion="")]
    context = {"form": form, "connections": connections, "has_server": bool(settings.EMAIL_HOST)}
    return render(request, "console/alerts.html", context, status=status)


@transaction.atomic
def _keep(user: User, rule: NotificationRule, form: AlertsForm) -> None:
    found = form.cleaned_data
    was_on = rule.is_on
    if user.email != found["email"]:
        user.email = found["email"]
        user.save(update_fields=["email"])
    rule.is_on, rule.only_chosen = found["is_on"], bool(found["only_chosen"])
    rule.save()
    rule.connections.set(found["connections"] if rule.only_chosen else [])
    action = "alerts.changed" if was_on == rule.is_on else "alerts.on" if rule.is_on else "alerts.off"
    audit.record(action, user=user, target=user)


@require_safe
@permission_required("syncruns.view_delivery", raise_exception=True)
def mail(request: HttpRequest) -> HttpResponse:
    """Show the mail server, the last test, and what was told to whom."""
    address = request.session.get(TEST_ADDRESS) or _user(request).email
    return _mail(request, TestForm(initial={"address": address}), 200)


@require_POST
@permission_required("syncruns.add_delivery", raise_exception=True)
def mail_test(request: HttpRequest) -> HttpResponse:
    """Send a test message now and show the server's answer."""
    form = TestForm(request.POST)
    if not form.is_valid():
        return _mail(request, form, 422)
    request.session[TEST_ADDRESS] = form.cleaned_data["address"]  # who tests again after a mend need not retype it
    problem = send_test(_user(request), form.cleaned_data["address"])
    if problem is None:
        messages.success(request, _("The mail server took the test message."))
    else:
        messages.error(request, explain_mail(problem.code, problem.params).sentence)
    return redirect("mail")


def _mail(request: HttpRequest, form: TestForm, status: int) -> HttpResponse:
    found = Delivery.objects.select_related("user", "connection")
    test = found.filter(kind=Delivery.Kind.TEST).first()
    context = {
        "form": form,
        "server": Server.of_settings() if settings.EMAIL_HOST else None,
        "sender": settings.DEFAULT_FROM_EMAIL,
        "missing": explain_mail("not_configured"),
        "test": test,
        "test_look": DELIVERY_LOOKS[test.state] if test else None,
        "test_fault": explain_mail(test.error_code, test.error_params) if test and test.error_code else None,
        **log_of(request, found, _told, Delivery.State.values),
    }
    return render(request, "console/mail.html", context, status=status)


def _told(one: Delivery) -> Told:
    about = one.get_kind_display()
    if one.code:
        about = f"{about}: {explain(one.code, one.params).title}"
    if one.state == Delivery.State.DROPPED:
        return Told(one, about, why=str(LEFT_OUT.get(one.error_code, one.error_code)))
    fault = explain_mail(one.error_code, one.error_params) if one.error_code else None
    return Told(one, about, why=fault.sentence if fault else "", answer=fault.answer if fault else "")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker: nobody else has the permission
    return request.user
