"""What a person says about an Auvo account: the pair that opens it, its zone, and how far is read."""

from __future__ import annotations

from connections.sdk import urls
from connections.sdk.errors import SyncError
from connections.sdk.settings import Rejected, Setting, check_zone, whole
from connections.sdk.text import gettext_noop as _

API_URL = "https://api.auvo.com.br/v2"


def check_url(value: str) -> None:
    try:
        urls.checked_base(value)
    except SyncError:
        raise Rejected(_("Write an address that begins with https://.")) from None


HOT_DAYS, SWEEP_HOURS = 7, 24

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "api_url", _("Address"), default=API_URL, required=True, validate=check_url, destination=True, identity=True,
        env="AUVO_API_BASE", help=_("Of the API, version 2. There is no need to change it."),
    ),
    Setting(
        "api_key", _("API key"), "secret", required=True, env="AUVO_API_KEY",
        help=_("In Auvo under Menu, Integration, visible to administrators of the account."),
    ),
    Setting(
        "api_token", _("API token"), "secret", required=True, env="AUVO_API_TOKEN",
        help=_("Stands beside the API key. The pair belongs to one user: what it may not read stays empty."),
    ),
    Setting(
        "time_zone", _("Time zone of the account"), default="America/Sao_Paulo", required=True, validate=check_zone,
        env="AUVO_TIME_ZONE", help=_("Auvo writes dates and times without saying where."),
    ),
    Setting(
        "look_ahead_days", _("Look ahead (days)"), "number", default=90, minimum=0, maximum=730, validate=whole,
        env="AUVO_LOOK_AHEAD_DAYS", help=_("So far into the future planned tasks are read."),
    ),
    Setting(
        "hot_days", _("Days around today read at every sync"), "number", default=HOT_DAYS, minimum=0, maximum=60,
        validate=whole, env="AUVO_HOT_DAYS",
        help=_(
            "Tasks planned so many days before and after today are read whole each time; of the others, what changed."
        ),
    ),
    Setting(
        "sweep_hours", _("Compare everything every (hours)"), "number", default=SWEEP_HOURS, minimum=1, maximum=720,
        help=_(
            "Then all tasks of the look-back and all customers are read. What is missing twice in a row is marked as "
            "deleted."
        ),
    ),
    Setting(
        "calls_per_minute", _("Calls per minute"), "number", default=400, minimum=0, maximum=400, validate=whole,
        advanced=True,
        help=_(
            "Auvo accepts 400 from one address. Fewer leave room for other programs behind it. 0: as many "
            "as go, for a sandbox."
        ),
    ),
    Setting(
        "allow_private_addresses", _("Allow private addresses"), "boolean", default=False, advanced=True,
        help=_("Only for a sandbox in your own network. Leave off for Auvo itself."),
    ),
)  # fmt: skip
