"""Runs and what belongs to them, and the audit trail, in the admin: to read and to search."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_q.models import Failure, OrmQ, Schedule, Success

from connections.admin import ConnectionAdmin, ReadOnlyAdmin, pretty
from connections.admin_filters import Models, WordedValues
from connections.catalogue import explain
from connections.models import AuditEvent, Connection
from connections.sdk.errors import SyncError
from syncruns.events import outline, sentence
from syncruns.models import Checkpoint, QuarantinedRecord, StreamRun, SyncLog, SyncRun
from syncruns.review.fields import shown_table
from syncruns.services import request_sync
from syncruns.timewords import duration

# Django-Q2's own tables hold pickles and are ours to write; Connection comes back below with one action more.
for model in (Connection, Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Connection)
class RunnableConnectionAdmin(ConnectionAdmin):
    """The connection's admin, with what only this app can do."""

    actions = ("sync_now", *ConnectionAdmin.actions)

    @admin.action(description=_("Sync now"), permissions=["operate"])
    def sync_now(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        started = 0
        for connection in chosen:
            try:
                _run, created = request_sync(connection, user=request.user)
            except SyncError as problem:
                text = f"{connection}: {explain(problem.code, problem.params, connection.name).sentence}"
                self.message_user(request, text, messages.ERROR)
            else:
                started += created
        text = ngettext("%(count)s sync was started.", "%(count)s syncs were started.", started)
        self.message_user(request, text % {"count": started})


class StreamRunInline(admin.TabularInline):
    model = StreamRun
    template = "admin/edit_inline/rows.html"
    extra = 0
    can_delete = False
    fields = ("label", "state", "attempt", "pages", *StreamRun.COUNTED, "error_code")
    readonly_fields = fields
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = (
        "__str__", "connection", "state", "trigger", "queued_at", "took", "read", "inserted", "updated", "deleted",
        "error_code",
    )  # fmt: skip
    list_filter = ("state", "trigger", "connection")
    list_select_related = ("connection",)
    search_fields = ("id", "connection__name", "connection__slug", "error_code", "worker")
    search_help_text = _("Search by run, connection, error or worker")
    date_hierarchy = "queued_at"
    inlines = (StreamRunInline,)
    fields = (
        "connection", "state", "problem", "trigger", "requested_by", "attempt", "slot", "queued_at", "started_at",
        "finished_at", "took", *SyncRun.COUNTED, "worker", "shown_options", "log",
    )  # fmt: skip
    readonly_fields = fields

    def view_on_site(self, run: SyncRun) -> str:
        return reverse("run", args=[run.pk])

    @admin.display(description=_("duration"))
    def took(self, run: SyncRun) -> str:
        return duration(run.duration)

    @admin.display(description=_("problem"))
    def problem(self, run: SyncRun) -> str:
        return explain(run.error_code, run.error_params, run.connection.name).sentence if run.error_code else "—"

    @admin.display(description=_("options"))
    def shown_options(self, run: SyncRun) -> SafeString:
        return pretty(run.options)

    @admin.display(description=_("log"))
    def log(self, run: SyncRun) -> SafeString:
        return format_html(
            '<a href="{}?run__id__exact={}">{}</a>', reverse("admin:syncruns_synclog_changelist"), run.pk, _("Entries")
        )


@admin.register(SyncLog)
class SyncLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "run_link", "connection", "stream", "level", "message", "repeats")
    list_display_links = ("at",)
    list_filter = ("level", "run__connection")
    list_select_related = ("run__connection",)
    search_fields = ("event", "stream", "run__id")
    ordering = ("-id",)
    fields = ("run_link", "connection", "stream", "at", "level", "event", "message", "repeats", "shown_params")
    readonly_fields = fields

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("run"), ordering="run")
    def run_link(self, entry: SyncLog) -> SafeString:
        url = reverse("admin:syncruns_syncrun_change", args=[entry.run_id])
        return format_html('<a href="{}">{}</a>', url, str(entry.run_id)[:8])

    @admin.display(description=_("connection"), ordering="run__connection__name")
    def connection(self, entry: SyncLog) -> str:
        return entry.run.connection.name

    @admin.display(description=_("message"))
    def message(self, entry: SyncLog) -> str:
        return sentence(entry.event, entry.params)

    @admin.display(description=_("details"))
    def shown_params(self, entry: SyncLog) -> SafeString:
        return pretty({**entry.params, **entry.context})


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("connection", "stream", "committed_at")
    list_display_links = ("stream",)
    list_filter = ("connection",)
    list_select_related = ("connection",)
    search_fields = ("connection__name", "stream")
    fields = ("connection", "stream", "shown_state", "run", "committed_at")
    readonly_fields = fields

    @admin.display(description=_("state"))
    def shown_state(self, checkpoint: Checkpoint) -> SafeString:
        return pretty(checkpoint.state)


@admin.register(QuarantinedRecord)
class QuarantinedRecordAdmin(ReadOnlyAdmin):
    list_display = ("record_key", "shown_table", "connection", "state", "first_seen_at", "last_seen_at")
    list_filter = ("state", "connection")
    list_select_related = ("connection",)
    search_fields = ("record_key", "table", "stream", "connection__name")
    fields = (
        "connection", "stream", "shown_table", "record_key", "state", "shown_reasons", "shown_record", "first_seen_at",
        "last_seen_at", "closed_at", "run",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description=_("table"), ordering="table")
    def shown_table(self, record: QuarantinedRecord) -> str:
        return shown_table(record.connection.kind, record.table)

    @admin.display(description=_("reasons"))
    def shown_reasons(self, record: QuarantinedRecord) -> SafeString:
        return pretty(record.reasons)

    @admin.display(description=_("record"))
    def shown_record(self, record: QuarantinedRecord) -> SafeString:
        return pretty(record.record)


class Actions(WordedValues):
    """What was done, whatever a particular event says besides."""

    def words(self, value: str) -> str:
        return outline(value)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "told", "target_name")
    list_filter = (("action", Actions), ("target_kind", Models))
    search_fields = ("actor", "action", "target_name", "target_id")
    date_hierarchy = "at"
    fields = ("at", "actor", "told", "code", "target_kind", "target_name", "target_id", "shown_params")
    readonly_fields = fields

    @admin.display(description=_("code"))
    def code(self, event: AuditEvent) -> str:
        return event.action

    @admin.display(description=_("action"), ordering="action")
    def told(self, event: AuditEvent) -> str:
        return sentence(event.action, event.params)

    @admin.display(description=_("details"))
    def shown_params(self, event: AuditEvent) -> SafeString:
        return pretty(event.params)
