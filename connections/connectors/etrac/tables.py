"""The tables, and how each record of eTrac becomes a row of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from hashlib import blake2b
from typing import Any

from connections.connectors.etrac import values
from connections.sdk.declare import Column, Table

Record = Mapping[str, Any]  # as eTrac answered
Row = dict[str, Any]
PLATE_KEY = Column("plate_key")


def _moment(name: str) -> Column:
    return Column(name, "timestamp")


def _number(name: str, digits: int, decimals: int, *, personal: bool = False) -> Column:
    return Column(name, "decimal", digits, decimals, personal=personal)


def _place(prefix: str = "") -> tuple[Column, ...]:
    """Where a vehicle was is where its driver was."""
    return (
        _number(f"{prefix}latitude", 9, 6, personal=True), _number(f"{prefix}longitude", 9, 6, personal=True),
        Column(f"{prefix}address", personal=True),
    )  # fmt: skip


STATE = (
    *_place(), _number("speed_kmh", 6, 1), Column("ignition", "boolean"), _number("odometer_km", 12, 1),
    _number("odometer_can_km", 12, 1), _number("hourmeter_h", 12, 1), _number("battery_v", 6, 2),
    Column("battery_text"),
)  # fmt: skip
VEHICLE = Table(
    "vehicle",
    (
        PLATE_KEY, Column("plate"), Column("description"), Column("fleet"), Column("tracker_serial"),
        _moment("first_seen_at"), _moment("last_seen_at"), Column("listed_on", "date"), _moment("recorded_at"), *STATE,
    ),
    key=("plate_key",),
)  # fmt: skip
TRACKER = Table(
    "vehicle_tracker",
    (PLATE_KEY, Column("serial"), _moment("first_seen_at"), _moment("last_seen_at")),
    key=("plate_key", "serial"), indexes=(("serial",),),
)  # fmt: skip


def position_table(days: int) -> Table:
    """Return the table of positions, each kept for so many days."""
    return Table(
        "position",
        (
            PLATE_KEY, _moment("transmitted_at"), Column("row_hash"), _moment("recorded_at"), *STATE, Column("source"),
        ),
        key=("plate_key", "transmitted_at", "row_hash"), indexes=(("transmitted_at",),), never_changes=True,
        retention_days=days, aged_by="transmitted_at",
    )  # fmt: skip


def trip_table(days: int) -> Table:
    """Return the table of trips, each kept for so many days."""
    return Table(
        "trip",
        (
            PLATE_KEY, _moment("started_at"), _moment("ended_at"), Column("plate"), Column("description"),
            Column("fleet"), Column("company"), Column("company_trade_name"), *_place("start_"), *_place("end_"),
            _number("start_odometer_km", 12, 1), _number("end_odometer_km", 12, 1), Column("duration", "integer"),
            _number("distance_km", 10, 2), Column("driver_name", personal=True),
            Column("driver_identification", personal=True),
        ),
        key=("plate_key", "started_at"), indexes=(("started_at",),), retention_days=days, aged_by="started_at",
    )  # fmt: skip


def fetch_table(name: str, days: int) -> Table:
    """Return the table of what was answered to each question for a vehicle's day."""
    return Table(
        name,
        (
            PLATE_KEY, Column("day", "date"), Column("status"), Column("rows", "integer"), Column("message"),
            _moment("fetched_at"),
        ),
        key=("plate_key", "day"), retention_days=days, aged_by="fetched_at",
    )  # fmt: skip


def position_row(record: Record, plate: str | None, source: str, zone: tzinfo) -> Row:
    """Return the row of a position; the same packet makes the same key wherever it is met."""
    state = _state(record, zone)
    told = [state[column.name] for column in STATE if column.name not in ("address", "battery_text")]
    spelled = json.dumps(told, default=str).encode()
    return {
        "plate_key": plate, "transmitted_at": values.moment(record.get("data_transmissao"), zone),
        "row_hash": blake2b(spelled, digest_size=12).hexdigest(), "source": source, **state,
        "recorded_at": values.moment(record.get("data_gravacao"), zone),
    }  # fmt: skip


def vehicle_row(record: Record, plate: str | None, first_seen: datetime | None, today: date, zone: tzinfo) -> Row:
    """Return the row of a vehicle as the list of the fleet shows it."""
    return {
        "plate_key": plate, **_labels(record), "tracker_serial": values.text(record.get("equipamento_serial")),
        "first_seen_at": first_seen, "last_seen_at": values.moment(record.get("data_transmissao"), zone),
        "listed_on": today, "recorded_at": values.moment(record.get("data_gravacao"), zone), **_state(record, zone),
    }  # fmt: skip


def trip_row(record: Record, plate: str | None, zone: tzinfo) -> Row:
    """Return the row of a trip."""
    row: Row = {
        "plate_key": values.plate_key(values.text(record.get("placa"))) or plate,
        **_labels(record),
        "company": values.text(record.get("cliente")),
        "company_trade_name": values.text(record.get("cliente_fantasia")),
        "started_at": values.moment(record.get("data_inicio_conducao"), zone),
        "ended_at": values.moment(record.get("data_fim_conducao"), zone),
        "duration": values.seconds(record.get("duracao_conducao")),
        "distance_km": values.number(record.get("distancia_conducao"), 2),
        "driver_name": values.text(record.get("condutor_nome")),
        "driver_identification": values.text(record.get("condutor_identificacao")),
    }
    for ours, theirs in (("start", "inicio"), ("end", "fim")):
        row[f"{ours}_latitude"], row[f"{ours}_longitude"] = values.place(
            record.get(f"latitude_{theirs}_conducao"), record.get(f"longitude_{theirs}_conducao")
        )
        row[f"{ours}_address"] = values.text(record.get(f"localizacao_{theirs}_conducao"))
        row[f"{ours}_odometer_km"] = values.number(record.get(f"odometro_{theirs}_conducao"), 1)
    return row


def _labels(record: Record) -> Row:
    names = {"plate": "placa", "description": "descricao", "fleet": "frota"}
    return {ours: values.text(record.get(theirs)) for ours, theirs in names.items()}


def _state(record: Record, zone: tzinfo) -> Row:
    latitude, longitude = values.place(record.get("latitude"), record.get("longitude"))
    battery = values.text(record.get("bateria"))
    return {
        "latitude": latitude, "longitude": longitude, "address": values.text(record.get("logradouro")),
        "speed_kmh": values.number(record.get("velocidade"), 1), "ignition": values.flag(record.get("ignicao")),
        "odometer_km": values.number(record.get("odometro"), 1),
        "odometer_can_km": values.number(record.get("odometro_can"), 1),
        "hourmeter_h": values.number(record.get("horimetro"), 1), "battery_v": values.number(battery, 2),
        "battery_text": None if battery is None else str(battery),
    }  # fmt: skip
