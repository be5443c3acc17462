"""Corrections as people see them: in words, masked for who may not see the values, with the way to their rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from connections.models import Connection
from connections.sdk.declare import MASK, Column
from syncruns.changes import spoken
from syncruns.models import Correction, QuarantinedRecord
from syncruns.record_address import record_url
from syncruns.review.corrections import Place, place_of, places_of
from syncruns.review.fields import Tables, shown_table, spelled

RECORDS_SHOWN = 20


@dataclass(frozen=True)
class Shown:
    """One correction in words, masked for who may not see it. url: of its row's page, while that is declared."""

    correction: Correction
    table: str
    key: str
    source: str
    value: str
    changed_to: str
    url: str
    is_applied: bool  # its column is still one that can be corrected


@dataclass(frozen=True)
class Written:
    """A record that could not be loaded as it was sent, and was with what a person wrote for columns."""

    record: QuarantinedRecord
    table: str
    key: str
    columns: list[str]


def corrections_shown(found: Iterable[Correction], *, can_see: bool) -> list[Shown]:
    places: dict[tuple[int, str, str], Place | None] = {}
    rows = []
    for one in found:
        where = (one.connection_id, one.stream, one.table)
        if where not in places:
            places[where] = place_of(one.connection, one.stream, one.table)
        place = places[where]
        names = {column.name: column for column in place.table.columns} if place is not None else {}
        column = names.get(one.column)
        is_open = can_see or (column is not None and not column.personal)
        has_open_key = can_see or (place is not None and not place.table.has_personal_key)
        rows.append(
            Shown(
                correction=one,
                table=shown_table(one.connection.kind, one.table),
                key=one.record_key if has_open_key else MASK,
                source=in_words(column, one.source) if is_open else MASK,
                value=in_words(column, one.value) if is_open else MASK,
                changed_to=in_words(column, one.changed_to) if is_open else MASK,
                url=record_url(one.connection.slug, one.stream, one.table, one.key) if place and has_open_key else "",
                is_applied=column is not None and column.is_correctable,
            )
        )
    return rows


def in_words(column: Column | None, kept: Any) -> str:
    """Return a kept value in the reader's language; "" for none."""
    if kept is None:
        return ""
    if isinstance(kept, bool):
        return _("yes") if kept else _("no")
    return spoken(column, str(kept)) if column is not None else spelled(kept)


def connections_corrected(chosen: str) -> dict[str, str]:
    """Return the names of connections with corrections, by short name; that of the chosen one in any case."""
    found = Connection.objects.filter(Q(corrections__isnull=False) | Q(slug=chosen), deletion="")
    return dict(found.order_by("name").values_list("slug", "name").distinct())


def correctable_tables() -> list[tuple[str, str]]:
    """Return the tables of which something can be corrected: a value for the form, and words."""
    return [
        (f"{place.connection.slug}:{place.stream.key}:{place.table.name}", f"{connection.name}: {place.shown}")
        for connection in Connection.objects.filter(deletion="").order_by("name").prefetch_related("stream_settings")
        for place in places_of(connection)
    ]


def written_records(slug: str, *, can_see: bool) -> list[Written]:
    """Return the newest records, of one connection or all, that were loaded with what a person wrote."""
    found = QuarantinedRecord.objects.filter(state=QuarantinedRecord.State.FIXED, connection__deletion="")
    found = found.exclude(corrections={}).select_related("connection").order_by("-closed_at")
    found = found.filter(connection__slug=slug) if slug else found
    tables = Tables()
    return [
        Written(
            record=one,
            table=shown_table(one.connection.kind, one.table),
            key=tables.key_shown(one, can_see=can_see),
            columns=sorted(one.corrections),
        )
        for one in found[:RECORDS_SHOWN]
    ]
