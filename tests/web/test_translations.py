"""The Portuguese of the console: complete, correct in form, and all that a Brazilian reads; English likewise."""

from __future__ import annotations

import ast
import gettext
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from connections import audit
from connections.catalogue import CATALOGUE as ERRORS
from connections.catalogue import explain
from connections.connectors import REGISTRY
from connections.models import Connection
from connections.sandbox.shop import sample_connection
from connections.sdk.settings import Setting
from syncruns.engine.values import REASONS as VALUE_REASONS
from syncruns.events import EVENTS, sentence
from syncruns.models import QuarantinedRecord, SyncLog, SyncRun
from syncruns.outcomes import LEVEL_LOOKS, RUN_LOOKS, STREAM_LOOKS
from syncruns.reasons import why
from tests.console import ROOT
from tests.web.console_pages import CONFIG, hold_deletions, make_run, make_stream
from tests.web.console_texts import CATALOGUE, PLACEHOLDER, Message, messages, texts_read, words_of

PORTUGUESE = "pt-br"
# Alike in both languages: names, abbreviations, notations, and words that Portuguese took over.
ALIKE = {
    "24 h", "30 d", "E-mail", "7 d", "%(hour)sh", "%(day)s, %(time)s", "%(time)s: %(outcome)s", "%(times)s, %(days)s",
    "2026-12-31T23:59:59Z", "%(stream)s: %(table)s", "%(table)s %(key)s", "API", "Cursor",
    "cron %(cron)s (%(zone)s)", "Decimal",
    "Auvo", "beta", "eTrac", "id", "ID", "Info", "JSON", "Log", "log", "Odoo", "Token", "Tokens", "Webhooks", "webhook",
    "webhooks",
}  # fmt: skip
# Words that are read on pages of both languages: proper names, what was stored as it is, what the browser draws.
NAMES = words_of(
    "Sincro Matriz Produtos Pedidos Ana sincro cli viewer operator administrator superuser rest shop orders products "
    "API JSON REST cron log UTC America Sao Paulo SQLite PostgreSQL make manage doctor min HTTP token Token Bearer "
    "host "
)
# "auto_sync.on", "per_page", "America/Boa Vista", and the kinds of things that the audit trail is filtered by.
NOTATION = re.compile(r"[a-z]+[._][a-z_]+|[A-Z]\w+/[\w/ +-]+|Accept-Language: pt-BR|connection|user")


@cache
def catalogue() -> tuple[Message, ...]:
    return tuple(messages())


@cache
def telltales(language: str) -> frozenset[str]:
    """Return the words that only texts of the other language use: read on a page, they give an oversight away."""
    source = Counter(word for one in catalogue() for text in one.source for word in words_of(text))
    target = Counter(word for one in catalogue() for text in one.target for word in words_of(text))
    own, other = (target, source) if language == PORTUGUESE else (source, target)
    return frozenset(other.keys() - own.keys() - NAMES)


def of_another_language(texts: Iterable[str], language: str) -> dict[str, set[str]]:
    """Return the texts with words of the other language, and which; codes and time zones are of none."""
    return {
        text: found
        for text in texts
        if not NOTATION.fullmatch(text) and (found := words_of(text) & telltales(language))
    }


def test_every_text_is_translated() -> None:
    assert catalogue()
    assert [one.key for one in catalogue() if not all(one.target)] == []


def test_every_text_can_be_found_by_whoever_translates() -> None:
    """A fixed text inside an f-string is not collected, so it would stay English without anybody noticing."""
    hidden = [
        f"{path.name}: {ast.unparse(call)}"
        for room in ("config", "connections", "syncruns")
        for path in (ROOT / room).rglob("*.py")
        for joined in ast.walk(ast.parse(path.read_text()))
        if isinstance(joined, ast.JoinedStr)
        for call in ast.walk(joined)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("_", "gettext", "ngettext")
        if call.args and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


def test_no_translation_is_only_guessed() -> None:
    assert [one.key for one in catalogue() if one.is_guessed] == []


def test_placeholders_are_those_of_the_source() -> None:
    """The singular may leave its number out ("one day"); the plural may not."""

    def names(text: str) -> set[str]:
        return set(PLACEHOLDER.findall(text))

    odd = [
        one.key
        for one in catalogue()
        if names(one.target[-1]) != names(one.source[-1])
        or not names(one.target[0]) <= names(one.source[0]) | names(one.source[-1])
    ]
    assert odd == []


def test_translations_end_like_the_source() -> None:
    """A sentence stays a sentence: what follows a text on a page counts on it."""

    def end(text: str) -> str:
        return text[-1] if text[-1] in ".:;?…" else ""

    assert [one.key for one in catalogue() if end(one.source[0]) != end(one.target[0])] == []


def test_texts_left_in_english_are_those_that_are_alike() -> None:
    same = {one.key for one in catalogue() if set(one.source) & set(one.target)}
    assert same - ALIKE == set()


def test_compiled_catalogue_is_the_one_that_was_written() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled: dict[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # no public way
    for one in catalogue():
        key = f"{one.context}\x04{one.source[0]}" if one.context else one.source[0]
        held = [compiled.get((key, form)) for form in range(2)] if len(one.source) > 1 else [compiled.get(key)]
        assert held == list(one.target), one.key


def declared_texts() -> Iterator[str]:
    """Yield every text that a connector declares for people."""

    def of(setting: Setting) -> Iterator[str]:
        yield from (setting.label, setting.help, setting.pattern_help)
        yield from (label for _value, label in setting.choices)
        for field in setting.fields:
            yield from of(field)

    for connector in REGISTRY:
        yield from (connector.label, connector.description)
        for setting in connector.settings:
            yield from of(setting)
    sample = sample_connection("http://127.0.0.1")
    yield from (sample["name"], *(stream["label"] for stream in sample["values"]["streams"]))


def test_texts_that_connectors_declare_are_in_the_catalogue() -> None:
    known = {text for one in catalogue() for text in one.source}
    assert {text for text in declared_texts() if text} - known == set()


def test_errors_events_and_reasons_speak_portuguese() -> None:
    with translation.override(PORTUGUESE):
        said = [
            text
            for code in ERRORS
            for told in [explain(code.partition(".")[0], {"reason": code.partition(".")[2]})]
            for text in (told.title, told.sentence, told.cause, told.action_label, *told.steps)
        ]
        said += [sentence(event) for event in EVENTS]
        said += [why({"code": code}) for code in VALUE_REASONS]
        said += [str(look.word) for looks in (RUN_LOOKS, STREAM_LOOKS, LEVEL_LOOKS) for look in looks.values()]
        assert of_another_language(said, PORTUGUESE) == {}


def test_reasons_for_values_are_all_in_words() -> None:
    with translation.override(PORTUGUESE):
        assert [code for code in VALUE_REASONS if why({"code": code}) == code] == []


@pytest.fixture
def matriz(make_connection: Callable[..., Connection]) -> Connection:
    """A connection with runs of every outcome, records set aside, and a log."""
    streams = [{**CONFIG["streams"][0], "label": "Pedidos"}]  # type: ignore[index]
    connection = make_connection(
        name="Matriz",
        slug="matriz",
        config=CONFIG | {"streams": streams},
        schedule_kind="cron",
        cron="*/20 6-20 * * 1-5",
    )
    for state in (
        SyncRun.State.SUCCEEDED, SyncRun.State.PARTIAL, SyncRun.State.CANCELLED, SyncRun.State.LOST,
        SyncRun.State.TIMED_OUT,
    ):  # fmt: skip
        make_stream(
            make_run(connection, state, read=1204, inserted=1, updated=30), "orders", "succeeded", label="Pedidos"
        )
    make_run(connection, "skipped", skip_reason="still_running", skipped_slots=3)
    failed = make_run(connection, "failed", read=1, quarantined=1, error_code="timeout")
    make_stream(failed, "orders", "failed", label="Pedidos", error_code="timeout", read=1)
    for level, event in [("info", "run_started"), ("warning", "records_quarantined"), ("error", "failed.timeout")]:
        SyncLog.objects.create(run=failed, stream="orders", level=level, event=event, params={"streams": ["Pedidos"]})
    QuarantinedRecord.objects.create(
        connection=connection, run=failed, stream="orders", table="shop_orders", record_key="7",
        reasons={"total": {"code": "too_many_decimals", "params": {"scale": 2}}},
    )  # fmt: skip
    hold_deletions(connection, [{"id": number, "total": "1"} for number in (1, 2)])
    audit.record("connection.changed", actor="Ana", target=connection, fields=["name", "base_url", "schedule"])
    return connection


def addresses(connection: Connection) -> Iterator[str]:
    names = (
        "overview", "connections", "connection_new", "runs", "review", "audit", "system", "preferences",
        "password_change", "users", "user_new",
    )  # fmt: skip
    for name in names:
        yield reverse(name)
    yield reverse("connection_new_kind", args=["rest"])
    for name in (
        "connection",
        "connection_runs",
        "connection_schedule",
        "connection_edit",
        "connection_danger",
        "connection_deletions",
    ):
        yield reverse(name, args=[connection.slug])
    for run in SyncRun.objects.all():
        yield reverse("run", args=[run.pk])
        yield reverse("run_log", args=[run.pk])
    for person in User.objects.all():
        yield reverse("user", args=[person.pk])
    for record in QuarantinedRecord.objects.all():
        yield reverse("review_record", args=[record.pk])
    yield from (
        "/no-such-page/",
        "/review/?state=all",
        "/review/?q=nada",
        "/connections/?q=nada",
        "/runs/?state=failures&span=24h",
        "/?period=30d",
    )
    yield reverse("admin:index")
    for model in admin.site._registry:
        yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("language", [PORTUGUESE, "en"])
def test_pages_speak_one_language(
    matriz: Connection, administrator: User, signed_in: Callable[[User], Client], language: str
) -> None:
    administrator.is_staff = administrator.is_superuser = True
    administrator.save()
    browser = signed_in(administrator)
    foreign: dict[str, dict[str, set[str]]] = {}
    for address in addresses(matriz):
        page = browser.get(address, headers={"accept-language": language})
        html = b"".join(page).decode()
        if found := of_another_language(texts_read(html), language):
            foreign[address] = found
    assert foreign == {}, foreign


@pytest.mark.parametrize("language", [PORTUGUESE, "en"])
def test_pages_before_the_first_connection_speak_one_language(
    administrator: User, signed_in: Callable[[User], Client], language: str
) -> None:
    stranger, browser = Client(), signed_in(administrator)
    texts: list[str] = []
    for client, address in [(stranger, "sign_in"), (browser, "overview"), (browser, "connections"), (browser, "runs")]:
        page = client.get(reverse(address), headers={"accept-language": language})
        texts += texts_read(page.content.decode())
    refused = stranger.post(
        reverse("sign_in"), {"username": "ana", "password": "?"}, headers={"accept-language": language}
    )
    texts += texts_read(refused.content.decode())
    assert of_another_language(texts, language) == {}


@pytest.mark.parametrize(("language", "shown"), [(PORTUGUESE, "1.204"), ("en", "1,204")])
def test_numbers_follow_the_language(
    matriz: Connection, administrator: User, signed_in: Callable[[User], Client], language: str, shown: str
) -> None:
    page = signed_in(administrator).get(reverse("runs"), headers={"accept-language": language})
    assert shown in page.content.decode()
