"""Every way a request can fail is one SyncError with its code."""

from __future__ import annotations

import gzip
import socket

import pytest

from connections.sdk import http
from connections.sdk.errors import Interruption, SyncError
from tests.sdk.source import drip, hang, raw, reply, reset, wire

ONCE = {"tries": 1}


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [
        (400, "request_refused", 1),
        (401, "credentials_refused", 1),
        (403, "permission_denied", 1),
        (404, "not_found", 1),
        (408, "server_error", 3),
        (410, "not_found", 1),
        (422, "request_refused", 1),
        (429, "rate_limited", 3),
        (500, "server_error", 3),
        (502, "server_error", 3),
        (503, "server_error", 3),
        (504, "server_error", 3),
    ],
)
def test_status_becomes_its_code_after_the_tries_that_may_help(source, client, failure, status, code, tries):
    source.then(*[reply(status)] * tries)
    error = failure(lambda: client(source.url).get("x"))
    assert (error.code, error.params) == (code, {"host": "127.0.0.1", "status": status, "tries": tries})


@pytest.mark.parametrize("body", [b"We are under Maintenance", "Sistema em manutenção".encode(), b"manuten\xe7\xe3o"])
def test_unavailable_server_that_speaks_of_maintenance(source, client, failure, body):
    source.then(reply(503, body))
    assert failure(lambda: client(source.url, **ONCE).get("")).code == "maintenance"


def test_servers_own_message_is_the_detail(source, client, failure):
    source.then(reply(400, {"error": "field\n  x " + "y" * 500}))
    detail = failure(lambda: client(source.url).get("")).detail
    assert detail.startswith('{"error": "field\\n x yyy') and len(detail) == 300


def test_number_by_which_the_server_knows_the_request_is_kept(source, client, failure):
    source.then(reply(400, {"error": "no"}, X_Request_Id="req-71" + "0" * 200))
    assert failure(lambda: client(source.url).get("")).params["request_id"] == ("req-71" + "0" * 200)[:100]


def test_page_for_people_gives_no_detail(source, client, failure):
    source.then(reply(500, b"<html><h1>Oops</h1>", Content_Type="text/html"))
    assert failure(lambda: client(source.url, **ONCE).get("")).detail == ""


def test_status_counts_even_when_its_body_is_cut(source, client, failure):
    source.then(reply(401, b"{", Content_Length="100"))
    assert failure(lambda: client(source.url).get("")).code == "credentials_refused"


def test_server_that_hangs_is_a_timeout(source, client, failure):
    source.then(hang)
    error = failure(lambda: client(source.url, read_timeout=0.2, **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("timeout", "read")


@pytest.mark.parametrize(
    "step",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        drip(b"HTTP/1.1 200 ", b"x"),
    ],
    ids=["body", "chunks", "chunk size", "header", "status line"],
)
def test_server_that_drips_is_a_timeout_wherever_it_does(source, client, failure, step):
    source.then(step)
    error = failure(lambda: client(source.url, read_timeout=5, total_timeout=0.3, **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("timeout", "total")


def test_person_who_waits_is_told_soon_and_after_two_tries(source, client, failure, context, monkeypatch):
    monkeypatch.setattr(http, "HURRIED", http.Haste(read=0.2))
    context.is_hurried = True
    source.then(hang, hang)
    error = failure(lambda: client(source.url).get(""))
    assert (error.code, error.params["reason"], error.params["tries"]) == ("timeout", "read", 2)


def test_server_that_accepts_no_connection_in_time_is_a_timeout(client, failure):
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for filler in (first, second):  # fill the queue of connections nobody accepts
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        error = failure(lambda: client(url, connect_timeout=0.2, **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("timeout", "connect")


def test_refused_connection(client, failure):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    error = failure(lambda: client(url).get(""))
    assert (error.code, error.params) == ("connection_failed", {"host": "127.0.0.1", "reason": "refused", "tries": 3})


def test_reset_connection(source, client, failure):
    source.then(reset)
    error = failure(lambda: client(source.url, **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("connection_failed", "reset")


def test_connection_closed_without_an_answer(source, client, failure):
    source.then(raw(b""))
    error = failure(lambda: client(source.url, **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("connection_failed", "reset")


def test_unknown_host(client, failure, monkeypatch):
    def getaddrinfo(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    error = failure(lambda: client("http://shop.example").get(""))
    assert (error.code, error.params) == ("connection_failed", {"host": "shop.example", "reason": "dns", "tries": 3})


def test_host_that_no_resolver_could_know(client, failure):
    error = failure(lambda: client(f"http://{'a' * 70}.example", **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("connection_failed", "dns")


@pytest.mark.parametrize(
    "step",
    [
        reply(body=b"[1, 2", Content_Length="100"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1, 2\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"),
        reply(body=gzip.compress(b"[1, 2]")[:-6], Content_Encoding="gzip"),
    ],
    ids=["length", "missing chunk", "cut chunk", "broken chunk", "gzip"],
)
def test_truncated_body_is_tried_again_and_then_a_bad_response(source, client, failure, step):
    source.then(step, step, step)
    error = failure(lambda: client(source.url).get(""))
    assert (error.code, error.params["reason"], error.params["tries"]) == ("bad_response", "truncated", 3)


def test_answer_that_is_not_http(source, client, failure):
    source.then(raw(b"220 smtp.example ESMTP\r\n"))
    error = failure(lambda: client(source.url, **ONCE).get(""))
    assert (error.code, error.params["reason"]) == ("bad_response", "not_http")


@pytest.mark.parametrize(
    "step",
    [
        reply(body=b"x" * 2001),
        reply(body=gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip"),
        reply(body=gzip.compress(b"") * 200 + gzip.compress(b"0" * 2001), Content_Encoding="gzip"),
    ],
    ids=["plain", "bomb", "members"],
)
def test_body_over_the_limit_is_refused_after_one_try(source, client, failure, step):
    source.then(step)
    error = failure(lambda: client(source.url, max_body_bytes=2000).get(""))
    assert error.code == "bad_response"
    assert error.params == {"reason": "too_large", "limit": 2000, "host": "127.0.0.1", "tries": 1}


def test_body_of_exactly_the_limit_is_read(source, client):
    source.then(reply(body=gzip.compress(b"x" * 2000), Content_Encoding="gzip"))
    assert len(client(source.url, max_body_bytes=2000).get("").body) == 2000


@pytest.mark.parametrize(("encoding", "body"), [("br", b"x"), ("gzip", b"not gzip"), ("gzip, gzip", b"x")])
def test_compression_that_cannot_be_read(source, client, failure, encoding, body):
    source.then(reply(body=body, Content_Encoding=encoding))
    error = failure(lambda: client(source.url).get(""))
    assert (error.code, error.params["reason"]) == ("bad_response", "encoding")


@pytest.mark.parametrize(
    "base_url",
    ["", "example.com", "ftp://example.com", "file:///etc/passwd", "http://", "http://user:pw@example.com",
     "http://example.com?key=1", "http://example.com:99999", "http://[::1"],
)  # fmt: skip
def test_base_address_must_be_plain(client, failure, base_url):
    error = failure(lambda: client(base_url))
    assert (error.code, error.params["reason"]) == ("config_invalid", "url")
    assert "pw" not in str(error)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "long – dash"])
def test_header_that_cannot_be_sent(client, failure, value):
    error = failure(lambda: client("http://127.0.0.1:9", headers={"Authorization": value}).get(""))
    assert (error.code, error.params["reason"]) == ("config_invalid", "header")
    assert value not in repr(error.params)


def test_interruption_passes_through_while_a_body_is_read(source, client, context):
    source.then(drip(wire(200, b"", {"Content-Length": "500"}), b"x"))
    checks = iter(range(100))

    def check() -> None:
        if next(checks) == 3:
            raise Interruption("cancelled")

    context.check = check
    with pytest.raises(Interruption, match="cancelled"):
        client(source.url).get("")
    assert len(source.asked) == 1


def test_interruption_in_a_wait_ends_the_tries(source, client, context):
    source.then(reply(500))

    def wait(seconds: float) -> None:
        raise Interruption("stopping")

    context.wait = wait
    with pytest.raises(Interruption):
        client(source.url).get("")


def test_failure_holds_no_trace_of_the_libraries_own_exceptions(source, client, failure):
    source.then(reset)
    error = failure(lambda: client(source.url, **ONCE).get("?key=canary"))
    assert isinstance(error, SyncError)
    assert error.__cause__ is None and error.__context__ is None
