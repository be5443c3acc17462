"""One row of a destination table with what is known of it: its run, its changes, its parent and children."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse

from connections.models import Connection
from connections.sdk.declare import MASK, Key, Table
from syncruns.browser.cells import Cell, cells, whole_cells
from syncruns.browser.filters import EQUALS, SEPARATOR
from syncruns.browser.personal import hidden_columns
from syncruns.browser.places import key_url, row_url
from syncruns.browser.tables import Browsed
from syncruns.changes import Shown, changes_shown
from syncruns.engine.changes import kept_key
from syncruns.engine.corrections import kept_value
from syncruns.engine.transform import spelled_key
from syncruns.engine.warehouse import warehouse
from syncruns.engine.warehouse.browse import Condition, Order, Rows, Selection, StoredRow
from syncruns.engine.warehouse.tables import TooLong
from syncruns.models import Change, SyncRun
from syncruns.record_address import record_url

CHANGES_SHOWN, CHILDREN_SHOWN, CHILD_COLUMNS = 20, 10, 5
SECONDS = 3.0  # for changes, and for the rows of each child table: neither has an index for every case


@dataclass(frozen=True)
class Children:
    """The rows of a child table that belong to a row. lines: address and cells of the first; url: of all of them.

    is_too_long: they could not be found in time.
    """

    browsed: Browsed
    names: list[str]
    lines: list[tuple[str, list[Cell]]]
    has_more: bool
    url: str
    is_too_long: bool = False


class RowShown:
    """A row as one reader may see it. Each part asks the database when a page shows it."""

    def __init__(self, request: HttpRequest, browsed: Browsed, table: Table, row: StoredRow, hidden: set[str]) -> None:
        self._request = request
        self._browsed = browsed
        self._table = table
        self._hidden = hidden
        self.row = row
        self._values = dict(zip((column.name for column in table.columns), row.values, strict=True))
        self._key: Key = tuple(self._values[name] for name in table.key)

    @property
    def cells(self) -> list[Cell]:
        return whole_cells(self.row, self._table, self._hidden)

    @property
    def key(self) -> str:
        is_masked = any(name in self._hidden for name in self._table.key)
        return MASK if is_masked else spelled_key(self._key)

    @cached_property
    def connection(self) -> Connection | None:
        return Connection.objects.filter(pk=self.row.connection_id, deletion="").first()

    @cached_property
    def run(self) -> SyncRun | None:
        """The run that wrote the row last, while it is kept."""
        return SyncRun.objects.filter(pk=self.row.run_id).first()

    @cached_property
    def changes(self) -> list[Shown] | None:
        """What is kept of the row's changes, newest first; None when finding them takes too long."""
        kept = Change.objects.filter(
            run__connection=self.row.connection_id, table=self._browsed.name, key=kept_key(self._table, self._key)
        )
        kept = kept.exclude(run__trigger=SyncRun.Trigger.DRY_RUN).select_related("run__connection").order_by("-pk")
        try:
            with warehouse().limited(SECONDS):
                found = list(kept[:CHANGES_SHOWN])
        except TooLong:
            return None
        return changes_shown(found, AnonymousUser() if self._hidden else self._request.user)

    @cached_property
    def correct_url(self) -> str:
        """The address of the page on which the row is corrected; "" where nobody can."""
        one = next((one for one in self._browsed.declarations if one.connection == self.connection), None)
        is_open = self.key != MASK and self.row.deleted_at is None
        if one is None or not is_open or not any(column.is_correctable for column in one.table.columns):
            return ""
        key = [kept_value(part) for part in self._key]
        return record_url(one.connection.slug, one.stream.key, one.table.name, key)

    @cached_property
    def parent(self) -> tuple[Browsed, str, str] | None:
        """The parent's table, what it is called there, and the address of its row's page."""
        parent = self._browsed.parent
        if parent is None or parent.table is None:
            return None
        key = [self._values.get(name) for name in self._browsed.parent_key]
        if None in key or len(key) != len(parent.table.key):
            return None
        is_masked = any(name in self._hidden for name in self._browsed.parent_key)
        shown = MASK if is_masked else spelled_key(tuple(key))
        return parent, shown, key_url(parent, parent.table, self.row.connection_id, key)

    @cached_property
    def children(self) -> list[Children]:
        return [self._of_child(child) for child in self._browsed.children if self._has_its_key(child)]

    def _has_its_key(self, child: Browsed) -> bool:
        """Say whether a child table stands, with the columns that hold this row's key as that stands."""
        names = {column.name for column in child.table.columns} if child.table is not None else set()
        return bool(names) and names.issuperset(child.parent_key) and len(child.parent_key) == len(self._key)

    def _of_child(self, child: Browsed) -> Children:
        table = child.table
        assert table is not None  # noqa: S101 - as children says
        hidden = hidden_columns(self._request, child, table)
        same = tuple(
            Condition(table.column(name), "equals", part)
            for name, part in zip(child.parent_key, self._key, strict=True)
        )
        selection = Selection(connection_id=self.row.connection_id, conditions=same)
        try:
            with warehouse().limited(SECONDS):
                page = Rows(warehouse(), child.schema, table, selection).page(Order(), CHILDREN_SHOWN)
        except TooLong:
            return Children(child, [], [], False, "", is_too_long=True)
        wanted = [column for column in table.columns if column.name not in child.parent_key][:CHILD_COLUMNS]
        return Children(
            browsed=child,
            names=[column.name for column in wanted],
            lines=[(row_url(child, table, row), cells(row, table, wanted, hidden)) for row in page.rows],
            has_more=page.has_after,
            url="" if hidden.intersection(child.parent_key) else self._all_url(child, same),
        )

    def _all_url(self, child: Browsed, same: tuple[Condition, ...]) -> str:
        asked: dict[str, Any] = {"connection": self.row.connection_id}
        asked |= {f"{EQUALS}{SEPARATOR}{one.column.name}": _as_asked(one) for one in same}
        return f"{reverse('data_table', args=[child.schema, child.name])}?{urlencode(asked)}"


def _as_asked(condition: Condition) -> str:
    """Return a value as the filter of its column reads it again."""
    return str(kept_value(condition.value))
