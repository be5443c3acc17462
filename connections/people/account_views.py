"""Pages on which administrators look after people: who there is, inviting, roles, keeping out, new passwords."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required, permission_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connections import audit
from connections.models import UserPreference
from connections.people import accounts
from connections.people.accounts import Reach
from connections.people.forms import AccountForm, FirstPasswordForm
from connections.people.roles import LABELS, role_of

PER_PAGE = 50
PERMISSION = "auth.change_user"
ACTIVE, INVITED, OUT = "active", "invited", "out"


@require_safe
@permission_required(PERMISSION, raise_exception=True)
def users(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").replace("\0", "").strip()  # which no database takes
    page = Paginator(_found(q), PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"person": person, "role": _role(person), "state": _state(person)} for person in page.object_list]
    return render(request, "people/users.html", {"page": page, "rows": rows, "q": q})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(PERMISSION, raise_exception=True)
def user_new(request: HttpRequest) -> HttpResponse:
    """Invite a person: the account is made, and a link on the next page lets him choose a password."""
    form = AccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        person = accounts.invite(form.cleaned_data, form.cleaned_data["role"], by=_actor(request))
        return _to_link(request, person)
    return render(request, "people/user_new.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(PERMISSION, raise_exception=True)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: name, e-mail, role and access."""
    person = get_object_or_404(User, pk=pk)
    actor, reach = _actor(request), Reach.of(_actor(request), person)
    with_role = reach.access and not person.is_superuser
    given = request.POST if request.method == "POST" else None
    form = AccountForm(given, instance=person, with_role=with_role, initial={"role": role_of(person) or _group(person)})
    if given is not None and form.is_valid():
        accounts.change(person, form.cleaned_data, form.cleaned_data["role"] if with_role else None, by=actor)
        messages.success(request, _("Saved."))
        return redirect("user", pk)
    # What was typed must not show as if it were so.
    person = get_object_or_404(User, pk=pk)
    context = {
        "form": form,
        "person": person,
        "role": _role(person),
        "state": _state(person),
        "reach": reach,
        "is_self": actor.pk == person.pk,
        "is_invited": accounts.is_invited(person),
        "is_locked_out": accounts.is_locked_out(person),
        "link": _link(request, person),
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
    }
    return render(request, "people/user.html", context, status=422 if form.errors else 200)


@require_POST
@permission_required(PERMISSION, raise_exception=True)
def user_active(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a person in, or keep him out."""
    person = get_object_or_404(User, pk=pk)
    active = request.POST.get("on") == "1"
    accounts.set_active(person, active, by=_actor(request))
    said = _("%(name)s may sign in again.") if active else _("%(name)s can no longer sign in.")
    messages.success(request, said % {"name": person.get_username()})
    return redirect("user", pk)


@require_POST
@permission_required(PERMISSION, raise_exception=True)
def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a person's password away and show the link for a new one; or make another link for who has none."""
    person = get_object_or_404(User, pk=pk)
    if not accounts.is_invited(person) or not Reach.of(_actor(request), person).access:
        accounts.reset_password(person, by=_actor(request))
    return _to_link(request, person)


@require_POST
@permission_required(PERMISSION, raise_exception=True)
def user_unlock(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    accounts.unlock(person, by=_actor(request))
    messages.success(request, _("%(name)s may try to sign in again.") % {"name": person.get_username()})
    return redirect("user", pk)


@method_decorator(login_not_required, name="dispatch")
class Welcome(auth_views.PasswordResetConfirmView):
    """Where an invited person, or one whose password was reset, chooses a password; then he signs in with it."""

    template_name = "people/welcome.html"
    form_class = FirstPasswordForm
    success_url = reverse_lazy("sign_in")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        response = super().form_valid(form)
        UserPreference.objects.filter(user=form.user).update(must_change_password=False)
        audit.record("password.changed", user=form.user, target=form.user)
        messages.success(self.request, _("Your password is set. Sign in with it."))
        return response


def _found(q: str) -> QuerySet[User]:
    found = User.objects.prefetch_related("groups").order_by("-is_active", "username")
    for word in q.split():
        found = found.filter(
            Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
            | Q(email__icontains=word)
        )  # fmt: skip
    return found


def _group(person: User) -> str:
    """Return the role that a person who is kept out would have."""
    names = {group.name for group in person.groups.all()}
    return next((role for role in reversed(LABELS) if role in names), "")


def _role(person: User) -> str:
    if person.is_superuser:
        return _("Superuser")
    role = _group(person)
    return str(LABELS[role]) if role else "—"


def _state(person: User) -> str:
    if not person.is_active:
        return OUT
    return INVITED if accounts.is_invited(person) else ACTIVE


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - for the type checker: who has a permission is signed in
    return request.user


def _to_link(request: HttpRequest, person: User) -> HttpResponse:
    """Lead to the person's page, which shows the link this once."""
    request.session["welcome"] = person.pk
    return redirect("user", person.pk)


def _link(request: HttpRequest, person: User) -> str:
    if request.method != "GET" or request.session.get("welcome") != person.pk:
        return ""
    del request.session["welcome"]
    path = accounts.welcome_path(person)
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)
