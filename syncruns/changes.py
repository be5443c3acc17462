"""What a run changed, as one reader may see it: rows in words, filtered, personal values masked for who only views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Case, Count, QuerySet, Value, When
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from connections.connectors import connector_class
from connections.models import Connection
from connections.people.roles import may_see_personal
from connections.sdk.declare import MASK, Column, Table
from connections.sdk.errors import SyncError
from syncruns import timewords
from syncruns.browser.places import kept_key_url
from syncruns.browser.tables import label_of
from syncruns.models import Change, StreamRun, SyncRun
from syncruns.outcomes import Look
from syncruns.record_address import record_url

Kind = Change.Kind
COLUMNS_SHOWN = 6  # of a changed row; the others fold
LOOKS: dict[str, Look] = {
    Kind.INSERTED: Look(pgettext_lazy("row", "New"), "plus", "ok"),
    Kind.UPDATED: Look(pgettext_lazy("row", "Changed"), "pencil", "late"),
    Kind.DELETED: Look(pgettext_lazy("row", "Deleted"), "minus", "action"),
}
# What says most comes first.
ORDER = Case(When(kind=Kind.UPDATED, then=Value(1)), When(kind=Kind.DELETED, then=Value(2)), default=Value(3))


@dataclass(frozen=True)
class Difference:
    """One column in words."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Shown:
    """One row in words. name: what it is called, "" when nothing says so; key: "id 12"; label: of its table."""

    change: Change
    look: Look
    name: str
    key: str
    label: str
    columns: list[Difference] = field(default_factory=list)
    more_columns: list[Difference] = field(default_factory=list)
    record: str = ""  # the address of the page on which somebody may correct the row
    row: str = ""  # of the row's own page, among the data


@dataclass(frozen=True)
class Choice:
    """One entry of the filter by stream and table."""

    value: str
    label: str


@dataclass(frozen=True)
class ChangeFilter:
    """What the list is narrowed to; kept in the address. of: a stream, or stream/table."""

    kind: str = ""
    of: str = ""

    @classmethod
    def of_query(cls, get: Mapping[str, str]) -> ChangeFilter:
        kind = get.get("kind", "")
        return cls(kind if kind in LOOKS else "", get.get("of", ""))

    @property
    def is_set(self) -> bool:
        return bool(self.kind or self.of)

    @property
    def place(self) -> dict[str, str]:
        stream, _slash, table = self.of.partition("/")
        return {name: value for name, value in (("stream", stream), ("table", table)) if value}


@dataclass(frozen=True)
class RunChanges:
    """The changes of one run. found: those the filter leaves; kept: how many they are.

    more: how many the run made beyond those kept, None where nobody counted; is_over: they were kept once.
    """

    found: QuerySet[Change]
    kept: int
    more: int | None
    is_over: bool
    choices: list[Choice]


def changes_of(run: SyncRun, streams: Sequence[StreamRun], wanted: ChangeFilter) -> RunChanges:
    """Return what of the run's changes is wanted, with one query; the rows themselves wait for who shows them."""
    found = Change.objects.filter(run=run)
    rows = found.order_by("stream", "table").values_list("stream", "table", "kind").annotate(Count("pk"))
    kept = {(stream, table, kind): count for stream, table, kind, count in rows}
    place = wanted.place
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    chosen = {
        where: count
        for where, count in kept.items()
        if (not wanted.kind or where[2] == wanted.kind)
        and where[0] == place.get("stream", where[0])
        and where[1] == place.get("table", where[1])
    }
    total = None
    if "table" not in place:
        kinds = [wanted.kind] if wanted.kind else list(LOOKS)
        counted = [stream for stream in streams if stream.stream == place.get("stream", stream.stream)]
        total = sum(getattr(stream, kind) for stream in counted for kind in kinds)
    return RunChanges(
        found=found.filter(**place).order_by(ORDER, "pk"),
        kept=sum(chosen.values()),
        more=None if total is None else max(0, total - sum(chosen.values())),
        is_over=not are_kept(run),
        choices=_choices(streams, [(stream, table) for stream, table, _kind in kept]),
    )


def are_kept(run: SyncRun | StreamRun) -> bool:
    """Say whether what the run or stream changed is still kept."""
    if not settings.RUN_CHANGES_LIMIT:
        return False
    days, ended = settings.KEEP_CHANGES_DAYS, run.finished_at
    return not days or ended is None or timezone.now() - ended < timedelta(days=days)


def _choices(streams: Sequence[StreamRun], places: Iterable[tuple[str, str]]) -> list[Choice]:
    """Return the streams that changed something, and their tables where there are several."""
    tables: dict[str, list[str]] = {}
    for stream, table in dict.fromkeys(places):
        tables.setdefault(stream, []).append(table)
    choices = []
    for one in streams:
        names = tables.get(one.stream, [])
        if names:
            choices.append(Choice(one.stream, _(one.label)))
        if len(names) > 1:
            choices += [Choice(f"{one.stream}/{name}", f"{_(one.label)}: {name}") for name in names]
    return choices


def changes_shown(changes: Iterable[Change], reader: User | AnonymousUser) -> list[Shown]:
    """Return changes, with their runs' connections, in the reader's language.

    What is no longer declared counts as personal.
    """
    sees_all = may_see_personal(reader)
    declared: dict[int, _Declared] = {}
    shown = []
    for change in changes:
        connection = change.run.connection
        if connection.pk not in declared:
            declared[connection.pk] = _declared(connection)
        known = declared[connection.pk]
        shown.append(_shown(change, _Reading(known.tables.get(change.table), sees_all), known))
    return shown


@dataclass(frozen=True)
class _Declared:
    schema: str = ""
    tables: dict[str, Table] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


def _declared(connection: Connection) -> _Declared:
    try:
        connector = connector_class(connection.kind)
        streams = connector.parts(connection.config)
    except SyncError:
        return _Declared()
    tables = {table.name: table for stream in streams for table in stream.tables}
    labels = {table.name: label_of(stream, table) for stream in streams for table in stream.tables}
    return _Declared(connector.schema, tables, labels)


def _shown(change: Change, reading: _Reading, declared: _Declared) -> Shown:
    columns = [
        Difference(name, reading.word(name, before), reading.word(name, after))
        for name, before, after in change.columns
    ]
    shown = COLUMNS_SHOWN if change.kind == Kind.UPDATED else 0
    return Shown(
        change=change,
        look=LOOKS[change.kind],
        name=reading.word(*change.name) if change.name else "",
        key=reading.key(change.key),
        label=declared.labels.get(change.table, change.stream),
        columns=columns[:shown],
        more_columns=columns[shown:],
        **_addresses(change, declared),
    )


def _addresses(change: Change, declared: _Declared) -> dict[str, str]:
    table, connection = declared.tables.get(change.table), change.run.connection
    is_cut = any(isinstance(part, str) and part.endswith("…") for part in change.key)
    if change.run.is_dry or table is None or is_cut:
        return {}
    if change.kind != Kind.DELETED and any(column.is_correctable for column in table.columns):
        return {"record": record_url(connection.slug, change.stream, change.table, change.key)}
    return {"row": kept_key_url(declared.schema, table, connection.pk, change.key)}


class _Reading:
    """How the values of one table read; a table that is no longer declared is None."""

    def __init__(self, table: Table | None, sees_all: bool) -> None:
        self._columns: dict[str, Column] = {column.name: column for column in table.columns} if table else {}
        self._key = table.key if table else ()
        self._sees_all = sees_all

    def key(self, parts: Sequence[Any]) -> str:
        """Return "id 12", "order_id 1, position 2", or the bare values."""
        names = self._key if len(self._key) == len(parts) else ("",) * len(parts)
        return ", ".join(f"{name} {self.word(name, part)}".strip() for name, part in zip(names, parts, strict=True))

    def word(self, name: str, value: Any) -> str:
        """Return a value as people write it."""
        column = self._columns.get(name)
        if value is None:
            return "—"
        if not self._sees_all and (column is None or column.personal):
            return MASK
        if isinstance(value, bool):
            return _("Yes") if value else _("No")
        return spoken(column, str(value)) if column else str(value)


def spoken(column: Column, value: str) -> str:
    """Return a kept value of a column as people write it."""
    try:
        if column.type == "decimal":
            return str(number_format(_scaled(Decimal(value), column.scale), use_l10n=True, force_grouping=True))
        if column.type == "date" and (day := parse_date(value)):
            return _day(day)
        if column.type == "timestamp" and (moment := parse_datetime(value)):
            return timewords.exact(moment) if isinstance(moment, datetime) and timezone.is_aware(moment) else value
    except (ValueError, InvalidOperation):  # its type was another then
        return value
    return value


def _scaled(number: Decimal, scale: int | None) -> Decimal:
    """Return the number with the decimals that its column has: kept values are spelled without trailing zeros."""
    exponent = number.as_tuple().exponent
    if not scale or not isinstance(exponent, int) or -exponent >= scale:
        return number
    return number.quantize(Decimal(1).scaleb(-scale))


def _day(day: date) -> str:
    return date_format(day, pgettext("date format", "M j, Y"), use_l10n=False)
