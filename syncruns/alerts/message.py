"""What a message says: subject, text and HTML in the language and zone of whoever gets it.

No secrets, and of the data only what errors say of it: codes, hosts, tables and columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.catalogue import explain
from connections.explanation import Explanation
from connections.models import UserPreference
from connections.sdk.errors import CODES
from syncruns import timewords
from syncruns.health import label_of
from syncruns.models import Delivery


@dataclass(frozen=True)
class Line:
    """One connection of a group."""

    name: str
    words: str
    url: str


@dataclass(frozen=True)
class Group:
    """Connections that have the same problem, explained once; without explanation: those that work again."""

    title: str
    explanation: Explanation | None = None
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Letter:
    subject: str
    groups: list[Group]
    footer: str
    preferences_url: str


def alert(user: User, deliveries: Sequence[Delivery], message: UUID) -> EmailMessage:
    """Return the message that tells user about deliveries."""
    with _as_read_by(user):
        letter = Letter(
            subject=_subject(deliveries),
            groups=[*_problems(deliveries), *_recoveries(deliveries)],
            footer=_("You get this message because you asked for it under Settings, E-mail alerts. Times: %(zone)s.")
            % {"zone": timewords.zone_name()},
            preferences_url=link("alerts"),
        )
        return _envelope(user.email, letter.subject, _text(letter), _html(letter), message)


def test(user: User, address: str, message: UUID) -> EmailMessage:
    """Return the message that shows that messages arrive."""
    with _as_read_by(user):
        sentence = _("Sincro can send e-mail: whoever asks for it is told when a connection needs a person.")
        letter = Letter(_("Test message"), [Group(sentence)], _("Sent by %(user)s.") % {"user": user}, "")
        return _envelope(address, letter.subject, _text(letter), _html(letter), message)


def link(name: str, *arguments: object) -> str:
    """Return the full address of a page; "" where PUBLIC_URL does not say how people reach the console."""
    return settings.PUBLIC_URL + reverse(name, args=arguments) if settings.PUBLIC_URL else ""


@contextmanager
def _as_read_by(user: User) -> Iterator[None]:
    preference = UserPreference.objects.filter(user=user).first() or UserPreference()
    language = preference.language if preference.language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(preference.zone):
        yield


def _subject(deliveries: Sequence[Delivery]) -> str:
    problems = [one for one in deliveries if one.kind == Delivery.Kind.PROBLEM]
    recovered = len(deliveries) - len(problems)
    if len(deliveries) == 1:
        one = deliveries[0]
        if not problems:
            words = _("%(name)s works again")
        else:
            words = _("%(name)s keeps failing") if one.failures else _("%(name)s needs you")
        return words % {"name": one.connection}
    parts = []
    if problems:
        words = ngettext("%(count)s connection needs you", "%(count)s connections need you", len(problems))
        parts.append(words % {"count": timewords.number(len(problems))})
    if recovered:
        words = ngettext("%(count)s connection works again", "%(count)s connections work again", recovered)
        parts.append(words % {"count": timewords.number(recovered)})
    return "; ".join(parts)


def _problems(deliveries: Sequence[Delivery]) -> list[Group]:
    """Return problems by cause: those that have stopped first, then the most frequent."""
    alike: dict[tuple[bool, str, str, str], list[Delivery]] = {}
    for one in deliveries:
        if one.kind != Delivery.Kind.PROBLEM or one.connection is None:
            continue
        kind = one.connection.kind
        key = (bool(one.failures), kind, one.code, json.dumps(one.params, sort_keys=True, default=str))
        alike.setdefault(key, []).append(one)
    return [_problem(alike[key]) for key in sorted(alike, key=lambda key: (key[0], -len(alike[key]), key))]


def _problem(alike: Sequence[Delivery]) -> Group:
    """Return what befell one connection, by its name, or several of a kind, by the kind's."""
    first = alike[0]
    assert first.connection is not None  # noqa: S101 - for the type checker: only tests have none
    label = label_of(first.connection.kind)
    told = explain(first.code, first.params, first.connection.name if len(alike) == 1 else label)
    return Group(f"{told.title} · {label}", told, [_line(one, _problem_words(one)) for one in alike])


def _recoveries(deliveries: Sequence[Delivery]) -> list[Group]:
    lines = [_line(one, _recovery_words(one)) for one in deliveries if one.kind == Delivery.Kind.RECOVERY]
    return [Group(_("Works again"), lines=lines)] if lines else []


def _line(one: Delivery, words: str) -> Line:
    connection = one.connection
    assert connection is not None  # noqa: S101 - for the type checker: only tests have none
    return Line(connection.name, words, link("connection", connection.slug))


def _problem_words(one: Delivery) -> str:
    since = timewords.since(one.since or one.created_at, timezone.now())
    if not one.failures and CODES[one.code].needs_person:
        return _("stopped since %(time)s, until somebody acts") % {"time": since}
    if not one.failures:
        return _("waits for a decision since %(time)s; syncing goes on") % {"time": since}
    words = ngettext(
        "failed (%(time)s); it tries again by itself",
        "failed %(count)s times in a row since %(time)s; it tries again by itself",
        one.failures,
    )
    return words % {"count": one.failures, "time": since}


def _recovery_words(one: Delivery) -> str:
    now = timezone.now()
    since, until = timewords.clock(one.since or one.created_at, now), timewords.clock(one.created_at, now)
    return f"{explain(one.code, one.params).title} ({since} – {until})"


def _text(letter: Letter) -> str:
    parts = []
    for group in letter.groups:
        told = group.explanation
        paragraph = [group.title]
        if told is not None:
            paragraph += [told.sentence, _("Likely cause") + f": {told.cause}"]
            if told.steps:
                paragraph += [_("What to do") + ":", *(f"{n}. {step}" for n, step in enumerate(told.steps, 1))]
        for line in group.lines:
            paragraph.append(f"- {line.name}: {line.words}")
            paragraph += [f"  {line.url}"] if line.url else []
        parts.append("\n".join(paragraph))
    parts.append("\n".join(["-- ", letter.footer, *filter(None, [letter.preferences_url])]))
    return "\n\n".join(parts) + "\n"


def _html(letter: Letter) -> str:
    return render_to_string("mail/letter.html", {"letter": letter, "language": translation.get_language()})


def _envelope(address: str, subject: str, text: str, html: str, message: UUID) -> EmailMessage:
    name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    local, _at, domain = address.rpartition("@")
    found = EmailMessage(policy=SMTP)
    found["Subject"] = f"[Sincro] {subject}"
    found["From"] = Address(name, addr_spec=sender)
    found["To"] = Address(username=local, domain=domain.encode("idna").decode())
    found["Date"] = format_datetime(timezone.now())
    # The same when it is sent again after an end that nobody knows: readers see it once.
    host = urlsplit(settings.PUBLIC_URL).hostname or sender.rpartition("@")[2]
    found["Message-ID"] = f"<{message}@{host}>"
    found["Auto-Submitted"] = "auto-generated"  # holiday messages are not wanted
    found["X-Auto-Response-Suppress"] = "All"
    found.set_content(text, cte="quoted-printable")
    found.add_alternative(html, subtype="html", cte="quoted-printable")
    return found
