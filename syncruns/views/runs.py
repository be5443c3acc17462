"""The list of runs, and the page of one: live while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from connections.explanation import day_words
from connections.models import Connection
from connections.people.roles import may_see_personal
from syncruns.changes import LOOKS, ChangeFilter, changes_of, changes_shown
from syncruns.forecast import forecast
from syncruns.health import SHORTEST_GRACE, label_of
from syncruns.known_query import KnownFilters, known_only, value_of
from syncruns.listing import measure
from syncruns.log_lines import LEVELS, LogFilter, log_shown, log_text
from syncruns.models import QuarantinedRecord, StreamRun, SyncRun
from syncruns.outcomes import FAILURES, RUN_LOOKS
from syncruns.review.listing import shown
from syncruns.run_words import run_sentence
from syncruns.searching import runs_found
from syncruns.streams import checkpoints_of
from syncruns.views.faults import ALL, UNFINISHED, fault_of_run

PER_PAGE = 50
RECORDS_SHOWN = 20
CHANGES_SHOWN = 10
STOP_POLLING = 286  # htmx: take this answer and ask no more
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SPAN_WORDS = {"1h": _("Last hour"), "24h": _("Last 24 hours"), "7d": _("Last 7 days"), "30d": _("Last 30 days")}
FAILED = "failures"  # failed, lost and timed out together


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; kept in the address. since, until: a bar of the overview's chart."""

    state: str = ""
    connection: str = ""
    trigger: str = ""
    span: str = ""
    tag: str = ""
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, given: QueryDict) -> Filters:
        get = given.get
        return cls(
            state=get("state", ""),
            connection=get("connection", ""),
            trigger=get("trigger", ""),
            span=get("span", ""),
            tag=get("tag", ""),
            q=value_of(given, "q")[:100],
            since=_moment(get("from", "")),
            until=_moment(get("until", "")),
        )

    @property
    def is_set(self) -> bool:
        return any((self.state, self.connection, self.trigger, self.span, self.tag, self.q, self.since, self.until))

    def apply(self, runs: QuerySet[SyncRun], now: datetime) -> QuerySet[SyncRun]:
        if self.state:
            runs = runs.filter(state__in=FAILURES if self.state == FAILED else [self.state])
        if self.connection:
            runs = runs.filter(connection__slug=self.connection)
        if self.trigger:
            runs = runs.filter(trigger=self.trigger)
        if self.q:
            runs = runs.filter(runs_found(self.q))
        if self.tag:
            tagged = Connection.objects.only("tags")
            runs = runs.filter(connection__in=[one.pk for one in tagged if self.tag in one.tags])
        if self.span in SPANS:
            runs = runs.filter(queued_at__gte=now - SPANS[self.span])
        if self.since:
            runs = runs.filter(finished_at__gte=self.since)
        if self.until:
            runs = runs.filter(finished_at__lt=self.until)
        return runs


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    if found is None:
        return None
    return found if timezone.is_aware(found) else timezone.make_aware(found)


@require_safe
@permission_required("syncruns.view_syncrun", raise_exception=True)
def runs(request: HttpRequest) -> HttpResponse:
    connections = list(Connection.objects.order_by("name").values_list("slug", "name", "tags"))
    tags = sorted({tag for _slug, _name, tags in connections for tag in tags}, key=str.casefold)
    states = {FAILED: _("All failures")} | {state: look.word for state, look in RUN_LOOKS.items()}
    known: KnownFilters = {
        "connection": (_("Connection"), {slug for slug, _name, _tags in connections}),
        "tag": (_("Tag"), tags),
        "state": (_("State"), states),
        "trigger": (_("Trigger"), SyncRun.Trigger.values),
        "span": (_("Period"), SPANS),
        "from": (_("Period"), _moment),
        "until": (_("Period"), _moment),
    }
    asked = known_only(request.GET, known)
    filters = Filters.of(asked.given)
    found = filters.apply(SyncRun.objects.all(), timezone.now())
    found = found.select_related("connection", "requested_by").defer("error_detail")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    SyncRun.add_up(page)
    context = {
        "asked": asked,
        "filters": filters,
        "page": page,
        "states": states.items(),
        "triggers": SyncRun.Trigger.choices,
        "spans": SPAN_WORDS.items(),
        "connections": [(slug, name) for slug, name, _tags in connections],
        "tags": tags,
    }
    return render(request, "console/runs.html", context)


@require_safe
@permission_required("syncruns.view_syncrun", raise_exception=True)
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return render(request, "console/run.html", _context(request, run_id))


@require_safe
@permission_required("syncruns.view_syncrun", raise_exception=True)
def run_progress(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The moving parts of a run's page, asked for every two seconds until the run has ended."""
    context = _context(request, run_id)
    ended = not context["run"].is_active
    return render(request, "console/_run_live.html", context | {"swap": True}, status=STOP_POLLING if ended else 200)


@require_safe
@permission_required("syncruns.view_synclog", raise_exception=True)
def run_log(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The whole log as a text file; made at once, for the reader's language and zone end with the request."""
    found = get_object_or_404(SyncRun.objects.select_related("connection"), pk=run_id)
    labels = dict(found.streams.values_list("stream", "label"))
    lines = log_text(found, labels, utc=request.GET.get("utc") == "1")
    response = HttpResponse("".join(lines), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.connection.slug}-{found}.log.txt"'
    return response


def _context(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    found = get_object_or_404(SyncRun.objects.select_related("connection", "requested_by"), pk=run_id)
    now = timezone.now()
    streams = list(found.streams.all())
    asked = known_only(request.GET, {"level": (_("Least level"), LEVELS)})
    wanted = LogFilter.of(asked.given)
    records = found.quarantine.filter(state=QuarantinedRecord.State.OPEN).select_related("connection").defer("record")
    waiting = records.count()
    unfinished = [stream for stream in streams if stream.state != StreamRun.State.SUCCEEDED]
    can_retry_unfinished = 0 < len(unfinished) < len(streams)
    can_repeat = _can_repeat(request, found)
    again = "" if not can_repeat else UNFINISHED if can_retry_unfinished else ALL
    since = _moment(found.options.get("since") or "")
    ends = None
    if found.state == SyncRun.State.RUNNING and found.started_at:
        typical = forecast(found.connection, now).typical
        ends = found.started_at + typical if typical and found.started_at + typical > now else None
    return {
        "run": found,
        "connection": found.connection,
        "label": label_of(found.connection.kind),
        "sentence": run_sentence(found, streams),
        "streams": streams,
        "has_steps": any(stream.is_step for stream in streams),
        "retries_steps": _retries_steps(request, found, streams),
        "progress": measure(streams) if streams else None,
        "ends": ends,
        "since": day_words(timezone.localtime(since)) if since else "",
        "is_live": found.is_active,
        "waits_long": now - found.queued_at > SHORTEST_GRACE,
        "fault": fault_of_run(found, streams, waiting, again),
        "can_repeat": can_repeat,
        "can_retry_unfinished": can_retry_unfinished,
        "checkpoints": checkpoints_of(found.connection, streams),
        "records": shown(records[:RECORDS_SHOWN], can_see=may_see_personal(request.user)) if waiting else [],
        "records_open": waiting,
        "asked": asked,
        "wanted": wanted,
        "log": log_shown(found, {stream.stream: stream.label for stream in streams}, wanted),
        "query": request.GET.urlencode(),
        "swap": False,
        **_changed(request, found, streams),
    }


def _can_repeat(request: HttpRequest, found: SyncRun) -> bool:
    """Say whether the reader may have the whole run done again."""
    if found.is_active or found.trigger in (SyncRun.Trigger.REVIEW, SyncRun.Trigger.BACKFILL):
        return False
    return not found.resets or request.user.has_perm("connections.change_connection")


def _retries_steps(request: HttpRequest, found: SyncRun, streams: list[StreamRun]) -> bool:
    """Say whether a step of the run can be done again by itself."""
    can_act = request.user.has_perm("connections.operate_connection") and not found.connection.deletion
    return can_act and not found.is_active and any(stream.is_step for stream in streams)


def _changed(request: HttpRequest, found: SyncRun, streams: list[StreamRun]) -> dict[str, Any]:
    """Return the first rows that a run changed, once it has ended."""
    if not streams or found.is_active or not request.user.has_perm("syncruns.view_change"):
        return {}
    changes = changes_of(found, streams, ChangeFilter())
    if not changes.kept and not changes.more:
        return {}
    rows = changes.found.select_related("run__connection")[:CHANGES_SHOWN]
    kinds = [(kind, look.word) for kind, look in LOOKS.items()]
    return {"changes": changes, "changes_shown": changes_shown(rows, request.user), "kinds": kinds}
