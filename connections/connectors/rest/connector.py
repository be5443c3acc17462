"""Reads any JSON API over HTTP, as its settings describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connections.connectors.rest import probe
from connections.connectors.rest.changes import Changes
from connections.connectors.rest.paging import Reading, Source
from connections.connectors.rest.sample import sample_of
from connections.connectors.rest.settings import SETTINGS
from connections.connectors.rest.shape import Shape, records_checked, shape_of
from connections.sdk.connector import Connector
from connections.sdk.context import Context, Rate
from connections.sdk.declare import Finding, Page, Sample, Stream, Sweep
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient
from connections.sdk.pagination import Got
from connections.sdk.settings import Rejected
from connections.sdk.text import gettext_noop as _


class RestConnector(Connector):
    """A connection's config declares the streams; nothing here knows a vendor."""

    kind = "rest"
    label = _("JSON API (REST)")
    description = _("Any API that answers with JSON. You say which addresses to read and which fields to keep.")
    icon = "plug-connected"
    schema = "rest"
    settings = SETTINGS

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return tuple(_shape(config, number).stream for number in range(len(config["streams"])))

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        number, row = self._row(stream.key)
        shape, zone = _shape(self.config, number), self._zone
        source = Source.of(row, context.options.page_size)
        started = context.now()
        changes = Changes.of(row, zone, checkpoint, context.options, started) if row.get("incremental") else None
        sweeps = changes is None and row.get("missing") != "keep"
        if changes and changes.asked:
            context.log("info", "stream_started_since", since=changes.asked.isoformat())
        with self._client(context) as client:
            reading = Reading(source, client, changes.params() if changes else None)
            for index, got in enumerate(reading.forward()):
                if index == 0:
                    started = got.answer.moment or started
                sweep = Sweep(shape.table.name, begins=index == 0) if sweeps else None
                yield replace(_page(got, shape, zone, changes, source.total_of(got)), sweep=sweep)
            if changes and changes.met_since(started) and reading.may_have_slipped:
                # A record that changed left its place, and the next one may have slipped to a page already read.
                for got in reading.backward():
                    yield _page(got, shape, zone, changes)
        if sweeps and not reading.is_surely_complete:
            context.log("info", "list_end_unclear")
            sweeps = False
        # Only now is everything read that the checkpoint says was read.
        yield Page(
            checkpoint=changes.checkpoint(started) if changes else {"read_at": started.isoformat()},
            sweep=Sweep(shape.table.name, complete=True) if sweeps else None,
        )

    @classmethod
    def as_of(cls, stream: Stream, checkpoint: dict[str, Any]) -> datetime | None:
        read_at = checkpoint.get("read_at")
        return datetime.fromisoformat(read_at) if read_at else None

    def test(self, context: Context) -> Iterator[Finding]:
        shapes = [_shape(self.config, number) for number in range(len(self.config["streams"]))]
        with self._client(context) as client:
            yield from probe.findings(client, self.config, shapes)

    def suggest(self, setting: str, row: int, context: Context) -> Sample:
        entry = self.config[setting][row]
        source = Source.of(entry)
        with self._client(context) as client:
            got = next(Reading(source, client).forward())
        return sample_of(got.document, source.records, entry["name"])

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.get("time_zone") or "UTC")

    def _row(self, stream: str) -> tuple[int, Mapping[str, Any]]:
        for number, row in enumerate(self.config["streams"]):
            if row["name"] == stream:
                return number, row
        raise SyncError("config_invalid", field="streams", stream=stream)

    def _client(self, context: Context) -> HttpClient:
        config = self.config
        headers = dict(line.split(":", 1) for line in config.get("headers") or ())
        headers = {name.strip(): value.strip() for name, value in headers.items()}
        params, basic = {}, None
        match config.get("auth"):
            case "basic":
                basic = (config["username"], self._secret("password"))
            case "bearer":
                headers["Authorization"] = f"Bearer {self._secret('token')}"
            case "header":
                headers[config["header_name"]] = self._secret("api_key")
            case "query":
                params[config["query_parameter"]] = self._secret("api_key")
        permits = config.get("requests_per_minute")
        account = f"rest {urlsplit(config['base_url']).hostname}"
        return HttpClient(
            config["base_url"], context, headers=headers, params=params, basic=basic, secrets=self.secrets.values(),
            rate=Rate(account, int(permits), 60) if permits else None,
        )  # fmt: skip

    def _secret(self, name: str) -> str:
        try:
            return self.secrets[name]
        except KeyError:  # erased, because the address has changed since
            raise SyncError("config_invalid", field=name) from None


def _shape(config: Mapping[str, Any], number: int) -> Shape:
    row = config["streams"][number]
    try:
        return shape_of(row, config["table_prefix"])
    except Rejected as wrong:
        place = {"path": ["streams", number, *wrong.at], "text": wrong.text, **wrong.params}
        if not row.get("columns"):
            place["reason"] = "no_columns"
        raise SyncError("config_invalid", field="streams", stream=row["name"], **place) from None


def _page(got: Got, shape: Shape, zone: ZoneInfo, changes: Changes | None, expected: int | None = None) -> Page:
    records = records_checked(got.records)
    _refuse_other_object(got.document, records, shape)
    if changes:
        changes.see(records)
    return Page(rows=shape.rows(records, zone), expected=expected)


def _refuse_other_object(document: Any, records: Sequence[Mapping[str, Any]], shape: Shape) -> None:
    """Raise SyncError contract_changed for an object, such as an error, that has nothing of what was declared."""
    if isinstance(document, Mapping) and len(records) == 1 and records[0] is document and not shape.knows(document):
        raise SyncError("contract_changed", path="", expected="record", found="object")
