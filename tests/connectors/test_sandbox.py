"""The sandbox shop: what it answers, how it grows, and every fault it can play, met by the connector."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connections.connectors.rest import RestConnector
from connections.sandbox.faults import Faults, parse
from connections.sandbox.server import CONTROL, Sandbox
from connections.sandbox.shop import ORDERS_KEPT, TOKEN, Shop, sample_connection
from connections.sdk.context import PlainContext
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient
from connections.sdk.parsing import parse_cnpj, parse_cpf
from connections.sdk.settings import check_settings
from syncruns.engine.transform import to_rows
from tests.connectors.apis import QuickContext, read, rows

CANARY = "canary-58120-token"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def session(url: str, *, token: str = TOKEN) -> RestConnector:
    values = check_settings(RestConnector.settings, sample_connection(url)["values"])
    del values["token"]
    return RestConnector(values, {"token": token})


def failure(sandbox: Sandbox, *, token: str = TOKEN, stream: int = 0) -> SyncError:
    with pytest.raises(SyncError) as caught:
        read(session(sandbox.url, token=token), stream=stream)
    return caught.value


def test_every_stream_of_the_shop_is_read_without_a_bad_record() -> None:
    with Sandbox(Shop()) as shop:
        opened = session(shop.url)
        for number, stream in enumerate(opened.streams(opened.config)):
            pages = read(opened, stream=number)
            assert [to_rows(page, stream).rejects for page in pages] == [[] for _page in pages]
            assert len(rows(pages, stream.tables[0].name)) == {"products": 60, "customers": 150}.get(
                stream.key, ORDERS_KEPT
            )
        customers = rows(read(opened, stream=1), "shop_customers")
    for customer in customers:
        parse = parse_cnpj if customer["kind"] == "company" else parse_cpf
        assert parse(customer["document"])


def test_orders_appear_and_change_and_only_those_are_read_again() -> None:
    clock = Clock()
    with Sandbox(Shop(clock=clock)) as shop:
        opened = session(shop.url)
        first = read(opened, stream=2)
        clock.now += timedelta(minutes=30)
        second = read(opened, stream=2, checkpoint={"since": "2026-11-22T12:00:00+00:00"})
        third = read(opened, stream=2, checkpoint={"since": "2026-11-22T12:30:00+00:00"})
    before = {row["id"]: row for row in rows(first, "shop_orders")}
    after = {row["id"]: row for row in rows(second, "shop_orders")}
    assert len(after.keys() - before.keys()) == 30
    assert any(row["status"] != before[number]["status"] for number, row in after.items() if number in before)
    assert len(rows(third, "shop_orders")) < len(after) < len(before)


def test_shop_is_the_same_after_a_restart_and_other_for_another_seed() -> None:
    clock = Clock()
    assert Shop(clock=clock).orders() == Shop(clock=clock).orders()
    assert Shop(clock=clock).customers() != Shop(clock=clock, seed=2).customers()


def test_speed_makes_orders_appear_faster() -> None:
    clock = Clock()
    slow, fast = Shop(clock=clock), Shop(clock=clock, speed=100)
    before = max(order["id"] for order in slow.orders()), max(order["id"] for order in fast.orders())
    clock.now += timedelta(minutes=1)
    after = max(order["id"] for order in slow.orders()), max(order["id"] for order in fast.orders())
    assert (after[0] - before[0], after[1] - before[1]) == (1, 100)


@pytest.mark.parametrize(
    "path", ["products?page=0", "customers?limit=x", "orders?cursor=zzz", "orders?updated_since=1"]
)
def test_shop_refuses_what_it_does_not_understand(path: str) -> None:
    with Sandbox(Shop()) as shop:
        client = HttpClient(shop.url, QuickContext(), headers={"Authorization": f"Bearer {TOKEN}"})
        with client, pytest.raises(SyncError) as caught:
            client.get(path)
    assert caught.value.code == "request_refused"


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ("401", "credentials_refused"), ("403", "permission_denied"), ("404", "not_found"), ("500", "server_error"),
        ("429", "rate_limited"), ("429,retry-after=90000", "rate_limited"), ("503,retry-after=5", "maintenance"),
        ("418", "request_refused"), ("html", "bad_response"), ("empty", "bad_response"),
        ("truncate", "bad_response"), ("reset", "connection_failed"), ("error-body", "contract_changed"),
        ("401,after=1", "credentials_refused"), ("html,after=1", "bad_response"),
        ("redirect,to=http://localhost:1/", "bad_response"), ("empty-page,after=1", "bad_response"),
    ],
)  # fmt: skip
def test_fault_ends_in_its_code_and_no_error_has_the_token(faults: str, code: str) -> None:
    with Sandbox(Shop(token=CANARY), faults=faults) as shop:
        error = failure(shop, token=CANARY)
        assert shop.faults.played
    assert error.code == code
    assert CANARY not in f"{error} {error!r} {error.detail} {error.params} {error.__cause__} {error.__context__}"


@pytest.mark.parametrize("faults", ["429:2,retry-after=3", "500:2", "reset:1;truncate:1", "503:1,retry-after=1;429:1"])
def test_passing_faults_cost_nothing_but_time(faults: str) -> None:
    context = QuickContext()
    with Sandbox(Shop(), faults=faults) as shop:
        assert len(rows(read(session(shop.url), context), "shop_products")) == 60
        assert sum(shop.faults.played.values()) == 2
    assert len(context.waited) == 2


@pytest.mark.parametrize("fault", ["hang", "drip,seconds=0.05"])
def test_hanging_and_dripping_answers_end_in_a_timeout(fault: str) -> None:
    with Sandbox(Shop(), faults=fault) as shop:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client = HttpClient(shop.url, QuickContext(), headers=headers, read_timeout=0.3, total_timeout=0.5, tries=1)
        with client, pytest.raises(SyncError) as caught:
            client.get("products")
    assert caught.value.code == "timeout"


def test_record_without_its_key_stays_in_the_page_and_is_quarantined() -> None:
    with Sandbox(Shop(), faults="missing-id:1,path=/orders") as shop:
        opened = session(shop.url)
        page = read(opened, stream=2)[0]
        typed = to_rows(page, opened.streams(opened.config)[2])
    assert [(reject.table, reject.reasons["id"]["code"]) for reject in typed.rejects] == [
        ("shop_orders", "key_missing")
    ]  # fmt: skip
    assert len(typed.rows["shop_orders"]) == 99


@pytest.mark.parametrize("faults", ["duplicate-ids", "shifting-pages"])
@pytest.mark.parametrize("stream", [0, 1, 2])
def test_records_that_come_twice_lose_none(faults: str, stream: int) -> None:
    with Sandbox(Shop(), faults=faults) as shop:
        opened = session(shop.url)
        met = rows(read(opened, stream=stream), opened.streams(opened.config)[stream].tables[0].name)
    assert len({row["id"] for row in met}) == [60, 150, ORDERS_KEPT][stream]


def test_faults_are_switched_and_counted_while_it_runs() -> None:
    def control(url: str, spec: str | None = None) -> dict[str, Any]:
        data = None if spec is None else spec.encode()
        with urllib.request.urlopen(url + CONTROL, data) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    with Sandbox(Shop()) as shop:
        assert control(shop.url, "500:1;missing-id:2") == {"faults": "500:1;missing-id:2", "played": {}, "requests": 0}
        assert len(rows(read(session(shop.url)), "shop_products")) == 60
        assert control(shop.url)["played"] == {"500": 1, "missing-id": 2}
        with pytest.raises(urllib.error.HTTPError) as caught:
            control(shop.url, "nonsense")
        caught.value.close()


@pytest.mark.parametrize("spec", ["nonsense", "429:x", "429,soon=1", "hang,seconds=long", "999", "429,after="])
def test_bad_spec_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse(spec)


def test_fault_waits_for_its_turn_and_its_path() -> None:
    faults = Faults("429:1,after=1,path=/orders;500:1")
    assert [fault and fault.name for fault in map(faults.response, ["/orders", "/orders", "/orders", "/x"])] == [
        "500", "429", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("command", [["-m", "connections.sandbox"], ["manage.py", "sandbox"]])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_prints_the_address_serves_and_ends_quietly(command: list[str], number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, *command, "rest", "--seed", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert len(rows(read(session(words[2], token=words[4])), "shop_products")) == 60
        process.send_signal(number)
        _rest, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_command_says_when_the_port_is_taken() -> None:
    with Sandbox(Shop()) as shop:
        port = shop.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "connections.sandbox", "rest", "--port", port], capture_output=True, text=True
        )
    assert done.returncode == 5
    assert "cannot listen" in done.stderr


def test_private_addresses_are_refused_unless_allowed() -> None:
    with Sandbox(Shop()) as shop, pytest.raises(SyncError) as caught:
        read(session(shop.url), PlainContext())
    assert caught.value.code == "address_refused"
