"""Redirects are followed only where the credentials stay with the server they are for."""

from __future__ import annotations

import gzip

import pytest

from tests.sdk.source import reply, running


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_within_the_same_server_is_followed(source, client, status):
    source.then(reply(status, Location="/there?page=2"), reply(body=[1]))
    answer = client(source.url, basic=("u", "p")).get("here")
    assert answer.json() == [1]
    assert answer.url == f"{source.url}/there"
    assert source.asked[1].target == "/there?page=2"
    assert "Authorization" in source.asked[1].headers


def test_redirect_to_another_server_is_not_followed(source, client, failure):
    with running() as elsewhere:
        source.then(reply(302, Location=f"{elsewhere.url}/steal"))
        error = failure(lambda: client(source.url, basic=("u", "p")).get(""))
    assert error.code == "bad_response"
    assert error.params == {"host": "127.0.0.1", "status": 302, "reason": "redirect", "tries": 1}


@pytest.mark.parametrize(
    "location",
    ["http://evil.example/", "//evil.example/x", "https://evil.example:1/", "ftp://127.0.0.1/", "http://[::1", ""],
)
def test_redirect_elsewhere_is_not_followed(source, client, failure, location):
    source.then(reply(301, Location=location))
    assert failure(lambda: client(source.url).get("")).params["reason"] == "redirect"


def test_redirects_in_a_circle_end(source, client, failure):
    source.then(*[reply(302, Location="/again")] * 6)
    assert failure(lambda: client(source.url).get("again")).params["reason"] == "redirect"


def test_redirect_of_a_post_is_not_followed(source, client, failure):
    source.then(reply(307, Location="/there"))
    assert failure(lambda: client(source.url).post("here", json={})).params["reason"] == "redirect"


def test_bomb_in_a_redirect_is_refused(source, client, failure):
    source.then(reply(302, gzip.compress(b"0" * 5_000_000), Location="/x", Content_Encoding="gzip"))
    assert failure(lambda: client(source.url, max_body_bytes=2000).get("")).params["reason"] == "too_large"


def test_link_to_another_server_is_refused_before_anything_is_sent(source, client, failure):
    http = client(source.url, basic=("u", "p"))
    for link in ("http://127.0.0.1:9/items", "//evil.example/items", "https://127.0.0.1/items"):
        error = failure(lambda link=link: http.get(link))
        assert (error.code, error.params["reason"]) == ("bad_response", "other_host")
