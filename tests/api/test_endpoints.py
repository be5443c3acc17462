"""What the endpoints answer."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connections.models import AuditEvent, Connection
from syncruns.api.facts import OUTCOMES
from syncruns.models import SyncLog, SyncRun
from tests.api.conftest import Ask, Make
from tests.console import ROOT
from tests.web.console_pages import CONFIG, make_run, make_stream

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(make_connection: Make) -> Connection:
    return make_connection(name="Shop", slug="shop", config=CONFIG)


def test_status_tells_all_connections_together_and_each(ask: Ask, make_connection: Make, shop: Connection) -> None:
    run = make_run(shop, "partial", inserted=12, error_code="timeout", error_params={"host": "h"})
    make_stream(run, "orders", "succeeded")
    make_stream(run, "items", "failed", error_code="timeout", finished_at=run.finished_at)
    other = make_connection(slug="other", status="error", status_code="credentials_refused", auto_sync=True)
    make_run(other, "running")
    found = ask("/api/sync/status", scope="read").json()
    assert found["health"] == "running", "the worst"
    assert found["em_execucao"] is found["running"] is True
    assert found["faturas_novas"] == found["registros_novos"] == found["new_records"] == 12
    assert found["ucs_sincronizadas"] == found["unidades_sincronizadas"] == found["units_synced"] == 1
    assert {error["code"] for error in found["erros"]} == {"timeout", "credentials_refused"}
    one = ask("/api/sync/status", data={"connection": "shop"}).json()
    assert [each["connection"] for each in one["connections"]] == ["shop"]
    assert one["ultima_execucao"] == one["last_run_at"] == one["connections"][0]["ultima_execucao"]
    assert [(error["stream"], error["code"]) for error in one["erros"]] == [("items", "timeout")]
    assert ask("/api/sync/status", data={"connection": "nobody"}).json()["code"] == "not_found"


def test_status_costs_the_same_number_of_queries_for_any_number_of_connections(
    ask: Ask, make_connection: Make, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        run = make_run(make_connection(), "failed" if number % 2 else "succeeded", error_code="timeout" * (number % 2))
        make_stream(run, "orders", "succeeded")
    ask("/api/sync/status")  # notes the use of the token
    with django_assert_num_queries(4):
        found = ask("/api/sync/status", headers={"Cache-Control": "no-cache"}).json()
        assert len(found["connections"]) == 12
    with django_assert_num_queries(0):  # many programs ask in the same second
        assert ask("/api/sync/status").json() == found


def test_status_of_nothing_is_an_answer_too(ask: Ask) -> None:
    found = ask("/api/sync/status").json()
    assert (found["health"], found["ultima_execucao"], found["connections"]) == ("never", None, [])


def test_trigger_starts_one_and_then_points_to_its_run(ask: Ask, shop: Connection) -> None:
    wanted = {"connection": "shop", "stream": "orders", "window_minutes": 90}
    started = ask("/api/sync/trigger", method="post", body=wanted)
    assert started.status_code == 202
    run = SyncRun.objects.get(pk=started.json()["run_ids"][0])
    assert (run.trigger, run.options) == ("api", {"streams": ["orders"], "window_minutes": 90})
    assert AuditEvent.objects.get(action="run.requested").actor == "API: a program that may operate"
    again = ask("/api/sync/trigger", method="post", body=wanted)
    assert (again.status_code, again["Content-Type"]) == (409, "application/problem+json")
    assert again.json()["run_id"] == str(run.pk) and again["Location"] == f"/api/runs/{run.pk}"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"paused_until": timezone.now() + timedelta(days=1)}, "paused"),
        ({"status": "error", "status_code": "credentials_refused"}, "credentials_refused"),
        ({"blocked_until": timezone.now() + timedelta(days=1)}, "quota_blocked"),
        ({"status": "inactive"}, "inactive"),
    ],
)
def test_trigger_says_why_a_connection_may_not_run(
    ask: Ask, make_connection: Make, fields: dict[str, Any], code: str
) -> None:
    make_connection(slug="held", config=CONFIG, **fields)
    refused = ask("/api/sync/trigger", method="post", body={"connection": "held"})
    assert (refused.status_code, refused.json()["code"]) == (423, code)
    assert ("Retry-After" in refused) == (code in ("paused", "quota_blocked"))
    everything = ask("/api/sync/trigger", method="post")
    assert (everything.status_code, everything.json()["skipped"][0]["code"]) == (423, code)
    assert not SyncRun.objects.exists()


def test_kind_that_is_switched_off_for_the_installation_is_told_and_not_started(
    ask: Ask, shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_REST", "0")
    for body in ({"connection": "shop"}, {}):
        refused = ask("/api/sync/trigger", method="post", body=body)
        assert refused.status_code == 423
        assert (refused.json().get("skipped") or [refused.json()])[0]["code"] == "kind_off"
    assert (ask("/api/sync/status").json()["health"], SyncRun.objects.count()) == ("off", 0)


def test_trigger_of_everything_starts_what_may_run_and_tells_the_rest(
    ask: Ask, make_connection: Make, shop: Connection
) -> None:
    make_connection(slug="held", config=CONFIG, paused_until=timezone.now() + timedelta(hours=1))
    busy = make_run(make_connection(slug="busy", config=CONFIG), "running")
    found = ask("/api/sync/trigger", method="post").json()
    assert [run["connection"] for run in found["runs"]] == ["shop"]
    left_out = {one["connection"]: (one["code"], one["run_id"]) for one in found["skipped"]}
    assert left_out == {"busy": ("already_running", str(busy.pk)), "held": ("paused", None)}
    again = ask("/api/sync/trigger", method="post")
    assert (again.status_code, len(again.json()["run_ids"])) == (409, 2)


@pytest.mark.parametrize(
    "body",
    [
        {"stream": "none"},
        {"connection": "shop", "stream": "none"},
        {"connection": 7},
        {"conection": "shop"},
        {"window_minutes": True},
        {"window_minutes": "9"},
        {"window_minutes": 0},
        {"window_minutes": 1e400},
    ],
)
def test_trigger_refuses_what_it_does_not_know(ask: Ask, shop: Connection, body: dict[str, Any]) -> None:
    refused = ask("/api/sync/trigger", method="post", body=body)
    assert refused.status_code == (404 if body.get("stream") == "none" else 422)
    assert refused.json()["code"] in ("not_found", "invalid_request")


def test_parameter_that_comes_twice_is_refused_rather_than_half_heard(ask: Ask) -> None:
    refused = ask("/api/sync/logs?limit=5&limit=6")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["loc"] == ["query", "limit"]


@pytest.mark.parametrize(
    "wrong",
    [
        *(f"limit={limit}" for limit in ("%201", "1_0", "1.0", "%2B1", "01", "1e1", "", "٣")),
        *(f"limit={limit}" for limit in ("0", "201", "-1", "9" * 99)),
        *(f"include_skipped={truth}" for truth in ("yes", "1", "True", "on", "true%20", "")),
        "status=sucesso",
        "connection=Shop%20",
        "connection=",
        "cursor=%20",
    ],
)
def test_parameter_that_is_not_written_as_described_is_refused(ask: Ask, shop: Connection, wrong: str) -> None:
    refused = ask(f"/api/sync/logs?{wrong}")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["loc"] == ["query", wrong.partition("=")[0]]


STATES = {
    "succeeded": "SUCESSO",
    "partial": "PARCIAL",
    **dict.fromkeys(("failed", "timed_out", "lost", "cancelled", "skipped"), "FALHA"),
}


def test_logs_tell_every_state_in_three_words_and_leave_out_what_has_not_ended(ask: Ask, shop: Connection) -> None:
    for minutes, state in enumerate([*STATES, "running"]):
        make_run(shop, state, ago=timedelta(minutes=20 + minutes), inserted=3, skip_reason="paused")
    items = ask("/api/sync/logs", data={"include_skipped": "true"}).json()["items"]
    assert {one["state"]: one["status"] for one in items} == STATES
    assert all(one["faturas_criadas"] == 3 and one["fim"] == one["finished_at"] for one in items)
    assert "skipped" not in {one["state"] for one in ask("/api/sync/logs").json()["items"]}
    failed = ask("/api/sync/logs", data={"status": "FALHA", "connection": "shop"}).json()["items"]
    assert len(failed) == 4


def test_run_that_has_not_ended_has_no_status_and_one_whose_worker_vanished_is_lost(
    ask: Ask, shop: Connection, make_connection: Make
) -> None:
    runs = {
        make_run(shop, "queued"): ("queued", None),
        make_run(make_connection(), "running"): ("running", None),
        make_run(make_connection(), "running", lease_until=timezone.now() - timedelta(minutes=1)): ("lost", "FALHA"),
    }
    for run, told in runs.items():
        found = ask(f"/api/runs/{run.pk}").json()
        assert (found["state"], found["status"]) == told


def test_document_says_of_every_state_which_status_it_is() -> None:
    document = (ROOT / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| (?:`([A-Z]+)`|none yet) \|", document, re.MULTILINE)
    told = {state: status or None for states, status in rows for state in re.findall(r"\w+", states)}
    assert told == OUTCOMES
    assert set(told) == set(SyncRun.State.values)


def test_logs_go_on_at_the_cursor_even_where_many_end_at_once_and_newer_ones_come(ask: Ask, shop: Connection) -> None:
    at = timezone.now() - timedelta(hours=1)
    runs = {str(make_run(shop, finished_at=at).pk) for _ in range(5)}
    seen: list[str] = []
    page = ask("/api/sync/logs", data={"limit": 2}).json()
    make_run(shop)
    while True:
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        page = ask("/api/sync/logs", data={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert len(seen) == 5 and set(seen) == runs


def test_logs_are_narrowed_by_time(ask: Ask, shop: Connection) -> None:
    for days in (1, 3, 5):
        make_run(shop, ago=timedelta(days=days))
    now = timezone.now()
    wanted = {"since": (now - timedelta(days=4)).isoformat(), "until": (now - timedelta(days=2)).isoformat()}
    assert len(ask("/api/sync/logs", data=wanted).json()["items"]) == 1
    end = SyncRun.objects.latest("finished_at").finished_at
    for zone, hours in (("America/Sao_Paulo", -3), ("Asia/Kathmandu", 5.75)):
        there = end.astimezone(ZoneInfo(zone))
        assert there.utcoffset() == timedelta(hours=hours)
        for name, count in (("since", 1), ("until", 2)):
            found = ask("/api/sync/logs", data={name: there.isoformat()}).json()["items"]
            assert len(found) == count, "since takes the moment itself, until does not"
        naive = there.replace(tzinfo=None).isoformat()
        assert ask("/api/sync/logs", data={"since": f"{naive} 03:00"}).status_code == 422, "a + that became a space"
    assert ask("/api/sync/logs", data={"since": "2026-11-01T00:00:00"}).status_code == 422  # no zone


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("0000-01-01T00:00:00Z", 200),
        ("0001-01-01t00:00:00+23:59", 200),
        ("9999-12-31T23:59:60-23:59", 200),
        ("2026-11-27", 422),
        ("1764201600", 422),
        ("soon", 422),
    ],
)
def test_moments_are_taken_from_the_first_to_the_last(ask: Ask, shop: Connection, since: str, status: int) -> None:
    for path in ("/api/sync/logs", "/api/metrics/shop"):
        assert ask(path, data={"since": since}).status_code == status


@pytest.mark.parametrize("cursor", ["WyIxIl0", "e30", "bnVsbA", "WyIyMDI2LTExLTAxIiwgIngiXQ", "_"])
def test_cursor_of_another_list_is_refused(ask: Ask, shop: Connection, cursor: str) -> None:
    refused = ask("/api/sync/logs", data={"cursor": cursor})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_run_and_its_events_are_told_in_the_reader_s_language(ask: Ask, shop: Connection) -> None:
    run = make_run(shop, "failed", error_code="timeout", error_params={"host": "h"})
    make_stream(run, "orders", "failed", error_code="timeout")
    SyncLog.objects.create(run=run, event="page_loaded")
    SyncLog.objects.create(run=run, event="failed.timeout", level="error", stream="orders")
    portuguese = {"headers": {"Accept-Language": "pt-BR"}}
    found = ask(f"/api/runs/{run.pk}", **portuguese).json()
    assert (found["status"], found["state"], found["streams"][0]["error"]["code"]) == ("FALHA", "failed", "timeout")
    assert found["erros"][0]["title"] == "Sem resposta a tempo"
    events = ask(f"/api/runs/{run.pk}/events", data={"limit": 1}, **portuguese).json()
    assert [one["event"] for one in events["items"]] == ["page_loaded"]
    more = ask(f"/api/runs/{run.pk}/events", data={"cursor": events["next_cursor"]}).json()
    assert [one["level"] for one in more["items"]] == ["error"]
    assert len(ask(f"/api/runs/{run.pk}/events", data={"level": "warning"}).json()["items"]) == 1


def test_connection_is_switched_and_paused(ask: Ask, shop: Connection) -> None:
    until = (timezone.now() + timedelta(hours=2)).isoformat()
    changed = ask("/api/connections/shop", method="patch", body={"auto_sync": True, "paused_until": until})
    assert (changed.status_code, changed.json()["auto_sync"], changed.json()["health"]) == (200, True, "off")
    lifted = ask("/api/connections/shop", method="patch", body={"paused_until": None}).json()
    assert lifted["paused_until"] is None and lifted["next_run_at"] and lifted["auto_sync"]
    actions = ["auto_sync.on", "connection.paused", "connection.resumed"]
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == actions
    ask("/api/connections/shop", method="patch", body={"paused_until": "2199-01-01T00:00:00Z"})
    shop.refresh_from_db()
    assert shop.paused_until is not None and shop.paused_until - timezone.now() < timedelta(days=367)
    lifted = ask("/api/connections/shop", method="patch", body={"paused_until": "2001-01-01T00:00:00Z"}).json()
    assert lifted["paused_until"] is None
    for wrong in (
        {"paused_until": "soon"}, {"auto_sync": None}, {"auto_sync": "yes"}, {"name": "x"}, {"description": "x" * 501},
        {"description": None},
    ):  # fmt: skip
        assert ask("/api/connections/shop", method="patch", body=wrong).status_code == 422
    assert ask("/api/connections/shop").json() == lifted


def test_connections_are_listed_page_by_page(ask: Ask, make_connection: Make) -> None:
    made = [make_connection().slug for _ in range(5)]
    first = ask("/api/connections", data={"limit": 3}).json()
    second = ask("/api/connections", data={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [one["slug"] for one in [*first["items"], *second["items"]]] == made
    assert second["next_cursor"] is None


def test_connections_are_described_and_found_by_what_is_said_of_them(ask: Ask, make_connection: Make) -> None:
    make_connection(slug="shop", tags=["Norte"], description="Pedidos\nAção: Ana")
    make_connection()
    assert ask("/api/connections/shop").json()["description"] == "Pedidos\nAção: Ana"
    found = ask("/api/connections", data={"q": "ana acao norte", "limit": 1}).json()
    assert [one["slug"] for one in found["items"]] == ["shop"] and found["next_cursor"] is None
    assert ask("/api/connections", data={"q": "nobody"}).json()["items"] == []
    # What a connection is for is said by those who set it up.
    assert ask("/api/connections/shop", method="patch", body={"description": ""}).status_code == 422


def test_metrics_add_up_the_runs_of_a_period(ask: Ask, shop: Connection) -> None:
    for state, seconds in (("succeeded", 10), ("partial", 20), ("failed", 30), ("cancelled", 999)):
        run = make_run(shop, state, inserted=5, read=7)
        run.finished_at = run.started_at + timedelta(seconds=seconds)
        run.save()
        make_stream(run, "orders", "succeeded")
        make_stream(run, "items", "failed" if state == "failed" else "succeeded")
    make_run(shop, ago=timedelta(days=2))
    found = ask("/api/metrics/shop").json()
    assert found["duracao_segundos"] == found["duration_seconds"] == 20
    assert (found["ucs_total"], found["ucs_sucesso"], found["ucs_erro"]) == (6, 5, 1)
    assert found["taxa_sucesso"] == pytest.approx(5 / 6)
    assert (found["faturas_novas"], found["runs"], found["runs_failed"]) == (15, 3, 1)
    since = (timezone.now() - timedelta(days=3)).isoformat()
    assert ask("/api/metrics/shop", data={"since": since}).json()["runs"] == 4
    assert ask("/api/metrics/shop", data={"until": since, "since": timezone.now().isoformat()}).json()["runs"] == 0
