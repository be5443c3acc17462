"""Users and their roles in the admin. Who is not a superuser cannot make or change one."""

from __future__ import annotations

from typing import Any, cast

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from axes.utils import reset
from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, SetUnusablePasswordMixin, UserCreationForm
from django.contrib.auth.models import Group, Permission, User
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from connections import audit
from connections.admin_filters import Roles
from connections.models import UserPreference
from connections.people.roles import LABELS, ROLES

# Django names the table between users and groups when it is loaded, whatever language the reader has.
User.groups.through._meta.verbose_name = _("Role")
User.groups.through._meta.verbose_name_plural = _("Roles")


def _role_words(link: Any) -> str:
    return str(LABELS.get(link.group.name, link.group.name))


User.groups.through.__str__ = _role_words  # type: ignore[method-assign]  # it has no class of its own to say it in

for model in (AccessAttempt, AccessFailureLog, AccessLog, Group, User):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class PreferenceInline(admin.StackedInline):
    model = UserPreference
    can_delete = False
    max_num = 1
    extra = 0

    # Part of the user: whoever may change the user may change these.
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("auth.view_user")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("auth.change_user")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("auth.change_user")


class RoleField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, group: models.Model) -> str:
        return str(LABELS.get(str(group), group))


class PasswordForm(AdminPasswordChangeForm):
    # Django joins its own help when the form is loaded, whatever language the reader has.
    usable_password_help_text = cast(
        str,
        format_lazy(
            '{}<ul id="id_unusable_warning" class="messagelist"><li class="warning">{}</li></ul>',
            SetUnusablePasswordMixin.usable_password_help_text,
            _("If disabled, the current password for this user will be lost."),
        ),
    )


@admin.register(User)
class PersonAdmin(UserAdmin):
    """A new user, or one whose password another person set, must choose his own at the next sign-in."""

    add_form = UserCreationForm
    change_password_form = PasswordForm
    add_form_template = None
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "first_name", "last_name", "groups")}),)
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name", "email")}),
        (_("Access"), {"fields": ("is_active", "groups", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}
    inlines = (PreferenceInline,)
    list_display = ("username", "full_name", "roles", "is_active", "last_login")
    list_filter = ("is_active", ("groups", Roles))
    actions = ("unlock",)

    @admin.display(description=_("name"), ordering="first_name")
    def full_name(self, person: User) -> str:
        return person.get_full_name() or "—"

    @admin.display(description=_("role"))
    def roles(self, person: User) -> str:
        if person.is_superuser:
            return str(_("Superuser"))
        return ", ".join(str(LABELS.get(group.name, group.name)) for group in person.groups.all()) or "—"

    @admin.action(description=_("Unlock sign-in"), permissions=["change"])
    def unlock(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            reset(username=person.get_username())
            audit.record("user.changed", user=request.user, target=person, fields=["lockout"])
        text = ngettext("%(count)s person may sign in again.", "%(count)s people may sign in again.", len(people))
        self.message_user(request, text % {"count": len(people)})

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> tuple[type[admin.StackedInline], ...]:
        return (PreferenceInline,) if obj else ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs |= {
                "form_class": RoleField,
                "label": _("Roles"),
                "help_text": _("A viewer reads; an operator also syncs and tests; an administrator does everything."),
            }
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name == "groups":
            field.widget.can_add_related = False  # roles are chosen here, not made
        return field

    # Who may touch whom

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        if not request.user.is_superuser:
            fields += ("is_superuser",)
        if obj is not None and obj == request.user:
            fields += ("is_active", "is_superuser", "groups")  # no one locks himself out
        return tuple(dict.fromkeys(fields))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_within_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may_delete = super().has_delete_permission(request, obj) and obj != request.user
        return may_delete and self._is_within_reach(request, obj)

    @staticmethod
    def _is_within_reach(request: HttpRequest, person: User | None) -> bool:
        return person is None or request.user.is_superuser or not person.is_superuser

    # What is noted

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change:
            fields = [name for name in form.changed_data if name != "groups"]
            if fields:
                audit.record("user.changed", user=request.user, target=obj, fields=fields)
        else:
            UserPreference.objects.create(user=obj, must_change_password=True)
            audit.record("user.created", user=request.user, target=obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        before = set(form.instance.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(form.instance.groups.values_list("name", flat=True))
        if before != after:
            audit.record(
                "role.changed", user=request.user, target=form.instance, before=sorted(before), after=sorted(after)
            )

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        audit.record("user.deleted", user=request.user, target=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for person in queryset:
            audit.record("user.deleted", user=request.user, target=person)
        super().delete_queryset(request, queryset)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        before = self.get_object(request, unquote(id))
        response = super().user_change_password(request, id, form_url)
        after = self.get_object(request, unquote(id))
        if before and after and before.password != after.password:
            if after != request.user:
                UserPreference.objects.update_or_create(user=after, defaults={"must_change_password": True})
            audit.record("password.changed", user=request.user, target=after)
        return response


# Models without a name of their own in Portuguese, as no page shows them.
gettext_noop("rate bucket"), gettext_noop("reset"), gettext_noop("system job"), gettext_noop("told health")
_VERBS = {"add": _("add"), "change": _("change"), "delete": _("delete"), "view": _("view")}


def permission_words(permission: Permission) -> str:
    """Return what a permission lets one do, in the reader's language; Django keeps their names in English."""
    kind = permission.content_type
    verb = _VERBS.get(permission.codename.removesuffix(f"_{kind.model}"))
    return f"{capfirst(gettext(kind.name))}: {verb or gettext(permission.name)}"


class PermissionField(forms.ModelMultipleChoiceField):
    def label_from_instance(self, permission: models.Model) -> str:
        assert isinstance(permission, Permission)  # noqa: S101 - for the type checker
        return permission_words(permission)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """The three roles are set by the code; other groups may be added."""

    list_display = ("name", "label")
    filter_horizontal = ()  # its boxes have names that assistive technology may not read
    formfield_overrides = {models.ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs | {"form_class": PermissionField})
        if field is not None and field.queryset is not None:  # what the console itself asks for
            field.queryset = field.queryset.filter(content_type__app_label__in=("auth", "connections", "syncruns"))
        return field

    def get_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return ("name", "permissions" if self.has_change_permission(request, obj) else "granted")

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> tuple[str, ...]:
        return ("granted",)

    @admin.display(description=_("permissions"))
    def granted(self, group: Group) -> SafeString:
        held = group.permissions.select_related("content_type")
        return format_html_join(mark_safe("<br>"), "{}", ([permission_words(one)] for one in held))  # noqa: S308 - a constant

    @admin.display(description=_("role"))
    def label(self, group: Group) -> str:
        return str(LABELS.get(group.name, ""))

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.name not in ROLES)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.name not in ROLES)
