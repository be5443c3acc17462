"""What administrators do with other people's accounts. No one changes his own access, nor a superuser's from below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset as unlock_sign_in
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from connections import audit
from connections.models import UserPreference
from connections.people.roles import ROLES, role_of

ABOUT = ("username", "first_name", "last_name", "email")


@dataclass(frozen=True)
class Reach:
    """What one person may do with another's account. edit: name and e-mail; access: role, password, being active."""

    edit: bool
    access: bool

    @classmethod
    def of(cls, actor: User, person: User) -> Reach:
        within = actor.is_superuser or not person.is_superuser
        return cls(edit=within, access=within and actor.pk != person.pk)


def is_invited(person: User) -> bool:
    """Say whether the person has not chosen a password (again) yet."""
    return person.is_active and not person.has_usable_password()


def is_locked_out(person: User) -> bool:
    """Say whether too many wrong passwords were tried with the person's name."""
    attempts = AccessAttempt.objects.filter(username=person.get_username())
    return attempts.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT).exists()


@transaction.atomic
def invite(values: Mapping[str, Any], role: str, *, by: User) -> User:
    """Create a person without a password; welcome_path() leads to where one is chosen."""
    person = User(**{name: values[name] for name in ABOUT})
    person.set_unusable_password()
    person.save()
    UserPreference.objects.create(user=person)
    audit.record("user.created", user=by, target=person)
    _give_role(person, role, by)
    return person


@transaction.atomic
def change(person: User, values: Mapping[str, Any], role: str | None, *, by: User) -> None:
    """Store name and e-mail, and the role unless it is None. Raises PermissionDenied beyond by's reach."""
    reach = Reach.of(by, person)
    if not reach.edit or (role is not None and not reach.access):
        raise PermissionDenied
    stored = User.objects.get(pk=person.pk)
    fields = [name for name in ABOUT if getattr(stored, name) != values[name]]
    if fields:
        User.objects.filter(pk=person.pk).update(**{name: values[name] for name in fields})
        audit.record("user.changed", user=by, target=person, fields=fields)
    if role is not None:
        _give_role(person, role, by)


@transaction.atomic
def set_active(person: User, active: bool, *, by: User) -> None:
    """Let a person in, or keep him out from his next request on. Raises PermissionDenied."""
    _within_reach(person, by)
    if person.is_active != active:
        User.objects.filter(pk=person.pk).update(is_active=active)
        audit.record("user.activated" if active else "user.deactivated", user=by, target=person)


@transaction.atomic
def reset_password(person: User, *, by: User) -> None:
    """Take the password away and end the person's sessions; a new one is chosen by welcome_path(). May refuse."""
    _within_reach(person, by)
    person.set_unusable_password()
    person.save(update_fields=["password"])
    UserPreference.objects.filter(user=person).update(must_change_password=False)
    unlock_sign_in(username=person.get_username())
    audit.record("password.reset", user=by, target=person)


def unlock(person: User, *, by: User) -> None:
    """Let a person try to sign in again at once. Raises PermissionDenied."""
    if not Reach.of(by, person).edit:
        raise PermissionDenied
    unlock_sign_in(username=person.get_username())
    audit.record("user.changed", user=by, target=person, fields=["lockout"])


def welcome_path(person: User) -> str:
    """Return where the person chooses a password: good once, and for PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(person.pk))
    return reverse("welcome", args=[uid, default_token_generator.make_token(person)])


def _within_reach(person: User, by: User) -> None:
    if not Reach.of(by, person).access:
        raise PermissionDenied


def _give_role(person: User, role: str, by: User) -> None:
    """Replace the person's role; groups that are none of the roles stay. A superuser has every role anyway."""
    before = role_of(person)
    if role == before or person.is_superuser:
        return
    person.groups.remove(*Group.objects.filter(name__in=ROLES))
    if role:
        person.groups.add(Group.objects.get(name=role))
    audit.record(
        "role.changed", user=by, target=person, before=[before] if before else [], after=[role] if role else []
    )  # fmt: skip
