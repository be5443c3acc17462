"""What a table's page is asked for, as its address says it: filters by column, search, order, columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from connections.sdk.declare import Column, Table
from syncruns.browser.cells import day_words, word
from syncruns.engine.values import Refused, reader
from syncruns.engine.warehouse.browse import CHANGED_AT, UNSORTED, Condition, Order, Selection, Wanted
from syncruns.reasons import why
from syncruns.review.fields import written

SHOWN = 8  # columns of a table at first
LONGEST = 200  # letters of a search, or of what a column is compared with
SEPARATOR = ":"
EQUALS, CONTAINS, FROM, TO, IS = "eq", "has", "from", "to", "is"
EMPTY, FILLED, YES, NO = "empty", "filled", "yes", "no"
STATES: dict[str, Any] = {
    EMPTY: gettext_lazy("is empty"),
    FILLED: gettext_lazy("is not empty"),
    YES: pgettext_lazy("filter", "is yes"),
    NO: pgettext_lazy("filter", "is no"),
}
DELETED: dict[str, Any] = {
    "": gettext_lazy("Without deleted rows"),
    "with": gettext_lazy("With deleted rows"),
    "only": gettext_lazy("Only deleted rows"),
}
_WANTED: dict[str, Wanted] = {"": "without", "with": "with", "only": "only"}
_RANGES = ("integer", "decimal", "date", "timestamp")
_ASKED = {"text": (EQUALS, CONTAINS, IS), "json": (CONTAINS, IS), "boolean": (IS,)}  # of the others what has an order


@dataclass(frozen=True)
class Filter:
    """One test of one column as a person wrote it. wrong: why it does not count; condition: else what it says."""

    column: Column
    test: str
    text: str
    condition: Condition | None = None
    wrong: str = ""

    @property
    def parameter(self) -> str:
        return f"{self.test}{SEPARATOR}{self.column.name}"

    @property
    def words(self) -> str:
        """The test in words, to follow the column's name."""
        if self.test == IS:
            return str(STATES.get(self.text, self.text))
        told = {"value": self._told}
        match self.test:
            case "has":
                return _("contains “%(value)s”") % told
            case "from":
                return _("from %(value)s") % told
            case "to":
                return _("up to %(value)s") % told
        return _("is %(value)s") % told

    @property
    def _told(self) -> str:
        if self.condition is None or self.test == CONTAINS:
            return self.text
        value = self.condition.value
        if self.column.type == "timestamp" and self.test != EQUALS:
            day = timezone.localtime(value).date() - (timedelta(1) if self.test == TO else timedelta())
            return day_words(day)
        return word(self.column, value)


@dataclass(frozen=True)
class Asked:
    """The whole of what an address asks of a table, as far as the reader may ask it.

    connection: an id, or "". sort: a column, with a minus for descending, or "" for the key. run: the id of one.
    """

    table: Table
    open_columns: tuple[Column, ...]
    connection: str = ""
    deleted: str = ""
    q: str = ""
    run: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()

    @classmethod
    def of(cls, given: QueryDict, table: Table, hidden: Iterable[str] = ()) -> Asked:
        """Read an address. hidden: columns whose values the reader does not see, and cannot ask for either."""
        unseen = set(hidden)
        open_columns = tuple(column for column in table.columns if column.name not in unseen)
        known = {column.name: column for column in (*open_columns, CHANGED_AT)}
        sort = given.get("sort", "")
        by = known.get(sort.removeprefix("-"))
        chosen = {column.name for column in table.columns} & set(given.getlist("col"))
        connection, deleted = given.get("connection", ""), given.get("deleted", "")
        return cls(
            table=table,
            open_columns=open_columns,
            connection=connection if connection.isascii() and connection.isdecimal() and len(connection) < 19 else "",
            deleted=deleted if deleted in DELETED else "",
            q=" ".join(given.get("q", "").replace("\0", "").split())[:LONGEST],
            run=uuid_of(given.get("run", "")),
            sort=sort if by is not None and by.type != UNSORTED else "",
            columns=tuple(column.name for column in table.columns if column.name in chosen),
            filters=tuple(_filters(given, known)),
        )

    @property
    def selection(self) -> Selection:
        searched = tuple(
            column
            for column in self.open_columns
            if column.type == "text" or (column.type == "integer" and column.name in self.table.key)
        )
        return Selection(
            connection_id=int(self.connection) if self.connection else None,
            run_id=UUID(self.run) if self.run else None,
            deleted=_WANTED[self.deleted],
            conditions=tuple(one.condition for one in self.filters if one.condition is not None),
            search=self.q,
            searched=searched,
        )

    @property
    def order(self) -> Order:
        known = {column.name: column for column in (*self.open_columns, CHANGED_AT)}
        return Order(known.get(self.sort.removeprefix("-")), self.sort.startswith("-"))

    @property
    def sortable(self) -> list[Column]:
        """The columns by which rows can be sorted: of those shown, and when they were written."""
        return [
            column
            for column in (*self.shown, CHANGED_AT)
            if column.type != UNSORTED and (column == CHANGED_AT or column in self.open_columns)
        ]

    @property
    def is_narrowed(self) -> bool:
        return bool(self.connection or self.deleted or self.q or self.run or self.filters)

    @property
    def shown(self) -> list[Column]:
        """The columns to show: those chosen, else the key and the first of the others."""
        if self.columns:
            return [column for column in self.table.columns if column.name in self.columns]
        key = [column for column in self.table.columns if column.name in self.table.key]
        others = [column for column in self.table.columns if column.name not in self.table.key]
        return (key + others)[: max(SHOWN, len(key))]

    @property
    def items(self) -> list[tuple[str, str]]:
        """The address's parameters, without where a page begins."""
        plain = [(name, getattr(self, name)) for name in ("connection", "deleted", "q", "run", "sort")]
        filters = [(one.parameter, one.text) for one in self.filters]
        return [(name, value) for name, value in [*plain, *filters, *(("col", name) for name in self.columns)] if value]

    def query(self, **changes: Any) -> str:
        """Return the end of the address of the same page with some fields changed."""
        return urlencode(replace(self, **changes).items)

    def without(self, *filters: Filter) -> str:
        return self.query(filters=tuple(one for one in self.filters if one not in filters))

    def items_besides(self, *left_out: str) -> list[tuple[str, str]]:
        """Return the parameters but some, which a form that has fields of its own for these sends along."""
        return [(name, value) for name, value in self.items if name not in left_out]


@dataclass(frozen=True)
class ColumnForm:
    """The fields that filter by one column; values: what they hold, by parameter."""

    column: Column
    values: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""

    @classmethod
    def of(cls, asked: Asked, name: str) -> ColumnForm | None:
        """Return the form of a column that may be asked for; None of any other."""
        known = {column.name: column for column in (*asked.open_columns, CHANGED_AT)}
        column = known.get(name)
        if column is None:
            return None
        given = [one for one in asked.filters if one.column.name == name]
        wrong = next((one.wrong for one in given if one.wrong), "")
        return cls(column, {one.test: one.text for one in given}, wrong)

    @property
    def is_range(self) -> bool:
        return self.column.type in _RANGES

    @property
    def is_day(self) -> bool:
        return self.column.type in ("date", "timestamp")

    @property
    def parameters(self) -> dict[str, str]:
        """Test -> the name of its field."""
        tests = (EQUALS, CONTAINS, FROM, TO, IS)
        return {test: f"{test}{SEPARATOR}{self.column.name}" for test in tests}

    @property
    def states(self) -> list[tuple[str, Any]]:
        names = (YES, NO, EMPTY, FILLED) if self.column.type == "boolean" else (EMPTY, FILLED)
        return [(name, STATES[name]) for name in names]


def unknown_columns(given: QueryDict, table: Table) -> dict[str, str]:
    """Return the filters of an address by columns that the table does not have: parameter -> column."""
    known = {column.name for column in (*table.columns, CHANGED_AT)}
    parted = {parameter: parameter.partition(SEPARATOR) for parameter in given}
    return {
        parameter: name
        for parameter, (test, _separator, name) in parted.items()
        if test in (EQUALS, CONTAINS, FROM, TO, IS) and name and name not in known
    }


def chips(asked: Asked) -> list[tuple[Filter, str]]:
    """Return every filter with the query that leaves it out."""
    return [(one, asked.without(one)) for one in asked.filters]


def _filters(given: QueryDict, known: Mapping[str, Column]) -> Sequence[Filter]:
    found = []
    for parameter in given:
        test, separator, name = parameter.partition(SEPARATOR)
        text = str(given[parameter]).replace("\0", "").strip()[:LONGEST]
        column = known.get(name)
        if column is None or not text or not separator:
            continue
        if test in _ASKED.get(column.type, (EQUALS, FROM, TO, IS)):
            found.append(_typed(Filter(column, test, text)))
    return found


def _typed(one: Filter) -> Filter:
    column, text = one.column, one.text
    if one.test == IS:
        return replace(one, condition=_state(column, text), wrong="" if text in STATES else _("it is not known"))
    if one.test == CONTAINS:
        return replace(one, condition=Condition(column, "contains", text))
    if column.type == "timestamp" and one.test != EQUALS:
        return _within_day(one)
    try:
        value = reader(column)(written(column, text))
    except Refused as refused:
        return replace(one, wrong=why({"code": refused.code, "params": refused.params}))
    tests: dict[str, Any] = {EQUALS: "equals", FROM: "at_least", TO: "at_most"}
    return replace(one, condition=Condition(column, tests[one.test], value))


def _within_day(one: Filter) -> Filter:
    """Take what is compared with a moment as a day in the reader's zone: from its beginning, up to its end."""
    try:
        day = reader(Column("day", "date"))(one.text)
        begin = timezone.make_aware(datetime.combine(day + timedelta(one.test == TO), time()))
        moment = reader(one.column)(begin)
    except Refused as refused:
        return replace(one, wrong=why({"code": refused.code, "params": refused.params}))
    except OverflowError:
        return replace(one, wrong=why({"code": "out_of_range"}))
    return replace(one, condition=Condition(one.column, "below" if one.test == TO else "at_least", moment))


def _state(column: Column, state: str) -> Condition | None:
    if state in (YES, NO):
        return Condition(column, "equals", state == YES) if column.type == "boolean" else None
    return Condition(column, "empty" if state == EMPTY else "filled") if state in STATES else None


def uuid_of(text: str) -> str:
    """Return a run's id as it is written, "" for what is none."""
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        return ""
