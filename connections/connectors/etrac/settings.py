"""What a person says about an eTrac account: who signs in, which vehicles, how far back, and how long it is kept."""

from __future__ import annotations

from decimal import Decimal

from connections.connectors.etrac.session import base_address
from connections.sdk.errors import SyncError
from connections.sdk.settings import Rejected, Setting, check_zone, whole
from connections.sdk.text import gettext_noop as _

API_URL = "https://api.etrac.com.br/monitoramento"
FLEET, HISTORY, TRIPS = "ultimas-posicoes", "ultimasposicoesterminal", "resumoviagens"
HISTORY_HOURS = 6
KEEP_POSITIONS, KEEP_TRIPS = 365, 1825  # days


def check_url(value: str) -> None:
    try:
        base_address(value)
    except SyncError:
        raise Rejected(_("Write an address that begins with https://.")) from None


def check_email(value: str) -> None:
    if not value.isprintable() or ":" in value:
        raise Rejected(_("Write the e-mail with which you sign in to eTrac."))


def check_path(value: str) -> None:
    if "/" in value.strip("/") or "?" in value or not value.strip("/ "):
        raise Rejected(_("Write a name such as ultimas-posicoes, without slashes."))


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "api_url", _("Address"), default=API_URL, required=True, validate=check_url, destination=True, identity=True,
        env="ETRAC_API_BASE",
        help=_("Of the web service. It is always called with https, except on this machine itself."),
    ),
    Setting(
        "email", _("E-mail"), required=True, validate=check_email, env="ETRAC_EMAIL", personal=True,
        help=_("With which you sign in to the eTrac platform."),
    ),
    Setting(
        "api_key", _("API key"), "secret", required=True, env="ETRAC_API_KEY",
        help=_("Made for this user on the eTrac platform; it is not the password."),
    ),
    Setting(
        "time_zone", _("Time zone of the account"), default="America/Sao_Paulo", required=True, validate=check_zone,
        env="ETRAC_TIME_ZONE", help=_("eTrac writes dates and times without saying where."),
    ),
    Setting(
        "plates", _("Only these vehicles"), "list", env="ETRAC_PLATES",
        help=_("Plates, one a line. Empty: every vehicle that the account shows."),
    ),
    Setting(
        "history_hours", _("Complete positions from the history every (hours)"), "number", default=HISTORY_HOURS,
        minimum=0, maximum=720, validate=whole, env="ETRAC_HISTORY_HOURS",
        help=_("One call for each vehicle and day. In between, each sync reads where every vehicle is. 0: never."),
    ),
    Setting(
        "keep_positions_days", _("Keep positions (days)"), "number", default=KEEP_POSITIONS, minimum=1, maximum=3650,
        validate=whole, env="ETRAC_KEEP_POSITIONS_DAYS",
        help=_("Where a vehicle was tells where its driver was. Older positions are removed and not read again."),
    ),
    Setting(
        "keep_trips_days", _("Keep trips (days)"), "number", default=KEEP_TRIPS, minimum=1, maximum=3650,
        validate=whole, env="ETRAC_KEEP_TRIPS_DAYS", help=_("Older trips are removed and not read again."),
    ),
    Setting(
        "pause_seconds", _("Pause between calls (seconds)"), "number", default=Decimal("0.5"), minimum=0, maximum=60,
        advanced=True, help=_("eTrac names no limit; half a second is known to go well."),
    ),
    Setting(
        "fleet_path", _("Name of the list of latest positions"), default=FLEET, required=True, validate=check_path,
        advanced=True, help=_("Some installations of eTrac are said to use another."),
    ),
    Setting(
        "history_path", _("Name of the history of positions"), default=HISTORY, required=True, validate=check_path,
        advanced=True,
    ),
    Setting(
        "trips_path", _("Name of the list of trips"), default=TRIPS, required=True, validate=check_path, advanced=True,
    ),
    Setting(
        "allow_private_addresses", _("Allow private addresses"), "boolean", default=False, advanced=True,
        help=_("Only for a sandbox in your own network. Leave off for eTrac itself."),
    ),
)  # fmt: skip
