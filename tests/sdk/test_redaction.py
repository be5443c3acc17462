"""No secret in any text that leaves HttpClient, however the source spells it."""

from __future__ import annotations

import base64
import html
import json
import logging
import traceback
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.sdk.redaction import MASK, Redactor
from tests.sdk.source import hang, raw, reply, reset

CANARY = 'C4nary/"sénha"+=&%\\ x'
PAIR = f"user:{CANARY}"

SPELLINGS = {
    "plain": CANARY,
    "percent": quote(CANARY),
    "percent, all": quote(CANARY, safe=""),
    "percent, lower case": quote(CANARY, safe="").lower(),
    "form": quote_plus(CANARY),
    "json": json.dumps(CANARY)[1:-1],
    "json, not ascii": json.dumps(CANARY, ensure_ascii=False)[1:-1],
    "html": html.escape(CANARY),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 of the pair": base64.b64encode(PAIR.encode()).decode(),
    "base64 of the pair, percent": quote(base64.b64encode(PAIR.encode()).decode(), safe=""),
    "base64 for addresses": base64.urlsafe_b64encode(CANARY.encode()).decode(),
}


def _everything(error: BaseException, events: object) -> str:
    told = [str(error), repr(error), repr(error.args), repr(vars(error)), repr(events)]
    return "\n".join([*told, *traceback.format_exception(error)])


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_echoed_secret_is_masked_in_detail(source, client, context, failure, spelling):
    source.then(*[reply(500, f"no access for {spelling} here".encode(), Content_Type="text/plain")] * 3)
    error = failure(lambda: client(source.url, basic=("user", CANARY)).get("x"))
    assert error.detail == f"no access for {MASK}{'=' * (len(spelling) - len(spelling.rstrip('=')))} here"
    assert spelling not in _everything(error, context.events)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('{"erro": "x", "senha": "abc def", "n": 1}', '{"erro": "x", "senha": ***, "n": 1}'),
        ('{"access_token":"a\\"b","ok":true}', '{"access_token":***,"ok":true}'),
        ('{"user_password": 123, "a": [1]}', '{"user_password": ***, "a": [1]}'),
        ("login=ana&senha=abc&x=1", "login=ana&senha=***&x=1"),
        ("Authorization: Bearer abc.def refused", "Authorization: Bearer *** refused"),
        ('{"error": "invalid_token", "error_description": "it has expired"}', None),
        ("the password is wrong", None),
    ],
)
def test_value_that_a_server_itself_calls_a_secret_is_masked(source, client, failure, said, told):
    source.then(reply(400, said.encode(), Content_Type="text/plain"))
    assert failure(lambda: client(source.url).get("x")).detail == (told or said)


ELSEWHERE = f"http://{quote(CANARY, safe='')}.example/"


@pytest.mark.parametrize(
    "step",
    [
        reply(401, {"you sent": CANARY}),
        reset,
        hang,
        raw(b"nonsense " + CANARY.encode()),
        reply(302, Location=ELSEWHERE),
    ],
    ids=["status", "reset", "hang", "not http", "redirect"],
)
def test_canary_is_nowhere_whatever_fails(source, client, context, failure, caplog, step):
    caplog.set_level(logging.DEBUG)
    source.then(step, reset)
    secrets = [CANARY, "query-canary"]
    http = client(
        source.url,
        secrets=secrets,
        params={"key": "query-canary"},
        headers={"X-Key": quote(CANARY)},
        read_timeout=0.2,
        tries=1,
    )
    errors = [
        failure(lambda: http.get("x", params={"page": 1})),
        failure(lambda: http.post("y", json={"password": CANARY})),
    ]
    told = "\n".join(_everything(error, context.events) for error in errors) + caplog.text
    for spelling in [*SPELLINGS.values(), "query-canary", "C4nary"]:
        assert spelling.lower() not in told.lower()


def test_header_that_libraries_would_complain_about_stays_secret(client, context, failure):
    headers = {"Authorization": f"{CANARY}\n"}
    error = failure(lambda: client("http://127.0.0.1:9", headers=headers).get(""))
    assert error.params["field"] == "header"
    assert "C4nary" not in _everything(error, context.events)


def test_secret_cut_at_the_end_of_what_is_read_is_not_shown_in_part(source, client, failure):
    secret = "s3cret" * 50
    body = (secret * 66 + "x" * 100 + secret * 2).encode()
    source.then(reply(400, body, Content_Type="text/plain"))
    detail = failure(lambda: client(source.url, secrets=[secret]).get("")).detail
    assert "s3cret" not in detail


def test_short_secret_is_masked_where_it_stands_alone():
    assert Redactor(["42"])("42 of 1427 for 42.") == f"{MASK} of 1427 for {MASK}."


def test_empty_secrets_mask_nothing():
    assert Redactor(["", "  "])("a b") == "a b"


def test_longer_secret_wins_over_one_inside_it():
    assert Redactor(["abcd", "abcdefgh"])("abcdefgh") == MASK


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=4, max_size=40).filter(lambda text: text.strip() == text))
def test_any_secret_is_masked_in_every_spelling(secret):
    redact = Redactor([secret])
    spellings = (secret, quote(secret), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret))
    for spelling in spellings:
        assert redact(f"<{spelling}>") == f"<{MASK}>"
