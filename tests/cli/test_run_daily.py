"""`manage.py run_daily`: daily connections on a host without workers, each slot once."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from datetime import time, timedelta

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from syncruns.chores import are_due
from syncruns.dispatch import queue_due
from syncruns.models import SyncRun, Webhook
from tests.cli.conftest import Result, manage, shell_environment
from tests.console import wait_for
from tests.webhooks.receiver import receiver

Command = Callable[..., Result]


@pytest.fixture
def due(loja: Connection) -> Connection:
    """The shop's connection, daily, switched on and due."""
    slot = timezone.now() - timedelta(seconds=5)
    local = timezone.localtime(slot)
    Connection.objects.filter(pk=loja.pk).update(
        schedule_kind="daily",
        daily_at=time(local.hour, local.minute),
        auto_sync=True,
        next_sync_at=slot,
    )
    loja.refresh_from_db()
    return loja


def test_due_connection_is_synced_once_and_its_slot_is_used_up(command: Command, due: Connection) -> None:
    slot = due.next_sync_at
    done = command("run_daily", "--once")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Loja:\n  Succeeded")
    run = SyncRun.objects.get()
    assert (run.state, run.trigger, run.slot) == ("succeeded", "schedule", slot)
    again = command("run_daily", "--once")
    assert again.code == 0
    assert again.out.startswith("Nothing is due; next: ")
    assert SyncRun.objects.count() == 1


def test_chores_of_the_system_are_done_too_so_that_ends_of_runs_are_told(command: Command, due: Connection) -> None:
    with receiver() as program:
        webhook = Webhook(name="Finance", url=program.url, allow_private=True)
        webhook.new_secret(timezone.now())
        webhook.save()
        assert command("run_daily", "--once").code == 0
        assert [headers["Sincro-Event"] for headers, _body in program.taken] == ["run.ended"]
    assert not are_due(timezone.now())


def test_run_that_a_scheduler_elsewhere_has_queued_is_executed_and_not_doubled(
    command: Command, due: Connection
) -> None:
    queue_due(timezone.now())
    (run,) = command("run_daily", "--once", "--json").document
    assert run["state"] == "succeeded"
    assert SyncRun.objects.count() == 1


def test_other_kinds_and_other_rhythms_are_left_alone(command: Command, due: Connection) -> None:
    assert "Nothing is due" in command("run_daily", "--once", "--kind", "odoo").out
    Connection.objects.update(schedule_kind="interval", interval_minutes=30, daily_at=None)
    assert command("run_daily", "--once").out == "Nothing is due: no daily connection is switched on.\n"
    assert not SyncRun.objects.exists()


def test_unknown_kind_is_refused_with_what_it_may_have_been(command: Command, db: None) -> None:
    refused = command("run_daily", "--once", "--kind", "odo")
    assert refused.code == 2
    assert "Did you mean odoo?" in refused.err


def test_exit_code_tells_the_worst_end(command: Command, due: Connection, shop: Sandbox) -> None:
    shop.faults.order("401")
    assert command("run_daily", "--once").code == 4


def test_it_waits_for_the_next_slot_and_ends_when_it_is_told_to(due: Connection) -> None:
    with subprocess.Popen(
        manage("run_daily"), env=shell_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wait_for(lambda: SyncRun.objects.filter(state="succeeded").exists())
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert "loja: " in (process.stdout.read() if process.stdout else "")
