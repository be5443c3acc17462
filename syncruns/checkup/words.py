"""Tells what checks found, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from connections.catalogue import explain
from connections.explanation import Params, day_words
from syncruns import timewords
from syncruns.alerts.words import explain_mail
from syncruns.checkup.check import OK, PROBLEM, WARNING, Check
from syncruns.checkup.texts import TEXTS
from syncruns.outcomes import Look

LOOKS: dict[str, Look] = {
    OK: Look(_("OK"), "circle-check", "ok"),
    WARNING: Look(_("Warning"), "alert-triangle", "late"),
    PROBLEM: Look(_("Problem"), "alert-circle", "action"),
}

NAMES: dict[str, str | Promise] = {
    "database": _("Database"),
    "migrations": _("Tables"),
    "processes": _("Processes"),
    "web": _("Web server"),
    "scheduler": _("Scheduler"),
    "log": _("Application log"),
    "locks": _("Locks"),
    "clock": _("Clock"),
    "disk": _("Disk"),
    "keys": _("Keys"),
    "credentials": _("Credentials"),
    "queue": _("Queue"),
    "runs": _("Runs"),
    "streams": _("Streams"),
    "data": _("Data"),
    "network": _("Network"),
    "cycle": _("Cycle"),
    "chores": _("Cleaning"),
    "mail": _("E-mail"),
    "vendors": _("Sources"),
}


@dataclass(frozen=True)
class Told:
    """A check in words. fix: what to do, "" when there is nothing."""

    check: Check
    title: str
    text: str
    fix: str

    @property
    def look(self) -> Look:
        return LOOKS[self.check.state]


def tell(check: Check, names: Mapping[str, str] | None = None) -> Told:
    """Return the check in the reader's language. names: what connections are called, by their short names."""
    text, fix = TEXTS[check.code]
    params = check.params
    if names and "connection" in params:
        params = params | {"connection": names.get(params["connection"], params["connection"])}
    values = Params({name: _word(name, value, params) for name, value in params.items()})
    if check.code == "vendor_unreachable":
        fix = " ".join(explain(params["error"], params["error_params"]).steps) or fix
    return Told(check, str(NAMES.get(check.name, check.name)), str(text) % values, str(fix))


def _word(name: str, value: Any, params: dict[str, Any]) -> str:
    if isinstance(value, datetime):
        return timewords.relative(value, timezone.now())
    if isinstance(value, date):
        return day_words(value)
    if name == "days":
        return (
            ngettext("in %(count)s day", "in %(count)s days", value) % {"count": value} if value else gettext("today")
        )
    if name == "secret":
        return gettext(value)
    if isinstance(value, timedelta):
        return timewords.duration(value)
    if name in ("holder", "said") and not value:
        return gettext("unknown")
    if name == "bytes":
        return filesizeformat(value)
    if name == "error":
        title = str(explain(value or "internal", params.get("error_params", {})).title)
        return f"{title} ({params['detail']})" if params.get("detail") else title
    if name == "mail_error":
        return explain_mail(value, params.get("error_params", {})).sentence
    if name in ("never", "stale"):  # streams, which people know by their names
        return ", ".join(map(gettext, params["called"]))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int):
        return timewords.number(value)
    return "—" if value is None else str(value)
