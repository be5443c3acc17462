"""What HttpClient sends, and what an Answer makes of a good status."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.sdk import VERSION
from connections.sdk.http import Answer
from tests.sdk.source import reply


def test_path_goes_below_the_base_address_and_every_request_carries_the_clients_headers_and_params(source, client):
    source.then(reply(body={}))
    http = client(f"{source.url}/api/v1/", headers={"X-Company": "7"}, params={"key": "k"})
    answer = http.get("/items?page=2", params={"size": 10, "since": None})
    asked = source.asked[0]
    assert asked.target == "/api/v1/items?page=2&key=k&size=10"
    assert asked.headers["X-Company"] == "7"
    assert asked.headers["User-Agent"] == f"Sincro/{VERSION}"
    assert asked.headers["Host"] == f"127.0.0.1:{source.port}"
    assert answer.url == f"{source.url}/api/v1/items"


def test_params_replace_those_of_the_same_name_in_a_link(source, client):
    source.then(reply(body={}))
    client(source.url, params={"key": "new"}).get(f"{source.url}/items?key=old&cursor=a%2Fb")
    assert source.asked[0].target == "/items?cursor=a%2Fb&key=new"


def test_basic_credentials_are_sent_as_utf8(source, client):
    source.then(reply(body={}))
    client(source.url, basic=("joão", "sênha:1")).get("")
    assert source.asked[0].headers["Authorization"] == "Basic " + base64.b64encode("joão:sênha:1".encode()).decode()


def test_clock_of_the_source_that_is_far_from_ours_is_told_once(source, client, context):
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    source.then(*[reply(body={}, Date=ahead)] * 2)
    http = client(source.url)
    http.get("a")
    http.get("b")
    ((level, event, params),) = context.events
    assert (level, event) == ("warning", "source_clock")
    assert params["host"] == "127.0.0.1" and 3595 <= params["seconds"] <= 3600


def test_clock_that_agrees_is_missing_or_belongs_to_a_cache_is_not_told(source, client, context):
    now = format_datetime(datetime.now(UTC), usegmt=True)
    old = "Thu, 01 Jan 2026 00:00:00 GMT"
    source.then(
        reply(body={}, Date=now), reply(body={}), reply(body={}, Date="soon"), reply(body={}, Date=old, Age="9")
    )
    http = client(source.url)
    for path in "abcd":
        http.get(path)
    assert context.events == []


def test_environment_gives_no_proxy(source, client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    source.then(reply(body={}))
    assert client(source.url).get("x").status == 200


def test_post_sends_json_or_a_form(source, client):
    source.then(reply(body={}), reply(body={}))
    http = client(source.url)
    http.post("a", json={"ação": 1})
    http.post("b", data={"q": "ç"})
    assert source.asked[0].headers["Content-Type"] == "application/json"
    assert source.asked[0].body == b'{"a\\u00e7\\u00e3o": 1}'
    assert source.asked[1].body == b"q=%C3%A7"


def test_decimals_are_exact_and_big_integers_stay_whole(source, client):
    source.then(reply(body=b'{"a": 0.10, "b": 123456789012345678901234567890}'))
    assert client(source.url).get("").json() == {"a": Decimal("0.10"), "b": 123456789012345678901234567890}


@pytest.mark.parametrize("marks", [1, 2])
def test_byte_order_marks_before_json_are_ignored(source, client, marks):
    source.then(reply(body=b"\xef\xbb\xbf" * marks + b"[1]"))
    assert client(source.url).get("").json() == [1]


def test_charset_of_the_content_type_counts(source, client):
    source.then(reply(body='{"a": "ção"}'.encode("latin-1"), Content_Type='application/json; charset="ISO-8859-1"'))
    assert client(source.url).get("").json() == {"a": "ção"}


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", "application/json", "empty"),
        (b" \n", "application/json", "empty"),
        (b"<!DOCTYPE html><p>Sign in", "application/json", "html"),
        (b"\xef\xbb\xbf\n<html>", "text/plain", "html"),
        (b"Sign in, please", "text/html; charset=utf-8", "html"),
        (b'{"a": ', "application/json", "not_json"),
        (b'{"a": NaN}', "application/json", "not_json"),
        (b"[-Infinity]", "application/json", "not_json"),
        (b"[1e99999999999999999999]", "application/json", "not_json"),
        (b"[" * 100_000, "application/json", "not_json"),
        (b"[" + b"9" * 5000 + b"]", "application/json", "not_json"),
        (b'"\xe7"', "application/json", "charset"),
        (b"[]", "application/json; charset=base64", "charset"),
        (b"[]", "application/json; charset=no-such", "charset"),
    ],
)
def test_what_is_not_json_is_a_bad_response(source, client, failure, body, content_type, reason):
    source.then(reply(body=body, Content_Type=content_type))
    error = failure(client(source.url).get("").json)
    assert (error.code, error.params) == ("bad_response", {"host": "127.0.0.1", "status": 200, "reason": reason})


def test_json_labelled_as_html_is_read(source, client):
    source.then(reply(body=b'{"a": 1}', Content_Type="text/html"))
    assert client(source.url).get("").json() == {"a": 1}


def test_answer_does_not_show_its_body_or_headers(source, client):
    source.then(reply(body=b'"personal"', Set_Cookie="session=private"))
    shown = repr(client(source.url).get(""))
    assert "personal" not in shown and "private" not in shown


def _bare_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)),
        ("x-gzip", gzip.compress(b'{"a":', mtime=0) + gzip.compress(b" 1}", mtime=0)),
        ("GZIP", gzip.compress(b'{"a": 1}', mtime=0) + b"\0\0padding"),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("deflate", _bare_deflate(b'{"a": 1}')),
        ("identity", b'{"a": 1}'),
    ],
)
def test_compressed_bodies_are_read(source, client, encoding, body):
    source.then(reply(body=body, Content_Encoding=encoding))
    assert client(source.url).get("").json() == {"a": 1}


def test_chunked_bodies_are_read(source, client):
    source.then(
        reply(body=b"4\r\n[1, \r\n2\r\n2]\r\n0\r\n\r\n", Content_Length="", Transfer_Encoding="chunked"),
    )
    assert client(source.url).get("").json() == [1, 2]


NUMBERS = st.integers(-(10**40), 10**40).map(str) | st.decimals(allow_nan=False, allow_infinity=False).map(str)
TEXTS = st.text(st.characters(), max_size=6)  # half surrogate pairs, too
DOCUMENTS = st.recursive(
    NUMBERS | TEXTS.map(json.dumps) | st.sampled_from(["null", "true", "-0", "1E5", "0.10", "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(st.tuples(TEXTS, inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{json.dumps(name)}: {value}" for name, value in pairs) + "}"
        )
    ),
)


@given(DOCUMENTS)
def test_any_document_is_read_exactly(text: str) -> None:
    answer = Answer(200, {}, text.encode(), "https://example.com", 0.1)
    assert repr(answer.json()) == repr(json.loads(text, parse_float=Decimal))
