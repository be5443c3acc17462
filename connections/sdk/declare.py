"""What a connector declares: its streams and steps, their tables and columns, and what reading them yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, overload

ColumnType = Literal["text", "integer", "decimal", "boolean", "date", "timestamp", "json"]

Record = Mapping[str, Any]  # column name -> value as the source spelled it
INTEGER_DIGITS = 19
MOST_DIGITS = 1000  # what PostgreSQL keeps of a decimal; SQLite keeps as many, as text
OWN_COLUMNS = ("_connection_id", "_run_id", "_changed_at", "_hash", "_deleted_at")  # that every table has
MASK = "•••"  # stands for a personal value

Key = tuple[Any, ...]  # the values of Table.key, in its order


@dataclass(frozen=True)
class Column:
    """One typed column. decimal needs precision and scale; durations are integer seconds, times text.

    document: it holds the sha256 of a document, which the page that brings the row, or an earlier one, keeps.
    correctable: a person may set another value, which holds until the source sends a new one, or always.
    """

    name: str
    type: ColumnType = "text"
    precision: int | None = None
    scale: int | None = None
    personal: bool = False  # CPF, names of persons, tracks: masked for viewers, left out of exports
    document: bool = False
    correctable: Literal["no", "until_changed", "always"] = "no"

    def __post_init__(self) -> None:
        if (self.type == "decimal") != (self.precision is not None and self.scale is not None):
            raise ValueError(f"column {self.name}: precision and scale belong to decimal, and it needs both")
        digits, decimals = self.precision or 1, self.scale or 0  # of any other type: a pair that would do
        if not (0 <= decimals <= digits <= MOST_DIGITS) or self.precision == 0:
            raise ValueError(f"column {self.name}: no database keeps decimal({self.precision},{self.scale})")
        if self.document and (self.type != "text" or self.is_correctable):
            raise ValueError(f"column {self.name}: the hash of a document is text, and nobody corrects it")

    @property
    def is_correctable(self) -> bool:
        return self.correctable != "no"


@dataclass(frozen=True)
class Table:
    """One destination table.

    name: without the schema. key: column names that identify a row within a connection.
    parent: for a child table, the name of its parent in the same stream; parent_key: the columns of this
    table that hold the parent's key, in the parent's key order (they are also part of key).
    set_key: for a table whose rows form sets without a parent of their own, the columns that name a row's set.
    indexes: columns that people look rows up by, such as the moment of a time series.
    retention_days: rows whose timestamp aged_by is older are removed for good; a connector reads none of those.
    never_changes: a row that is there stays as it was told first, whatever is told of its key later.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    parent: str | None = None
    parent_key: tuple[str, ...] = ()
    retention_days: int | None = None
    set_key: tuple[str, ...] = ()
    aged_by: str = ""
    indexes: tuple[tuple[str, ...], ...] = ()
    never_changes: bool = False

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len({name.casefold() for name in names}) != len(names):  # SQLite tells no case
            raise ValueError(f"table {self.name}: a column is declared twice")
        if own := [name for name in names if name.casefold() in OWN_COLUMNS]:
            raise ValueError(f"table {self.name}: every table has a column {own[0]} of Sincro's own")
        if not self.key or not set(self.key) <= set(names):
            raise ValueError(f"table {self.name}: the key must name declared columns")
        if bool(self.parent) != bool(self.parent_key) or not set(self.parent_key) <= set(self.key):
            raise ValueError(f"table {self.name}: a child table names its parent and has the parent's key in its own")
        if not set(self.set_key) <= set(names) or (self.set_key and self.parent):
            raise ValueError(f"table {self.name}: set_key must name declared columns, and a child table has none")
        if not {name for columns in self.indexes for name in columns} <= set(names):
            raise ValueError(f"table {self.name}: indexes must name declared columns")
        if bool(self.aged_by) != bool(self.retention_days) or (
            self.aged_by and self.column(self.aged_by).type != "timestamp"
        ):
            raise ValueError(f"table {self.name}: rows that are kept for days have a timestamp that says since when")
        if any(column.is_correctable for column in self.columns if column.name in (*self.key, *self.set_key)):
            raise ValueError(f"table {self.name}: what names a row or its set cannot be corrected")

    @property
    def has_personal_key(self) -> bool:
        """Say whether the key itself tells something of a person, such as a CPF."""
        return any(self.column(name).personal for name in self.key)

    @property
    def set_columns(self) -> tuple[str, ...]:
        """The columns that name the set a row belongs to: its parent's key, or set_key; () when rows form no sets."""
        return self.parent_key or self.set_key

    def part(self, names: Iterable[str]) -> Table:
        """Return the table as far as its key and the columns called names go, for who only reads it."""
        wanted = {*self.key, *names}
        return Table(self.name, tuple(column for column in self.columns if column.name in wanted), self.key)

    def types(self, names: Sequence[str]) -> list[ColumnType]:
        """Return the types of the columns called names."""
        return [self.column(name).type for name in names]

    def column(self, name: str) -> Column:
        """Return the column called name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True)
class Stream:
    """The unit a user selects, sets windows for and reads counts of. Parents stand before their children."""

    key: str
    label: str
    tables: tuple[Table, ...]
    default_enabled: bool = True
    window_minutes: int | None = None  # default look-back; None: the stream has no window
    window_env: str = ""  # the environment variable that gives new connections their look-back ...
    window_env_unit: Literal["minutes", "days"] = "minutes"  # ... and what it counts
    changed_since: bool = False  # the source can be asked for what changed since a moment
    ranged: bool = False  # ... and before another: ReadOptions.since and until, whatever the checkpoint says
    by_days: bool = False  # a range is read in whole days, so that a shorter one costs as much as a day
    every_minutes: int | None = None  # a slower rhythm than its connection's, until a person says otherwise

    def __post_init__(self) -> None:
        if self.window_env and self.window_minutes is None:
            raise ValueError(f"stream {self.key}: a variable gives its look-back, and it has none")
        tops: dict[str, Table] = {}
        for table in self.tables:
            if table.parent is None:
                tops[table.name] = table
                continue
            parent = tops.get(table.parent)
            if parent is None:
                raise ValueError(f"table {table.name}: its parent must stand before it, and be no child itself")
            own, theirs = (
                [t.column(n).type for n in names] for t, names in ((table, table.parent_key), (parent, parent.key))
            )
            if own != theirs:
                raise ValueError(f"table {table.name}: parent_key must have the types of its parent's key")

    @property
    def can_begin_at(self) -> bool:
        """Say whether a read can bring what changed since a moment, rather than everything."""
        return self.changed_since or self.window_minutes is not None

    def table(self, name: str) -> Table:
        """Return the table called name; KeyError when the stream has none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)


@dataclass(frozen=True)
class Step(Stream):
    """Work that follows the streams: read like one of them, but from rows that the connection has loaded already.

    needs: keys of streams and of earlier steps that it works on. It runs when one of them was read in the run, is not
    run when one of them failed there, and runs after every sync when it needs nothing by name. Its tables are its own.
    """

    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.can_begin_at:
            raise ValueError(f"step {self.key}: what it reads is loaded already, so it has neither window nor changes")


@dataclass(frozen=True)
class Document:
    """A file that is kept with the rows that name it by its sha256: a bill, a receipt, an invoice's XML.

    name: what it is called when it is saved, such as "fatura-2026-07.pdf".
    """

    content: bytes = field(repr=False)
    content_type: str
    name: str = ""

    @cached_property
    def sha256(self) -> str:
        """What a document column holds."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Within:
    """Rows whose column has one of values, or lies from at_least on and before below. Values as columns are typed."""

    column: str
    values: tuple[Any, ...] = ()
    at_least: Any = None
    below: Any = None

    def admits(self, value: Any) -> bool:
        """Say whether a row with this typed value lies within."""
        if self.values and value not in self.values:
            return False
        if value is None:
            return self.at_least is None and self.below is None
        return not (
            (self.at_least is not None and value < self.at_least) or (self.below is not None and value >= self.below)
        )


@dataclass(frozen=True)
class Sweep:
    """Part of a sweep: which keys of a table exist at the source, told over the pages of one read.

    keys: those met, besides the page's own rows of the table. begins: the first part; what was met before is
    forgotten. complete: the last part; what was not met does not exist, as far as rows lie within every one of
    `within` (all rows when it is empty). A connector completes a sweep only after it has read all of it.
    """

    table: str
    keys: Sequence[Key] = ()
    begins: bool = False
    complete: bool = False
    within: tuple[Within, ...] = ()


class Columns(Sequence[Record]):
    """A table's records told column by column: that costs far less to make and to type than many small dicts.

    All columns are of one length; records have the same names, and None for what is missing.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = columns

    def column(self, name: str) -> Sequence[Any]:
        """Return what every record has under name."""
        found = self._columns.get(name)
        return [None] * len(self) if found is None else found

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __iter__(self) -> Iterator[Record]:
        return (dict(zip(self._columns, values, strict=True)) for values in zip(*self._columns.values(), strict=True))

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...

    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        if isinstance(place, slice):
            return Columns({name: values[place] for name, values in self._columns.items()})
        return {name: values[place] for name, values in self._columns.items()}


@dataclass(frozen=True)
class Page:
    """One batch of what a connector read.

    rows: table name -> records, children beside their parents. deletes: table name -> keys gone at the source.
    sets: table name -> values of its set_key whose rows are all in this page, be there none: the others of these
    sets are deleted. sweep: what the page tells of the keys that exist.
    checkpoint: JSON that says "from here a later run loses nothing read so far", this page included; the
    engine never looks inside. place: the same within a range (ReadOptions.until), for a later read of this range; who
    tells it once tells it on the range's last page as well.
    expected: about how many records the whole read should bring, in all tables, if known.
    documents: files to keep, in the transaction that loads the page; such a page is never divided, so let it be small.
    """

    rows: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    deletes: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    sets: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    sweep: Sweep | None = None
    checkpoint: dict[str, Any] | None = None
    place: dict[str, Any] | None = None
    expected: int | None = None
    documents: Sequence[Document] = ()


@dataclass(frozen=True)
class Finding:
    """One line of what Test connection found. Texts are marked with gettext_noop; params fill text."""

    label: str
    state: Literal["ok", "failed", "warning", "not_checked"]
    text: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """What a live sample of the source shows for one entry of a list.

    columns: proposed rows for its `columns` setting. beside: values for its other settings. notes: what a person
    should know of it.
    """

    columns: Sequence[dict[str, Any]]
    beside: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[Finding] = ()


@dataclass(frozen=True)
class DefaultSchedule:
    """How often a new connection of a kind syncs, until its user says otherwise."""

    every_minutes: int | None = None
    daily_at: str | None = None  # "HH:MM" in the connection's zone
    every_env: str = ""  # the environment variable that gives new connections every_minutes


def widest(standing: Column, declared: Column) -> Column | None:
    """Return the least column that holds the values of both, under the standing name; None: there is none."""
    types = {standing.type, declared.type}
    if len(types) == 1 and "decimal" not in types:
        return standing
    if types <= {"integer", "decimal"}:
        whole = max(_whole_digits(standing), _whole_digits(declared))
        scale = max(standing.scale or 0, declared.scale or 0)
        if whole + scale > MOST_DIGITS:
            return Column(standing.name, "text")
        return Column(standing.name, "decimal", precision=whole + scale, scale=scale)
    if types <= {"integer", "decimal", "text"}:
        return Column(standing.name, "text")
    if types == {"date", "timestamp"}:
        return Column(standing.name, "timestamp")
    return None


def _whole_digits(column: Column) -> int:
    return (column.precision or 0) - (column.scale or 0) if column.type == "decimal" else INTEGER_DIGITS
