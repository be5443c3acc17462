"""`manage.py sync SLUG --step`, and steps in what other commands say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connections.models import Connection
from connections.sandbox.server import Sandbox
from syncruns.models import SyncRun
from tests.bills.fixtures import Run
from tests.cli.conftest import Result

Command = Callable[..., Result]
pytestmark = pytest.mark.django_db(transaction=True)


def test_step_is_done_alone_and_followed_by_those_that_work_on_it(
    bills: Connection, sync_bills: Run, command: Command
) -> None:
    sync_bills()
    done = command("sync", "energia", "--step", "readings", "--json")
    assert done.code == 0
    assert [(row["stream"], row["kind"], row["state"]) for row in done.document["streams"]] == [
        ("readings", "step", "succeeded"), ("months", "step", "succeeded"),
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [("--step", "bills"), ("--step", "dre"), ("--stream", "months")])
def test_a_name_that_is_no_step_or_no_stream_is_refused(
    bills: Connection, command: Command, wrong: tuple[str, str]
) -> None:
    refused = command("sync", "energia", *wrong)
    assert refused.code == 2
    assert refused.err.startswith(f"energia has no {wrong[0][2:]} called {wrong[1]}.")
    assert not SyncRun.objects.exists()


def test_step_that_is_not_done_makes_the_sync_partial_and_says_why(
    bills: Connection, sandbox: Sandbox, command: Command
) -> None:
    sandbox.faults.order("404,path=/bills/")
    done = command("sync", "energia", "--json")
    assert done.code == 3
    errors = {row["stream"]: (row["error"] or {}).get("code") for row in done.document["streams"]}
    assert errors == {"bills": None, "files": "not_found", "readings": "needs_failed", "months": "needs_failed"}


def test_dry_run_of_a_step_writes_nothing(bills: Connection, sync_bills: Run, command: Command) -> None:
    sync_bills()
    tried = command("sync", "energia", "--step", "months", "--dry-run", "--json")
    assert (tried.code, tried.document["counts"]["unchanged"]) == (0, 3)
    assert SyncRun.objects.count() == 1


def test_connection_is_shown_with_its_steps(bills: Connection, command: Command) -> None:
    assert "Steps:\n  [x] files: Bills as PDF\n" in command("connections", "show", "energia").out
    kinds = [one["kind"] for one in command("connections", "show", "energia", "--json").document["streams"]]
    assert kinds == ["stream", "step", "step", "step"]
