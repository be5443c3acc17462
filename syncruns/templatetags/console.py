"""Tags of the console's pages: icons, times, numbers, states."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.db.models import Sum
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.catalogue import explain
from connections.connectors import REGISTRY, connector_class
from connections.explanation import day_words
from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns import timewords
from syncruns.changes import are_kept
from syncruns.diary import changes_words, run_words
from syncruns.health import LOOKS
from syncruns.listing import Row, load_row
from syncruns.models import Correction, DeleteBrake, QuarantinedRecord, StreamRun, SyncRun
from syncruns.outcomes import CORRECTION_LOOKS, RECORD_LOOKS, Look, look_of_run, look_of_stream
from syncruns.reasons import why
from syncruns.stored import Stored

register = template.Library()

register.filter("unbroken", timewords.unbroken)
register.filter("changes", changes_words)
register.filter("day", day_words)
register.filter("outcome", run_words)
register.filter("reason", why)


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Return a symbol of the sprite, hidden from screen readers: the word beside it says the same."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        f"icon {classes}".strip(),
        static("sincro/sprite.svg"),
        name,
    )


@register.simple_tag
def beta(kind: str) -> SafeString | str:
    """Return the mark of a kind of which little is known for sure; nothing for any other."""
    if not any(connector.is_beta for connector in REGISTRY if connector.kind == kind):
        return ""
    return format_html(' <span class="badge count-soft beta" title="{}">{}</span>', beta_words(), _("beta"))


@register.simple_tag
def beta_words() -> str:
    """Return what the mark means."""
    return _("In beta: little of this source is documented. Compare what is loaded with it before you rely on it.")


@register.simple_tag
def moment(at: datetime | None, absent: str = "—") -> SafeString | str:
    """Return a <time>: relative words, exact moment with zone in the tooltip."""
    if at is None:
        return absent
    words = timewords.relative(at, timezone.now())
    return _time(at, words, "relative" if abs(timezone.now() - at) < timewords.LONGEST_RELATIVE else "")


@register.simple_tag
def clock(at: datetime | None, absent: str = "—") -> SafeString | str:
    """Return a <time> that shows the hour, and the day when it is not today."""
    return absent if at is None else _time(at, timewords.clock(at, timezone.now()))


@register.filter
def clock_words(at: datetime) -> str:
    """Return what `clock` shows, inside a sentence."""
    return timewords.clock(at, timezone.now())


@register.simple_tag
def countdown(at: datetime | None, grace: timedelta = timedelta(), absent: str = "") -> SafeString | str:
    """Return a <time>: "in 4 min", "due now" or "late by 12 min"."""
    if at is None:
        return absent
    kind = "countdown" if at + grace > timezone.now() else ""
    return _time(at, timewords.countdown(at, timezone.now(), grace), kind)


def _time(at: datetime, words: str, refresh: str = "") -> SafeString:
    local = timezone.localtime(at)
    live = format_html(' data-refresh="{}"', refresh) if refresh else ""
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        local.isoformat(timespec="seconds"),
        timewords.exact(at),
        live,
        timewords.unbroken(words),
    )


@register.simple_tag
def log_time(at: datetime, utc: bool = False) -> SafeString:
    """Return the time of a log line to the second, in the reader's zone or in UTC."""
    local = timezone.localtime(at, UTC if utc else None)
    return format_html(
        '<time class="quiet" datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="milliseconds"),
        timewords.exact(at, local.tzinfo),
        f"{local:%H:%M:%S}",
    )


@register.simple_tag
def zone() -> str:
    return timewords.zone_name()


@register.simple_tag
def holdings(connection: Connection) -> Stored:
    """Return how many rows of how many tables a connection has loaded."""
    return Stored.of(connection)


@register.filter
def zone_words(name: str) -> str:
    """Return a zone as people call it."""
    return timewords.zone_name(ZoneInfo(name))


@register.filter
def number(value: Any) -> str:
    """Return a count in the reader's locale; a dash for None."""
    return "—" if value is None else timewords.number(value)


@register.filter
def breakable(text: str, after: str) -> SafeString:
    """Return a text that may go on in a new line after these letters."""
    parts = re.split(f"(?<=[{re.escape(after)}])", str(text))
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))  # noqa: S308 - a constant


@register.filter
def percent(value: int) -> str:
    return timewords.percent(value)


@register.simple_tag(takes_context=True)
def delta(context: template.Context, counts: Any, all_changes: str = "") -> SafeString | str:
    """Return "+12 ~30 −1" with the words for screen readers, from anything with inserted, updated and deleted.

    Each leads to its rows: of a run or its stream as far as they are kept, of another by the query all_changes.
    """
    if counts is None:
        return mark_safe('<span class="quiet">—</span>')  # noqa: S308 - a constant
    parts = (
        ("inserted", "+", ngettext("new row", "new rows", counts.inserted)),
        ("updated", "~", ngettext("changed row", "changed rows", counts.updated)),
        ("deleted", "−", ngettext("deleted row", "deleted rows", counts.deleted)),
    )
    rows = _rows_address(context, counts, all_changes)
    pieces = []
    for kind, sign, words in parts:
        count = getattr(counts, kind)
        text = format_html('{}{}<span class="visually-hidden"> {}</span>', sign, number(count), words)
        if count and rows:
            pieces.append(format_html('<a href="{}kind={}">{}</a>', rows, kind, text))
        else:
            pieces.append(format_html('<span class="{}">{}</span>', "" if count else "zero", text))
    return format_html('<span class="delta">{}</span>', mark_safe("".join(pieces)))  # noqa: S308 - escaped above


@register.simple_tag(takes_context=True)
def count_of(context: template.Context, counts: Any, kind: str) -> SafeString:
    """Return one count (inserted, updated or deleted) of a run or stream; it leads to its rows while they are kept."""
    count, rows = getattr(counts, kind), _rows_address(context, counts, "")
    if count and rows:
        return format_html('<a class="row-count" href="{}kind={}">{}</a>', rows, kind, number(count))
    return format_html('<span class="{}">{}</span>', "" if count else "quiet", number(count))


def _rows_address(context: template.Context, counts: Any, all_changes: str) -> str:
    """Return the address of the rows behind counts, to which their kind is added; "" when nobody can see them."""
    if "perms" not in context or "syncruns.view_change" not in context["perms"]:
        return ""
    if all_changes:
        return f"{reverse('changes')}?{all_changes}&"
    if isinstance(counts, StreamRun) and are_kept(counts):
        return f"{reverse('run_changes', args=[counts.run_id])}?of={counts.stream}&"
    if isinstance(counts, SyncRun) and are_kept(counts):
        return f"{reverse('run_changes', args=[counts.pk])}?"
    return ""


@register.simple_tag
def state(look: Look) -> SafeString:
    """Return icon, word and colour of a state."""
    return format_html('<span class="state state-{}">{}{}</span>', look.colour, icon(look.icon), look.word)


@register.simple_tag
def health(name: str) -> SafeString:
    return state(LOOKS[name])


@register.simple_tag
def run_state(run: SyncRun) -> SafeString:
    return state(look_of_run(run))


@register.simple_tag
def stream_state(stream: StreamRun) -> SafeString:
    return state(look_of_stream(stream))


@register.simple_tag
def record_state(record: QuarantinedRecord) -> SafeString:
    return state(RECORD_LOOKS[record.state])


@register.simple_tag
def correction_state(correction: Correction) -> SafeString:
    return state(CORRECTION_LOOKS[correction.state])


@register.simple_tag
def begun(run: SyncRun) -> SafeString | str:
    """Return when a run started, or was queued while it has not."""
    return clock(run.started_at or run.queued_at)


@register.simple_tag
def error_title(stream: StreamRun) -> str:
    return explain(stream.error_code, stream.error_params).title


@register.simple_tag
def error_words(code: str, params: dict[str, Any]) -> str:
    return explain(code, params).title


@register.simple_tag
def stream_progress(stream: StreamRun) -> SafeString:
    """Return a stream's progress bar; without an end while the source did not say how much there is."""
    state, label = stream.state, _("Progress of %(name)s") % {"name": _(stream.label)}
    if state in (StreamRun.State.SUCCEEDED, StreamRun.State.PARTIAL):
        kind, done = "done", 100
    elif state == StreamRun.State.RUNNING and not stream.expected:
        return format_html('<progress max="100" aria-label="{}"></progress>', label)
    else:
        kind = "" if state in (StreamRun.State.WAITING, StreamRun.State.RUNNING) else "stopped"
        done = min(100 * stream.read // stream.expected, 99) if stream.expected else 0
    return format_html(
        '<progress class="{}" value="{}" max="100" aria-label="{}">{}</progress>', kind, str(done), label, percent(done)
    )


@register.simple_tag
def held_deletions(connection: Connection) -> int:
    """Return how many rows of the connection wait for a person to decide whether they are deleted."""
    total = DeleteBrake.objects.filter(connection=connection).aggregate(total=Sum("missing"))["total"]
    return total or 0


@register.filter
def duration(span: timedelta | None) -> str:
    return timewords.unbroken(timewords.duration(span))


@register.simple_tag(takes_context=True)
def row_of(context: template.RequestContext, connection: Connection) -> Row:
    """Return what lists say of the connection, for pages that know nothing of runs; read once per page."""
    known = context.render_context
    if "row_of" not in known:
        known["row_of"] = load_row(connection, timezone.now())
    row: Row = known["row_of"]
    return row


@register.filter
def can_fill(connection: Connection) -> bool:
    """Say whether some stream of the connection can be read for a range of the past."""
    try:
        return any(stream.ranged for stream in connector_class(connection.kind).streams(connection.config))
    except SyncError:
        return False


@register.simple_tag(takes_context=True)
def page_url(context: template.Context, page: int) -> str:
    """Return this page's address with another page number, every filter kept."""
    query = context["request"].GET.copy()
    query["page"] = str(page)
    return f"?{query.urlencode()}"
