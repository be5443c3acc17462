"""What Test connection finds out: whether the key opens the account, whether times are local, what each list says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from connections.connectors.etrac import values
from connections.connectors.etrac.reading import HISTORY, OF_VEHICLE, TRIPS, DayList
from connections.connectors.etrac.session import Record, Session
from connections.sdk.declare import Finding
from connections.sdk.errors import SyncError
from connections.sdk.text import gettext_noop as _

SIGN_IN, CLOCK = _("Sign-in"), _("Dates and times")
LISTS = ((_("History of positions"), HISTORY), (_("Trips"), TRIPS))
APART = timedelta(hours=2, minutes=50)  # Brazil's zones are 3 hours and more from UTC


def findings(session: Session) -> Iterator[Finding]:
    """Yield what was found, one Finding for each thing. Raises SyncError, also when the sign-in is refused."""
    fleet = session.fleet()
    found = {"count": len(fleet)}
    yield Finding(SIGN_IN, "ok", _("eTrac accepted the key; it shows %(count)s vehicles."), found)
    yield _clock(session, fleet)
    plate = next((each["placa"] for each in fleet if each.get("placa")), None)
    for label, of in LISTS:
        yield _list(session, label, of, plate)


def _clock(session: Session, fleet: Sequence[Record]) -> Finding:
    """Compare the newest position of a vehicle that is on with the clock: nobody says which zone eTrac writes."""
    zone, now = ZoneInfo(session.config["time_zone"]), session.context.now()
    told = [values.moment(each.get("data_transmissao"), zone) for each in fleet if values.flag(each.get("ignicao"))]
    moments = [each for each in told if isinstance(each, datetime)]
    if not moments:
        return Finding(CLOCK, "not_checked", _("No vehicle is on, so that its time could be compared with the clock."))
    apart = min((now - each for each in moments), key=abs)
    if abs(apart) < APART:
        return Finding(CLOCK, "ok", _("They fit the time zone of the account."))
    hours = {"hours": round(abs(apart) / timedelta(hours=1), 1)}
    return Finding(CLOCK, "warning", _("A vehicle that is on is %(hours)s hours off: check the time zone."), hours)


def _list(session: Session, label: str, of: DayList, plate: str | None) -> Finding:
    """Say what a list holds of one vehicle's day; one that cannot be read keeps nobody from reading the others."""
    if plate is None:
        return Finding(label, "not_checked", _("There is no vehicle to ask for."))
    today = session.context.now().astimezone(ZoneInfo(session.config["time_zone"]))
    try:
        found = session.day(session.config[of.path], plate, today.strftime(of.form))
    except SyncError as error:
        if error.code not in OF_VEHICLE:
            raise
        told = {"detail": error.detail or str(error.params.get("status", "")) or error.code}
        return Finding(label, "warning", _("Cannot be read: %(detail)s"), told)
    return Finding(label, "ok", _("Can be read; today there are %(count)s of one vehicle."), {"count": len(found)})
