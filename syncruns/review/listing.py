"""Quarantined records as their list shows them: filters kept in the address, and which of them a person chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from connections.models import Connection
from syncruns.known_query import KnownFilters, value_of
from syncruns.models import QuarantinedRecord
from syncruns.reasons import why
from syncruns.review.fields import Tables, shown_table

State = QuarantinedRecord.State
ALL = "all"
MOST_CHOSEN = 5000  # records one button acts on
REASONS_SHOWN = 2


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to. state: one of State, or ALL; empty means open. run: an id."""

    connection: str = ""
    table: str = ""
    reason: str = ""
    state: str = ""
    run: str = ""
    q: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str], *, can_see: bool) -> Filters:
        """Return the filters of an address or form; keys are searched only by who may see them."""
        filters = cls(**{field.name: value_of(given, field.name)[:200] for field in fields(cls)})
        return filters if can_see else cls(**{**asdict(filters), "q": ""})

    @property
    def is_set(self) -> bool:
        return any(asdict(self).values())

    @property
    def query(self) -> str:
        """The filters as the end of an address: "connection=loja&state=all", "" without any."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    @property
    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in asdict(self).items() if value]

    def apply(self, records: QuerySet[QuarantinedRecord]) -> QuerySet[QuarantinedRecord]:
        """Narrow records down."""
        if self.connection:
            records = records.filter(connection__slug=self.connection)
        if self.table:
            records = records.filter(table=self.table)
        if self.reason:
            records = records.filter(reason=self.reason)
        if self.run:
            run = _uuid(self.run)
            records = records.filter(run=run) if run else records.none()
        if self.q:
            records = records.filter(record_key__icontains=self.q)
        state = self.state or State.OPEN
        return records if state == ALL else records.filter(state=state)


@dataclass(frozen=True)
class Choices:
    """What the filters offer: value -> words; tables and reasons those of the chosen connection."""

    connections: dict[str, str]
    tables: dict[str, str]
    reasons: dict[str, str]

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Choices:
        records, chosen = every_record().order_by(), value_of(given, "connection")
        connections = Connection.objects.filter(Q(pk__in=records.values("connection")) | Q(slug=chosen), deletion="")
        named = dict(connections.order_by("name").values_list("slug", "name"))
        if chosen in named:
            records = records.filter(connection__slug=chosen)
        reasons = records.exclude(reason="").values_list("reason", flat=True).distinct()
        return cls(
            connections=named,
            tables=dict(_tables(records)),
            reasons=dict(sorted(((code, reason_words(code)) for code in reasons), key=lambda reason: reason[1])),
        )

    @property
    def states(self) -> dict[str, Any]:
        return {**dict(State.choices), ALL: _("Any state")}

    @property
    def known(self) -> KnownFilters:
        """The parameters of an address with what the list calls them and the values it knows."""
        return {
            "connection": (_("Connection"), self.connections),
            "table": (_("Table"), self.tables),
            "reason": (_("Reason"), self.reasons),
            "state": (_("State"), self.states),
            "run": (_("Run"), _uuid),
        }


@dataclass(frozen=True)
class Shown:
    """One line of the list.

    key: "" when the record has none that can be read; table: its name in the database; more: reasons left out.
    """

    record: QuarantinedRecord
    key: str
    table: str
    reasons: list[tuple[str, str]]
    more: int


def every_record() -> QuerySet[QuarantinedRecord]:
    return QuarantinedRecord.objects.filter(connection__deletion="")


def reason_words(code: str) -> str:
    """Return a reason as the filter calls it, whatever number a particular record brings."""
    return why({"code": code, "params": {"scale": "N"}})


def shown(records: Iterable[QuarantinedRecord], *, can_see: bool) -> list[Shown]:
    """Return records as lists show them; their connections must be there."""
    tables = Tables()
    return [
        Shown(
            record=record,
            key=tables.key_shown(record, can_see=can_see),
            table=shown_table(record.connection.kind, record.table),
            reasons=[(column, why(reason)) for column, reason in list(record.reasons.items())[:REASONS_SHOWN]],
            more=max(len(record.reasons) - REASONS_SHOWN, 0),
        )
        for record in records
    ]


def chosen(given: Mapping[str, str], ids: Iterable[str], *, can_see: bool) -> QuerySet[QuarantinedRecord]:
    """Return the open records a person chose: those ticked, or all that fit the filters and had come by `until`."""
    records = every_record().filter(state=State.OPEN)
    if given.get("all") != "1":
        return records.filter(pk__in=[int(pk) for pk in ids if pk.isascii() and pk.isdigit() and len(pk) < 19])
    until = parse_datetime(given.get("until", ""))
    records = Filters.of(given, can_see=can_see).apply(records)
    return records.filter(last_seen_at__lte=until) if until else records.none()


def neighbours(
    records: QuerySet[QuarantinedRecord], record: QuarantinedRecord
) -> tuple[QuarantinedRecord | None, QuarantinedRecord | None]:
    """Return the records before and after one, in the order of the list (newest first)."""
    at, pk = record.last_seen_at, record.pk
    later = records.filter(Q(last_seen_at__gt=at) | Q(last_seen_at=at, pk__lt=pk)).order_by("last_seen_at", "-pk")
    earlier = records.filter(Q(last_seen_at__lt=at) | Q(last_seen_at=at, pk__gt=pk)).order_by("-last_seen_at", "pk")
    return later.only("pk").first(), earlier.only("pk").first()


def _tables(records: QuerySet[QuarantinedRecord]) -> list[tuple[str, str]]:
    """Return the declared names of records' tables, each with its names in the database."""
    found: dict[str, set[str]] = {}
    for kind, name in records.values_list("connection__kind", "table").distinct():
        found.setdefault(name, set()).add(shown_table(kind, name))
    return sorted(((name, ", ".join(sorted(shown))) for name, shown in found.items()), key=lambda table: table[1])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
