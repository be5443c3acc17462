"""Forms of the people pages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connections.models import UserPreference
from connections.people.roles import ADMINISTRATOR, OPERATOR, VIEWER


@cache
def zone_choices() -> list[tuple[str, str]]:
    """Return the zones that name a place, and UTC."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [(name, name.replace("_", " ")) for name in ["UTC", *names]]


_CLASSES: dict[type[forms.Widget], str] = {forms.Select: "form-select", forms.RadioSelect: "form-check-input"}


class KitForm(forms.Form):
    """Dresses the fields in the kit's classes, and leads to the first one that is wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = _CLASSES.get(type(field.widget), "form-control")

    def full_clean(self) -> None:
        super().full_clean()
        wrong = [name for name in self.errors if name in self.fields]
        for name, field in self.fields.items():
            if name in wrong:
                field.widget.attrs["class"] += " is-invalid"
            if wrong:
                field.widget.attrs["autofocus"] = name == wrong[0]


class SignInForm(KitForm, AuthenticationForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mismatch = _("User name and password do not match. Capital and small letters count.")
        self.error_messages = self.error_messages | {"invalid_login": mismatch}
        self.fields["username"].label = ABOUT_LABELS["username"]


class OwnWords(forms.Form):
    """Asks for a new password as the rest of the console speaks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        new, again = self.fields["new_password1"], self.fields["new_password2"]
        new.label, again.label, again.help_text = _("New password"), _("New password, once more"), ""
        longer = next(one.min_length for one in get_default_password_validators() if hasattr(one, "min_length"))
        new.help_text = _(
            "At least %(count)s characters, not only digits. Nothing like your name, and none that many people use."
        ) % {"count": longer}


class NewPasswordForm(OwnWords, KitForm, PasswordChangeForm):
    """Asks for the old password and a new one that differs from it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = _("Current password")

    def clean_new_password1(self) -> str:
        new: str = self.cleaned_data["new_password1"]
        if self.user.check_password(new):
            raise ValidationError(_("Choose a password that differs from the one you have now."), code="unchanged")
        return new


class PreferencesForm(KitForm, forms.ModelForm):
    """Language, zone and theme; empty means: as the browser, the installation, the system."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    class Meta:
        model = UserPreference
        fields = ("language", "time_zone", "theme")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        as_installed = _("As the installation (%(zone)s)") % {"zone": settings.TIME_ZONE}
        self._offer("language", _("As the browser"), settings.LANGUAGES)
        self._offer("time_zone", as_installed, zone_choices())

    def _offer(self, name: str, without: str | Promise, choices: Iterable[tuple[str, str | Promise]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the reader and the type checker
        field.choices = [("", without), *choices]


ROLE_CHOICES = (
    (VIEWER, _("Viewer: sees everything except settings and personal data")),
    (OPERATOR, _("Operator: also syncs, pauses, tests, reviews, exports rows and sees personal data")),
    (ADMINISTRATOR, _("Administrator: does everything, other people's access included")),
    ("", _("No role: can sign in, and sees nothing")),
)


ABOUT_LABELS = {
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "username": _("User name"),
    "email": _("E-mail"),
}


class AccountForm(KitForm, forms.ModelForm):
    """A person's name, e-mail and role. with_role: whether the role may be chosen here."""

    role = forms.ChoiceField(
        label=_("Role"), choices=ROLE_CHOICES, required=False, initial=VIEWER, widget=forms.RadioSelect
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name", "username", "email")
        labels: ClassVar[dict[str, Any]] = ABOUT_LABELS
        help_texts: ClassVar[dict[str, Any]] = {"username": _("Letters, digits and @ . + - _ only.")}

    def __init__(self, *args: Any, with_role: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not with_role:
            del self.fields["role"]
        for name, hint in (("first_name", "given-name"), ("last_name", "family-name"), ("email", "email")):
            self.fields[name].widget.attrs["autocomplete"] = "off" if with_role else hint
        self.fields["username"].widget.attrs.update(autocomplete="off", autocapitalize="none", spellcheck="false")
        self.fields["username"].widget.attrs.pop("autofocus", None)


class ProfileForm(KitForm, forms.ModelForm):
    """What a person says of himself."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email")
        labels: ClassVar[dict[str, Any]] = ABOUT_LABELS


class FirstPasswordForm(OwnWords, KitForm, SetPasswordForm):
    """Asks for a password, twice."""
