"""Which addresses may be called, and that a name's answer cannot change under way."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from connections.sdk.addresses import refusal
from connections.sdk.context import PlainContext
from tests.sdk.source import reply


@pytest.mark.parametrize(
    ("address", "reason", "reason_when_private_is_allowed"),
    [
        ("8.8.8.8", None, None),
        ("2600::1", None, None),
        ("127.0.0.1", "private", None),
        ("10.1.2.3", "private", None),
        ("172.16.0.1", "private", None),
        ("192.168.0.1", "private", None),
        ("100.64.0.1", "private", None),
        ("::1", "private", None),
        ("fd12::1", "private", None),
        ("fec0::1", "private", None),
        ("::ffff:10.0.0.1", "private", None),
        ("::ffff:8.8.8.8", None, None),
        ("64:ff9b::7f00:1", "private", None),
        ("64:ff9b::808:808", None, None),
        ("2002:a00:1::1", "private", None),
        ("169.254.169.254", "metadata", "metadata"),
        ("::ffff:169.254.169.254", "metadata", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata", "metadata"),
        ("fe80::1", "metadata", "metadata"),
        ("fd00:ec2::254", "metadata", "metadata"),
        ("100.100.100.200", "metadata", "metadata"),
        ("0.0.0.0", "reserved", "reserved"),  # noqa: S104 - an address to refuse
        ("::", "reserved", "reserved"),
        ("224.0.0.1", "reserved", "reserved"),
        ("ff02::1", "reserved", "reserved"),
        ("240.0.0.1", "reserved", "reserved"),
        ("255.255.255.255", "reserved", "reserved"),
        ("::127.0.0.1", "reserved", "reserved"),
    ],
)
def test_address_is_judged_by_where_packets_end_up(address, reason, reason_when_private_is_allowed):
    parsed = ipaddress.ip_address(address)
    assert refusal(parsed, allow_private=False) == reason
    assert refusal(parsed, allow_private=True) == reason_when_private_is_allowed


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_every_spelling_of_loopback_is_refused(client, failure, host):
    error = failure(lambda: client(f"http://{host}:9", context=PlainContext()).get(""))
    assert (error.code, error.params["reason"]) == ("address_refused", "private")
    assert error.params["tries"] == 1


def test_metadata_service_is_refused_even_where_private_addresses_are_allowed(client, failure):
    error = failure(lambda: client("http://169.254.169.254").get("latest/meta-data"))
    assert (error.code, error.params) == (
        "address_refused",
        {"host": "169.254.169.254", "reason": "metadata", "tries": 1},
    )


def _resolver(monkeypatch, answers: list[list[str]]) -> list[str]:
    """Let names resolve to each answer in turn, and return the list of names asked for."""
    asked: list[str] = []

    def getaddrinfo(host, port, *args, **kwargs):
        asked.append(host)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port or 0, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))
            for address in answers.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_name_that_resolves_to_a_private_address_among_others_is_refused(client, failure, monkeypatch):
    _resolver(monkeypatch, [["93.184.216.34", "10.0.0.1"]])
    error = failure(lambda: client("http://shop.example", context=PlainContext()).get(""))
    assert (error.code, error.params["host"]) == ("address_refused", "shop.example")


def test_name_is_resolved_once_so_that_a_second_answer_changes_nothing(source, client, monkeypatch):
    asked = _resolver(monkeypatch, [["127.0.0.1"], ["169.254.169.254"]])
    source.then(reply(body=[1]), reply(500), reply(body=[2]))
    http = client(f"http://shop.example:{source.port}")
    assert [http.get("a").json(), http.get("b").json()] == [[1], [2]]
    assert asked == ["shop.example"]
    assert source.asked[0].headers["Host"] == f"shop.example:{source.port}"


def test_second_address_is_tried_where_the_first_does_not_answer(source, client, monkeypatch):
    _resolver(monkeypatch, [["::1", "127.0.0.1"]])
    source.then(reply(body=[1]))
    assert client(f"http://shop.example:{source.port}").get("").json() == [1]


def test_name_that_did_not_resolve_is_asked_for_again(source, client, monkeypatch):
    _resolver(monkeypatch, [[], ["127.0.0.1"]])
    source.then(reply(body=[1]))
    assert client(f"http://shop.example:{source.port}").get("").json() == [1]
