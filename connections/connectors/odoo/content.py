"""What a service's records hold on this server: the fields to ask for, the rows they become, their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connections.connectors.odoo.binding import Binding, bind, wanted
from connections.connectors.odoo.extras import columns_of
from connections.connectors.odoo.pager import Pager
from connections.connectors.odoo.services import Service, Source
from connections.connectors.odoo.services.declare import Lines, Record
from connections.connectors.odoo.session import Session
from connections.sdk.declare import Stream, Table
from connections.sdk.errors import SyncError

COMPANY = "company_id"


class Content:
    """The tables of a stream as one source fills them. Asks the server for its fields once."""

    def __init__(self, session: Session, source: Source, stream: Stream) -> None:
        self.source = source
        self.stream = stream
        self._session = session
        self._has_refreshed = False
        self._bind()

    @property
    def table(self) -> Table:
        return self.stream.tables[0]

    @property
    def fields(self) -> list[str]:
        """The fields of a record to ask for."""
        return list(self._record.fields)

    def missing(self) -> dict[str, tuple[str, ...]]:
        """Return the fields that the server has not, by model; their columns stay empty."""
        found = {self.source.model: self._record.missing}
        if self.source.lines is not None:
            found[self.source.lines.model] = self._line.missing
        return {model: fields for model, fields in found.items() if fields}

    def refresh(self) -> bool:
        """Look the fields up again, once; say whether there are others now."""
        if self._has_refreshed:
            return False
        self._has_refreshed = True
        before = (self._record.fields, self._line.fields)
        self._bind(fresh=True)
        return (self._record.fields, self._line.fields) != before

    def rows(self, records: Sequence[Record], pager: Pager) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of records and of all their lines, by table."""
        lines = self.source.lines
        if lines is None:
            return {self.table.name: [self._record.row(record) for record in records]}
        found = self._lines_of(records, lines, pager)
        rows = [self._record.row(record, found.get(record.get("id"), ())) for record in records]
        items = [self._line.row(line) for own in found.values() for line in own]
        return {self.table.name: rows, self.stream.tables[1].name: items}

    def _lines_of(self, records: Sequence[Record], lines: Lines, pager: Pager) -> dict[Any, list[Record]]:
        """Return the complete lines of the records, by the record's id."""
        found: dict[Any, list[Record]] = {record.get("id"): [] for record in records}
        domain = [[lines.parent, "in", list(found)], *lines.domain_on(self._session.version.major)]
        for page, _is_last in pager.records(lines.model, domain, lambda: list(self._line.fields)):
            for line in page:
                parent = line.get(lines.parent)
                found.setdefault(parent[0] if isinstance(parent, list) and parent else parent, []).append(line)
        return found

    def _bind(self, *, fresh: bool = False) -> None:
        source, lines, config = self.source, self.source.lines, self._session.config
        extras = list(columns_of(config, source.model))
        told = self._session.fields(source.model, wanted_of(source, config), fresh=fresh)
        self.has_company = COMPANY in told
        self.inverse = lines.inverse if lines is not None and lines.inverse in told else None
        self._record = bind(
            self.table, source.fields, extras, told, derive=source.derive, also_read=("id", *source.also_read)
        )
        self._line = Binding((), (), (), None, {})
        if lines is not None:
            extras = list(columns_of(config, lines.model))
            told = self._session.fields(lines.model, wanted_of(lines, config), fresh=fresh)
            self._line = bind(
                self.stream.tables[1], lines.fields, extras, told,
                derive=lines.derive, also_read=("id", lines.parent, *lines.also_read),
            )  # fmt: skip


def wanted_of(part: Source | Lines, config: Mapping[str, Any]) -> list[str]:
    """Return every field of a source, or of its lines, that the server is to be asked about."""
    extras = list(columns_of(config, part.model))
    if isinstance(part, Lines):
        return wanted(part.fields, extras, part.also_read, [part.parent])
    inverse = [part.lines.inverse] if part.lines else []
    return wanted(part.fields, extras, part.also_read, part.needed, inverse, [COMPANY])


def chosen_source(session: Session, service: Service, stored: str) -> Source:
    """Return the first source that the server has, or the one that the rows came from so far: ids never mix.

    Raises SyncError unavailable with what the first one lacks.
    """
    wanted_model = stored or (session.config.get("requisitions") if service.key == "requisicoes" else "")
    sources = [source for source in service.sources if wanted_model in ("", "auto", None, source.model)]
    lacking: SyncError | None = None
    for source in sources:
        try:
            told = session.fields(source.model, wanted_of(source, session.config))
        except SyncError as error:
            if error.code != "unavailable" or error.params.get("reason") != "module":
                raise
            lacking = lacking or error
            continue
        missing = [name for name in source.needed if name not in told]
        if not missing:
            return source
        lacking = lacking or SyncError(
            "unavailable", reason="module", service=f"{source.model}.{missing[0]}", module=source.module
        )
    raise lacking or SyncError("config_invalid", field="requisitions", value=wanted_model)
