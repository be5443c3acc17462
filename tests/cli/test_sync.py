"""`manage.py sync` and `runs`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone, translation

from connections import connectors
from connections.catalogue import explain
from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.services import create_connection
from syncruns.models import Checkpoint, SyncRun
from tests.cli.conftest import Result
from tests.web.freight import Freight

Command = Callable[..., Result]


def test_sync_runs_here_and_answers_success(loja: Connection, command: Command) -> None:
    synced = command("sync", "loja", "--json")
    assert synced.code == 0, synced
    run = SyncRun.objects.get()
    assert (run.state, run.trigger) == ("succeeded", "cli")
    assert synced.document["id"] == str(run.pk)
    assert synced.document["counts"]["inserted"] == run.inserted > 0
    assert [stream["state"] for stream in synced.document["streams"]] == ["succeeded"] * 3


def test_sync_without_a_terminal_writes_a_line_per_stream(loja: Connection, command: Command) -> None:
    lines = command("sync", "loja").out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["Products", "Customers", "Orders"]
    assert lines[3].startswith("Succeeded")
    assert "\r" not in "".join(lines)


def test_sync_of_one_stream_leaves_the_others(loja: Connection, command: Command) -> None:
    assert command("sync", "loja", "--stream", "products").code == 0
    assert [stream.stream for stream in SyncRun.objects.get().streams.all()] == ["products"]


def test_a_window_is_for_the_streams_named_and_for_one_sync(
    transactional_db: None, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, Freight))
    monkeypatch.setattr(Freight, "reads", [])
    create_connection(
        kind="freight",
        name="Frota",
        values={"url": "https://freight.example", "database": "prod", "password": "x"},
        windows={"entradas": 4320},
    )
    assert command("sync", "frota", "--stream", "parceiros", "--stream", "carteira", "--window", "6360").code == 0
    assert Freight.reads == [("carteira", 6360), ("parceiros", 6360)]
    Freight.reads.clear()
    assert command("sync", "frota").code == 0
    assert Freight.reads == [("carteira", 40), ("entradas", 4320)]


def test_since_is_read_in_the_connections_zone_and_later_syncs_go_on_from_there(
    loja: Connection, command: Command
) -> None:
    assert command("sync", "loja", "--stream", "orders", "--since", "20/11/2026").code == 0
    since = datetime.fromisoformat(SyncRun.objects.get().options["since"])
    assert since == datetime(2026, 11, 20, 3, tzinfo=UTC)  # midnight in São Paulo
    begun = Checkpoint.objects.get(stream="orders").state
    assert begun is not None  # it was the stream's first read
    assert command("sync", "loja", "--stream", "orders", "--since", "19/11/2026").code == 0
    assert Checkpoint.objects.get(stream="orders").state == begun


@pytest.mark.parametrize(
    "flags",
    [
        ["--since", "yesterday"],
        ["--since", "2999-01-01"],
        ["--window", "0"],
        ["--stream", "order"],
        ["--wait"],
    ],
)
def test_wrong_flag_starts_no_run(loja: Connection, command: Command, flags: list[str]) -> None:
    refused = command("sync", "loja", *flags)
    assert refused.code == 2
    assert refused.err
    assert not SyncRun.objects.exists()


def test_records_in_quarantine_make_the_run_partial(loja: Connection, shop: Sandbox, command: Command) -> None:
    shop.faults.order("missing-id,path=/products")
    synced = command("sync", "loja")
    assert synced.code == 3, synced
    assert "quarantined" in synced.out
    assert SyncRun.objects.get().state == "partial"


def test_refused_credentials_ask_for_a_person(loja: Connection, shop: Sandbox, command: Command) -> None:
    shop.faults.order("401")
    synced = command("sync", "loja")
    assert synced.code == 4, synced
    assert "Credentials refused" in synced.out
    assert "sandbox-token" not in synced.out + synced.err


def test_failing_source_is_explained(loja: Connection, shop: Sandbox, command: Command) -> None:
    shop.faults.order("html")
    synced = command("sync", "loja")
    assert synced.code == 5, synced
    failed = SyncRun.objects.get().streams.first()
    assert failed is not None
    with translation.override("en"):
        assert explain(failed.error_code, failed.error_params).title in synced.out


def test_active_run_is_named_and_left_alone(loja: Connection, command: Command) -> None:
    active = SyncRun.objects.create(connection=loja, trigger="manual")
    for flags in ([], ["--queue"], ["--queue", "--wait"]):
        refused = command("sync", "loja", *flags, "--json")
        assert (refused.code, refused.document["error"]["code"]) == (5, "already_running")
        assert refused.document["error"]["params"]["run"] == str(active.pk)
    assert SyncRun.objects.get().state == "queued"


def test_run_that_a_crash_left_is_no_obstacle_where_no_worker_notices_it(loja: Connection, command: Command) -> None:
    past = timezone.now() - timedelta(seconds=1)
    left = SyncRun.objects.create(
        connection=loja, trigger="cli", state="running", started_at=past, lease_until=past, token=uuid4(), fence=1
    )
    assert command("sync", "loja").code == 0
    left.refresh_from_db()
    assert left.state == "lost"


def test_queued_sync_is_left_to_a_worker(loja: Connection, command: Command) -> None:
    queued = command("sync", "loja", "--queue", "--json")
    assert (queued.code, queued.document["state"]) == (0, "queued")
    assert SyncRun.objects.get().state == "queued"


def test_dry_run_counts_and_writes_nothing(loja: Connection, command: Command) -> None:
    tried = command("sync", "loja", "--dry-run", "--json")
    assert tried.code == 0, tried
    assert tried.document["counts"]["inserted"] > 0
    assert not Checkpoint.objects.filter(state__isnull=False).exists()
    synced = command("sync", "loja", "--json")
    assert synced.document["counts"]["inserted"] >= tried.document["counts"]["inserted"]
    assert synced.document["counts"]["unchanged"] == 0


def test_runs_are_listed_newest_first_and_filtered(loja: Connection, command: Command) -> None:
    command("sync", "loja", "--stream", "products")
    command("sync", "loja", "--stream", "products")
    listed = command("runs", "list", "--json").document
    assert [row["id"] for row in listed] == [str(run.pk) for run in SyncRun.objects.order_by("-queued_at")]
    assert len(command("runs", "list", "--limit", "1", "--json").document) == 1
    assert command("runs", "list", "--state", "failed", "--json").document == []
    assert command("runs", "list", "--connection", "nowhere").code == 2
    assert "loja" in command("runs", "list", "--connection", "loja").out


def test_run_is_shown_by_the_beginning_of_its_id(loja: Connection, shop: Sandbox, command: Command) -> None:
    shop.faults.order("401")
    command("sync", "loja")
    run = SyncRun.objects.get()
    shown = command("runs", "show", str(run))
    assert shown.code == 0
    assert "Credentials refused" in shown.out
    document = command("runs", "show", str(run.pk), "--json").document
    assert document["streams"][0]["error"]["code"] == "credentials_refused"
    assert document["log"][0]["event"] == "run_started"


def test_ambiguous_or_unknown_run_is_a_usage_error(loja: Connection, command: Command) -> None:
    for last in "12":
        pk = UUID(f"abcd0000-0000-4000-8000-00000000000{last}")
        SyncRun.objects.create(
            pk=pk, connection=loja, trigger="manual", state="cancelled", finished_at=datetime.now(UTC)
        )
    several = command("runs", "show", "abcd", "--json")
    assert (several.code, several.document["error"]["code"]) == (2, "ambiguous_run")
    assert len(several.document["error"]["params"]["suggestions"]) == 2
    for unknown in ("dcba", "not an id"):
        assert command("runs", "show", unknown).code == 2
