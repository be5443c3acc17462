"""Connections in the admin. Credentials are neither shown nor asked for here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from connections import schedule, services
from connections.admin_filters import Kinds, kind_words
from connections.catalogue import explain
from connections.models import Connection, StreamSetting
from connections.people import admin as people_admin  # noqa: F401 - registers users and roles
from connections.sdk.errors import SyncError


def pretty(value: Any) -> SafeString:
    """Return JSON as a block that can be read."""
    return format_html("<pre>{}</pre>", json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True))


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the console writes and people read."""

    actions = None
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConnectionForm(forms.ModelForm):
    class Meta:
        model = Connection
        fields = ("name", "description", "auto_sync", *services.SCHEDULE_FIELDS)

    def clean(self) -> dict[str, Any]:
        super().clean()
        needed = {"daily": "daily_at", "cron": "cron"}.get(str(self.cleaned_data.get("schedule_kind")))
        if needed and self.cleaned_data.get(needed) in (None, "") and needed not in self.errors:
            self.add_error(needed, _now("This field is required."))
        return self.cleaned_data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # the model's own checks; missing in the stubs
        if not self.errors:
            try:
                self._check_schedule()
            except ValidationError as problem:
                self.add_error(None, problem)

    def _check_schedule(self) -> None:
        chosen = {name: self.cleaned_data[name] for name in services.SCHEDULE_FIELDS if name != "catch_up"}
        chosen["kind"] = chosen.pop("schedule_kind")
        try:
            schedule.check(schedule.Schedule(**chosen), timezone.now())
        except SyncError as problem:
            field = problem.params.get("field", "cron")
            raise ValidationError({field: explain(problem.code, problem.params).sentence}) from None


class StreamSettingInline(admin.TabularInline):
    """Shown only; the console knows which streams there are."""

    model = StreamSetting
    template = "admin/edit_inline/rows.html"
    extra = 0
    can_delete = False
    fields = ("name", "enabled", "window_minutes", "page_size", "every_minutes", "first_since")
    readonly_fields = ("name",)

    @admin.display(description=_("stream"))
    def name(self, chosen: StreamSetting) -> str:
        return chosen.stream

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):
    form = ConnectionForm
    list_display = ("name", "kind_label", "status", "auto_sync", "next_sync_at", "last_sync_at")
    list_filter = ("status", "auto_sync", ("kind", Kinds), "schedule_kind")
    search_fields = ("name", "slug", "kind", "status_code", "description")
    readonly_fields = (
        "slug", "kind_label", "shown_config", "shown_secrets", "status", "problem", "next_sync_at", "last_sync_at",
        "blocked_until", "created_at", "updated_at",
    )  # fmt: skip
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "description",
                    "slug",
                    "kind_label",
                    "status",
                    "problem",
                    "last_sync_at",
                    "blocked_until",
                )
            },
        ),
        (_("Schedule"), {"fields": ("auto_sync", "next_sync_at", *services.SCHEDULE_FIELDS)}),
        (
            _("Settings"),
            {
                "fields": ("shown_config", "shown_secrets", "created_at", "updated_at"),
                "description": _("Settings and credentials are changed in the console, which tests them."),
            },
        ),
    )
    inlines = (StreamSettingInline,)
    actions: Sequence[str] = ("switch_on", "switch_off")

    # Creating, editing settings and deleting need the console's checks.
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Connection | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("connections.operate_connection")

    def view_on_site(self, connection: Connection) -> str:
        return reverse("connection", args=[connection.slug])

    @admin.display(description=_("kind"), ordering="kind")
    def kind_label(self, connection: Connection) -> str:
        return kind_words(connection.kind)

    @admin.display(description=_("settings"))
    def shown_config(self, connection: Connection) -> SafeString:
        return pretty(connection.config)

    @admin.display(description=_("credentials"))
    def shown_secrets(self, connection: Connection) -> str:
        names = sorted(connection.secrets_set_at)
        if not names:
            return "—"
        return _now("Stored encrypted, never shown: %(names)s") % {"names": ", ".join(names)}

    @admin.display(description=_("problem"))
    def problem(self, connection: Connection) -> str:
        if not connection.status_code:
            return "—"
        return explain(connection.status_code, connection.status_params, connection.name).sentence

    @admin.action(description=_("Switch auto-sync on"), permissions=["operate"])
    def switch_on(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        self._switch(request, chosen, on=True)

    @admin.action(description=_("Switch auto-sync off"), permissions=["operate"])
    def switch_off(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        self._switch(request, chosen, on=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Connection], *, on: bool) -> None:
        for connection in chosen:
            services.set_auto_sync(connection, on, user=request.user)
        text = ngettext("%(count)s connection was switched.", "%(count)s connections were switched.", len(chosen))
        self.message_user(request, text % {"count": len(chosen)})

    def save_model(self, request: HttpRequest, obj: Connection, form: ConnectionForm, change: bool) -> None:
        """Save through the services, which plan the next sync and note who changed what."""
        values = form.cleaned_data
        services.update_connection(
            obj,
            name=values["name"],
            description=values["description"],
            schedule={name: values[name] for name in services.SCHEDULE_FIELDS},
            user=request.user,
        )
        services.set_auto_sync(obj, values["auto_sync"], user=request.user)
