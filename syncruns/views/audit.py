"""Who did what: the audit trail, for administrators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from connections.models import AuditEvent, Connection
from connections.sdk.errors import SyncError
from connections.services import streams_of
from syncruns.events import Change, changes, sentence
from syncruns.known_query import KnownFilters, known_only
from syncruns.views.runs import SPAN_WORDS, SPANS

PER_PAGE = 50
# What the page filters by: the beginnings of action codes, grouped as people think of them.
GROUPS: dict[str, tuple[str | Promise, tuple[str, ...]]] = {
    "settings": (_("Settings of connections"), ("connection.", "stream.")),
    "tables": (_("Tables"), ("schema.",)),
    "auto_sync": (_("Automatic syncing"), ("auto_sync.",)),
    "runs": (_("Runs"), ("run.",)),
    "review": (_("Review"), ("records.",)),
    "data": (_("Data looked at or exported"), ("data.", "document.")),
    "sign_in": (_("Sign-in"), ("sign_",)),
    "people": (_("Users and roles"), ("user.", "role.", "password.")),
    "system": (_("System"), ("secrets.", "token.", "webhook.")),
}


@dataclass(frozen=True)
class Filters:
    """What the trail is narrowed to; kept in the address."""

    who: str = ""
    connection: str = ""
    action: str = ""
    span: str = ""

    @classmethod
    def of(cls, given: QueryDict) -> Filters:
        return cls(**{field.name: given.get(field.name, "").strip()[:150] for field in fields(cls)})

    @property
    def is_set(self) -> bool:
        return any(asdict(self).values())

    def apply(self, events: QuerySet[AuditEvent], connection: Connection | None, now: datetime) -> QuerySet[AuditEvent]:
        """Narrow events down; connection: the one that self.connection names."""
        if self.who:
            events = events.filter(actor=self.who)
        if self.connection:
            events = events.filter(target_kind="connection", target_id=str(connection.pk) if connection else "")
        if self.action:
            _label, prefixes = GROUPS[self.action]
            chosen = Q(pk=None)
            for prefix in prefixes:
                chosen |= Q(action__startswith=prefix)
            events = events.filter(chosen)
        if self.span in SPANS:
            events = events.filter(at__gte=now - SPANS[self.span])
        return events


@dataclass(frozen=True)
class Row:
    """One event in words. slug: of the connection it was done to, while there is one; run: the id of its run."""

    event: AuditEvent
    words: str
    changes: list[Change]
    slug: str
    run: str
    address: str


@require_safe
@permission_required("connections.view_auditevent", raise_exception=True)
def audit(request: HttpRequest) -> HttpResponse:
    people = sorted(AuditEvent.objects.order_by().values_list("actor", flat=True).distinct(), key=str.casefold)
    connections = dict(Connection.objects.order_by("name").values_list("slug", "name"))
    known: KnownFilters = {
        "who": (_("Who"), people),
        "connection": (_("Connection"), connections),
        "action": (_("What"), GROUPS),
        "span": (_("Period"), SPANS),
    }
    asked = known_only(request.GET, known)
    filters = Filters.of(asked.given)
    connection = Connection.objects.filter(slug=filters.connection).first() if filters.connection else None
    events = filters.apply(AuditEvent.objects.all(), connection, timezone.now())
    page = Paginator(events, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "asked": asked,
        "filters": filters,
        "page": page,
        "rows": _rows(page.object_list),
        "people": people,
        "connections": connections.items(),
        "groups": [(code, label) for code, (label, _prefixes) in GROUPS.items()],
        "spans": SPAN_WORDS.items(),
    }
    return render(request, "console/audit.html", context)


def _titles(connections: Iterable[Connection]) -> dict[tuple[str, str], str]:
    """Return what streams are called, by the connection's id and their key."""
    titles: dict[tuple[str, str], str] = {}
    for one in connections:
        with suppress(SyncError):
            titles |= {(str(one.pk), each.stream.key): gettext(each.stream.label) for each in streams_of(one)}
    return titles


def _with_title(event: AuditEvent, titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return an event's params with the title of its stream; its key where that is unknown by now."""
    stream = event.params.get("stream")
    title = titles.get((event.target_id, stream)) if isinstance(stream, str) else None
    return {**event.params, "stream": title} if title else event.params


def _rows(events: Iterable[AuditEvent]) -> list[Row]:
    found = list(events)
    ids = {event.target_id for event in found if event.target_kind == "connection"}
    connections = Connection.objects.filter(pk__in=ids, deletion="").prefetch_related("stream_settings")
    slugs = {str(one.pk): one.slug for one in connections}
    named = {event.target_id for event in found if "stream" in event.params}
    titles = _titles(one for one in connections if str(one.pk) in named)
    return [
        Row(
            event=event,
            words=sentence(event.action, _with_title(event, titles)),
            changes=changes(event.params),
            slug=slugs.get(event.target_id, "") if event.target_kind == "connection" else "",
            run=str(event.params.get("run", "")),
            address=str(event.params.get("address", "")),
        )
        for event in found
    ]
