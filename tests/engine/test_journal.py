"""The application log tells of every run what is in force, how each try ended and what moved; never a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from connections.models import Connection
from connections.sdk.errors import SyncError
from syncruns.models import SyncRun
from tests.engine.scripted import fails, items, pages

pytestmark = pytest.mark.django_db(transaction=True)

Sync = Callable[..., SyncRun]
CANARY = "canary-5ecret/value+1"


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, settings: Any) -> Callable[[], list[str]]:
    """Return a function that returns the lines so far, in English."""
    settings.LANGUAGE_CODE = "en"
    caplog.set_level(logging.INFO, logger="sync")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "sync.run"]


def test_run_begins_with_a_banner_and_ends_with_its_counts(sync_now: Sync, shop: Connection, told: Any) -> None:
    run = sync_now({"items": pages(items((1, "a", "1.50"), (2, "b", "2")))}, window_minutes=90)
    head = f"run {run} of {shop.slug}: "
    lines = told()
    assert all(line.startswith(head) and "\n" not in line for line in lines)
    started, in_force, windows, read, _orders, ended = (line.removeprefix(head) for line in lines)
    assert "streams are tried up to 3 times, 0 s apart; lease 3 s" in started
    assert in_force == "settings: base_url=http://shop.example"
    assert windows == "windows: items looks back 90 min; orders looks back 90 min"
    assert read.startswith("Items, attempt 1/3: 2 read  New: 2  Updated: 0  Removed: 0  in ")
    assert ended.startswith("ended: Succeeded in ") and "2 read  New: 2" in ended


def test_every_try_of_a_stream_is_a_line_with_its_reason(sync_now: Sync, told: Any, caplog: Any) -> None:
    sync_now({"items": fails("connection_failed", host="shop.example", reason="refused")})
    tries = [record for record in caplog.records if "Items, attempt" in record.getMessage()]
    assert [record.levelname for record in tries] == ["WARNING", "WARNING", "ERROR"]
    for number, record in enumerate(tries, start=1):
        said = record.getMessage()
        assert f"attempt {number}/3 failed: " in said
        assert "(connection_failed, host=shop.example, reason=refused)" in said
        assert ("; next try in 0 s" in said) == (number < 3)
    assert told()[-1].count("ended: Partial") == 1


def test_secret_is_in_no_line_however_it_got_there(
    sync_now: Sync, shop: Connection, caplog: pytest.LogCaptureFixture, told: Any
) -> None:
    shop.secrets = {"token": CANARY}
    shop.secrets_set_at = {"token": "2026-01-01T00:00:00+00:00"}
    shop.config = {"base_url": f"http://shop.example/{CANARY}/v1"}
    shop.save()

    def script(checkpoint: Any, context: Any) -> Any:
        yield items((1, "a", "1"))
        raise SyncError("server_error", detail=f"they said {CANARY}", host="shop.example")

    sync_now({"items": script})
    assert "token=***" in caplog.text
    assert "they said ***" in caplog.text
    assert CANARY not in caplog.text


def test_names_with_line_ends_forge_no_line(sync_now: Sync, told: Any) -> None:
    sync_now({"items": fails("bad_response", host="shop.example\n2026-01-01 INFO forged")})
    assert all("\n" not in line for line in told())


def test_log_speaks_the_consoles_language(sync_now: Sync, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="sync")
    sync_now({"items": pages(items((1, "a", "1.50"), (2, "b", "dear")))})
    assert "Items, tentativa 1/3: 2 lidos  Novos: 1  Atualizados: 0  Removidos: 0  Em quarentena: 1  em " in caplog.text


def test_a_stream_that_is_not_offered_is_a_warning_and_no_error(
    sync_now: Sync, caplog: pytest.LogCaptureFixture
) -> None:
    sync_now({"items": fails("unavailable", reason="module", module="purchase_request", service="purchase.request")})
    [record] = [record for record in caplog.records if "Items, tentativa" in record.getMessage()]
    assert record.levelname == "WARNING"
    assert "Items, tentativa 1/3, indisponível: Falta um módulo na origem (unavailable" in record.getMessage()
