"""Doctor says of a source that cannot be reached why, and what helps against that."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from connections.models import Connection
from connections.sandbox.server import Sandbox
from tests.certificates import self_signed
from tests.cli.doctor import Found
from tests.console import free_port
from tests.sdk.source import running

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sound")]


def test_source_that_refuses_the_connection(found: Found, make_connection: Callable[..., Connection]) -> None:
    make_connection(slug="closed", config={"base_url": f"http://127.0.0.1:{free_port()}/v1"})
    refused = found()["vendor_unreachable"]
    assert refused["params"]["connection"] == "closed"
    assert refused["params"]["error"] == "connection_failed"


def test_certificate_that_has_expired_is_named_so_with_what_to_do(
    found: Found, make_connection: Callable[..., Connection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = self_signed(tmp_path / "certificate.pem", "localhost", days=-1)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    with running(tls) as source:
        make_connection(slug="old", config={"base_url": f"https://localhost:{source.port}"})
        expired = found()["vendor_unreachable"]
    assert "Certificate not trusted (certificate has expired)" in expired["message"]
    assert expired["fix"].startswith("Have the certificate renewed")


def test_host_that_does_not_exist_is_named_so(found: Found, make_connection: Callable[..., Connection]) -> None:
    make_connection(slug="gone", config={"base_url": "https://no-such-host.invalid"})
    assert "Address not found" in found()["vendor_unreachable"]["message"]


def test_source_without_tls_behind_an_https_address(found: Found, shop: Sandbox, make_connection: Any) -> None:
    make_connection(slug="plain", config={"base_url": shop.url.replace("http:", "https:")})
    assert found()["vendor_unreachable"]["params"]["error"] in ("tls_failed", "connection_failed")


def test_source_at_a_private_address_that_may_not_be_called(found: Found, loja: Connection) -> None:
    Connection.objects.update(config={"base_url": loja.config["base_url"]})  # without its permission
    settings.ALLOW_PRIVATE_ADDRESSES = False
    try:
        assert found()["vendor_unreachable"]["params"]["error"] == "address_refused"
    finally:
        settings.ALLOW_PRIVATE_ADDRESSES = True
