"""Reads an eTrac account: where vehicles are and were, which vehicles there are, and the trips they made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connections.connectors.etrac import probe
from connections.connectors.etrac.progress import Progress
from connections.connectors.etrac.reading import HISTORY, TRIPS, PositionReading, Reading
from connections.connectors.etrac.session import Session
from connections.connectors.etrac.settings import HISTORY_HOURS, KEEP_POSITIONS, KEEP_TRIPS, SETTINGS
from connections.connectors.etrac.tables import TRACKER, VEHICLE, fetch_table, position_table, trip_table
from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import DefaultSchedule, Finding, Page, Stream
from connections.sdk.text import gettext_noop as _

MINUTES_PER_DAY = 24 * 60


class EtracConnector(Connector):
    """eTrac, Web Service 1.1."""

    kind = "etrac"
    label = _("eTrac")
    description = _("Vehicles, positions and trips of eTrac, vehicle tracking.")
    icon = "truck"
    schema = "e_track"
    is_beta = True
    settings = SETTINGS
    default_schedule = DefaultSchedule(every_minutes=3, every_env="ETRAC_INTERVAL_MINUTES")

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        positions = int(config.get("keep_positions_days") or KEEP_POSITIONS)
        trips = int(config.get("keep_trips_days") or KEEP_TRIPS)
        return (
            Stream(
                "positions", _("Positions"),
                (position_table(positions), VEHICLE, TRACKER, fetch_table("position_fetch", positions)),
                window_minutes=HISTORY.look_back * MINUTES_PER_DAY, window_env="ETRAC_LOOK_BACK_DAYS",
                window_env_unit="days", ranged=True, by_days=True,
            ),
            Stream(
                "trips", _("Trips"), (trip_table(trips), fetch_table("trip_fetch", trips)),
                window_minutes=TRIPS.look_back * MINUTES_PER_DAY, window_env="ETRAC_TRIPS_LOOK_BACK_DAYS",
                window_env_unit="days", ranged=True, by_days=True, every_minutes=HISTORY_HOURS * 60,
            ),
        )  # fmt: skip

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        reading = PositionReading if stream.key == "positions" else Reading
        with Session(self.config, self.secrets, context) as session:
            yield from reading(session, checkpoint).pages()

    def test(self, context: Context) -> Iterator[Finding]:
        with Session(self.config, self.secrets, context) as session:
            yield from probe.findings(session)

    @classmethod
    def rhythm(cls, stream: Stream, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        hours = int(config.get("history_hours", HISTORY_HOURS))
        if stream.key != "positions" or not hours:
            return None
        return _("where every vehicle is: at each sync; the history: every %(hours)s h"), {"hours": hours}

    @classmethod
    def as_of(cls, stream: Stream, checkpoint: dict[str, Any]) -> datetime | None:
        return Progress.of(checkpoint).to
