"""What Test connection finds out: the server, its clock, who we are there, and what each service finds or lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from connections.connectors.odoo.content import Content, chosen_source
from connections.connectors.odoo.services import SERVICES, Service
from connections.connectors.odoo.session import Session
from connections.connectors.odoo.version import OLDEST
from connections.sdk.declare import Finding, Stream
from connections.sdk.errors import SyncError
from connections.sdk.text import gettext_noop as _

SERVER, CLOCK, SIGN_IN, COMPANIES = _("Server"), _("Clock"), _("Sign-in"), _("Companies")
WARN_DAYS = 14
OF_SERVICE = ("unavailable", "permission_denied", "contract_changed", "request_refused", "not_found")


def findings(session: Session, streams: tuple[Stream, ...], today: Callable[[], date]) -> Iterator[Finding]:
    """Yield what was found, one Finding for each thing. Raises SyncError, also when the sign-in is refused."""
    version = session.server.version()
    told = {"version": str(version), "milliseconds": round(session.server.seconds * 1000)}
    if version.major < OLDEST:
        yield Finding(SERVER, "warning", _("Odoo %(version)s is older than what this connector was made for."), told)
    else:
        yield Finding(SERVER, "ok", _("Odoo %(version)s answered in %(milliseconds)s ms."), told)
    session.sign_in()
    yield _clock(session)
    yield from _who(session)
    yield from _key_end(session, today())
    for service, stream in zip(SERVICES, streams, strict=True):
        yield _service(session, service, stream)


def _clock(session: Session) -> Finding:
    seconds = round(session.clock.skew.total_seconds())
    if session.clock.is_off:
        text = _("It is %(seconds)s s away from this server's. Reading goes by Odoo's clock, but one of them is wrong.")
        return Finding(CLOCK, "warning", text, {"seconds": abs(seconds)})
    return Finding(CLOCK, "ok", _("It agrees with this server's."))


def _who(session: Session) -> Iterator[Finding]:
    user = session.user()
    told = {
        "user": user["name"], "database": session.config["database"], "protocol": session.protocol,
        "milliseconds": round(session.server.seconds * 1000),
    }  # fmt: skip
    text = _("%(user)s, database %(database)s, over %(protocol)s; one call takes %(milliseconds)s ms.")
    yield Finding(SIGN_IN, "ok", text, told)
    names = [name for company, name in user["companies"] if company in session.companies]
    yield Finding(COMPANIES, "ok", "%(names)s", {"names": ", ".join(names)})


def _key_end(session: Session, today: date) -> Iterator[Finding]:
    ends = session.config.get("api_key_ends")
    if ends and session.config.get("auth") == "api_key":
        days = (date.fromisoformat(ends) - today).days
        if days <= WARN_DAYS:
            text = _("The API key ends in %(days)s days, on %(date)s. Make a new one before.")
            yield Finding(SIGN_IN, "warning", text, {"days": max(days, 0), "date": ends})


def _service(session: Session, service: Service, stream: Stream) -> Finding:
    """Say whether a service can be read; one that cannot keeps nobody from reading the others."""
    try:
        source = chosen_source(session, service, "")
        content = Content(session, source, stream)
        session.call(source.model, "search", {"domain": source.domain, "limit": 1, "order": "id asc"})
        if source.lines is not None:
            session.call(source.lines.model, "search", {"domain": [], "limit": 1, "order": "id asc"})
    except SyncError as error:
        if error.code not in OF_SERVICE:
            raise
        return _lacking(stream.label, error)
    missing = [f"{model}.{field}" for model, fields in content.missing().items() for field in fields]
    told = {"model": source.model, "fields": ", ".join(missing)}
    if missing:
        text = _("Can be read (%(model)s), but this server lacks %(fields)s; those columns stay empty.")
        return Finding(stream.label, "ok", text, told)
    return Finding(stream.label, "ok", _("Can be read (%(model)s)."), told)


def _lacking(label: str, error: SyncError) -> Finding:
    told = {"module": "", "service": "", "detail": error.detail, **error.params}
    match error.params.get("reason"):
        case "module":
            text = _("Not available: %(service)s needs the module %(module)s, which is not installed.")
        case "right":
            text = _("Not available: this user may not read %(service)s.")
        case _:
            text = _("Cannot be read: %(detail)s")
    return Finding(label, "warning", text, told)
