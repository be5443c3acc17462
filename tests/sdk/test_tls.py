"""The certificate is checked against the name, although the connection goes to a pinned address."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.certificates import self_signed
from tests.sdk.source import drip, raw, reply, running


@pytest.fixture
def names(monkeypatch):
    """Every name leads to loopback."""
    answer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [answer])


@pytest.fixture
def secured(tmp_path, names):
    """Start a TLS source with a certificate for a name: secured(name, days=1) -> (source, path, names asked by SNI)."""

    def start(name: str, *, days: int = 1):
        path = self_signed(tmp_path / "certificate.pem", name, days=days)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(path)
        called: list[str] = []
        tls.sni_callback = lambda sock, server_name, context: called.append(server_name)
        return running(tls), path, called

    return start


def test_trusted_certificate_of_the_name_is_accepted(secured, client, monkeypatch):
    server, path, called = secured("shop.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as source:
        source.then(reply(body=[1]))
        assert client(f"https://shop.example:{source.port}").get("").json() == [1]
        assert source.asked[0].headers["Host"] == f"shop.example:{source.port}"
    assert called == ["shop.example"]


def test_certificate_of_another_name_is_refused(secured, client, failure, monkeypatch):
    server, path, _called = secured("other.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as source:
        error = failure(lambda: client(f"https://shop.example:{source.port}").get(""))
    assert (error.code, error.params) == ("tls_failed", {"host": "shop.example", "reason": "certificate", "tries": 1})
    assert "shop.example" in error.detail


def test_certificate_that_nobody_vouches_for_is_refused(secured, client, failure):
    server, _path, _called = secured("shop.example")
    with server as source:
        error = failure(lambda: client(f"https://shop.example:{source.port}").get(""))
    assert (error.code, error.params["reason"]) == ("tls_failed", "certificate")


def test_expired_certificate_is_refused(secured, client, failure, monkeypatch):
    server, path, _called = secured("shop.example", days=-1)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as source:
        error = failure(lambda: client(f"https://shop.example:{source.port}").get(""))
    assert (error.code, error.params["reason"]) == ("tls_failed", "certificate")
    assert "expired" in error.detail


def test_plain_http_server_at_an_https_address(source, client, failure):
    error = failure(lambda: client(f"https://127.0.0.1:{source.port}", tries=1).get(""))
    assert error.code in ("tls_failed", "connection_failed")


def test_drip_over_tls_ends_at_the_deadline(secured, client, failure, monkeypatch):
    server, path, _called = secured("shop.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as source:
        source.then(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"x"))
        http = client(f"https://shop.example:{source.port}", tries=1, total_timeout=0.4)
        error = failure(lambda: http.get(""))
    assert (error.code, error.params["reason"]) == ("timeout", "total")


def test_tls_connection_cut_in_the_middle_is_tried_again(secured, client, monkeypatch):
    server, path, _called = secured("shop.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as source:
        source.then(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx"), reply(body=[1]))
        assert client(f"https://shop.example:{source.port}").get("").json() == [1]


def test_redirect_from_http_to_https_of_the_same_host_is_followed(secured, source, client, monkeypatch):
    server, path, _called = secured("shop.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as safe:
        source.then(reply(301, Location=f"https://shop.example:{safe.port}/items"))
        safe.then(reply(body=[1]))
        assert client(f"http://shop.example:{source.port}").get("items").json() == [1]


def test_redirect_from_https_to_http_of_the_same_host_is_not_followed(secured, source, client, failure, monkeypatch):
    server, path, _called = secured("shop.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with server as safe:
        safe.then(reply(301, Location=f"http://shop.example:{source.port}/items"))
        error = failure(lambda: client(f"https://shop.example:{safe.port}").get("items"))
    assert (error.code, error.params["reason"]) == ("bad_response", "redirect")
