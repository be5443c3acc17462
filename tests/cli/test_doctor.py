"""Doctor names what is wrong with a broken installation, says what to do, and ends with 1; a sound one ends with 0."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sdk.redaction import Redactor
from syncruns.checkup import examination, examine, machine
from syncruns.checkup.words import TEXTS, tell
from syncruns.models import StreamRun, SyncRun, SystemJob
from syncruns.processes import start_time
from tests.cli.conftest import Result
from tests.console import free_port

pytestmark = pytest.mark.django_db(transaction=True)

Command = Callable[..., Result]
CANARY = "canary-5ecret-value"
KEY = "b3RoZXItc2luY3JvLXRlc3RzLW9ubHktMDEyMzQ1Njc="


@pytest.fixture(autouse=True)
def sound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation with nothing wrong: this process plays every role, the scheduler ticks, the log is written."""
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(settings, "LOG_FILE", tmp_path / "sync.log")
    settings.LOG_FILE.write_text("")
    (tmp_path / "run").mkdir()
    for role in ("web", "sync", "control"):
        write_role(role, start_time(os.getpid()))
    tick(timedelta())


def write_role(role: str, start: int | None) -> None:
    children = [{"name": role, "pid": os.getpid(), "start": start}]
    (settings.DATA_DIR / "run" / role).write_text(json.dumps({"pid": os.getpid(), "children": children}))


def tick(age: timedelta) -> None:
    SystemJob.objects.update_or_create(name=SystemJob.DISPATCH, defaults={"last_at": timezone.now() - age})


def ended(connection: Connection, *, took: float = 2, ago: float = 60, **fields: Any) -> SyncRun:
    """Create a run that ended `ago` seconds ago."""
    end = timezone.now() - timedelta(seconds=ago)
    began = end - timedelta(seconds=took)
    values = {"trigger": "schedule", "state": "succeeded", "queued_at": began, "started_at": began, "finished_at": end}
    return SyncRun.objects.create(connection=connection, **values | fields)


@pytest.fixture
def found(command: Command) -> Callable[[], dict[str, dict[str, Any]]]:
    """Return a function that asks doctor and returns what is not OK, by code, after checking the exit code."""

    def ask() -> dict[str, dict[str, Any]]:
        result = command("doctor", "--json")
        checks = result.document["checks"]
        problems = [check for check in checks if check["state"] == "problem"]
        assert result.code == (1 if problems else 0)
        assert all(check["message"] and check["fix"] for check in checks if check["state"] != "ok")
        return {check["code"]: check for check in checks if check["state"] != "ok"}

    return ask


Found = Callable[[], dict[str, dict[str, Any]]]


def test_sound_installation_is_all_ok(loja: Connection, command: Command) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=5))
    run = ended(loja, read=10, inserted=10)
    moments = {"started_at": run.started_at, "finished_at": run.finished_at}
    StreamRun.objects.create(run=run, stream="orders", label="Orders", state="succeeded", **moments)
    result = command("doctor")
    lines = result.out.splitlines()
    assert (result.code, result.err) == (0, "")
    assert {line.split()[0] for line in lines} == {"OK"}, result.out
    assert len(lines) == 20
    document = command("doctor", "--json").document
    streams = next(check for check in document["checks"] if check["name"] == "streams")["params"]["streams"]
    assert {entry["stream"] for entry in streams} == {"products", "customers", "orders"}
    assert next(entry for entry in streams if entry["stream"] == "orders")["last_success"]


def test_scheduler_that_never_ticked(found: Found) -> None:
    SystemJob.objects.all().delete()
    os.utime(settings.DATA_DIR / "run" / "control", (0, 0))
    assert set(found()) == {"scheduler_never"}


def test_scheduler_that_stopped(found: Found) -> None:
    tick(timedelta(minutes=7))
    os.utime(settings.DATA_DIR / "run" / "control", (0, 0))
    assert set(found()) == {"scheduler_silent"}


def test_scheduler_that_just_starts_is_a_warning(found: Found) -> None:
    tick(timedelta(minutes=7))
    assert found()["scheduler_starting"]["state"] == "warning"


def test_sincro_that_does_not_run(found: Found) -> None:
    tick(timedelta(minutes=7))
    for role in ("web", "sync", "control"):
        (settings.DATA_DIR / "run" / role).unlink()
    assert set(found()) == {"processes_none", "scheduler_silent"}


def test_worker_process_that_ended(found: Found) -> None:
    write_role("sync", start=1)  # another process got its number since
    assert found()["processes_ended"]["params"] == {"roles": ["sync"]}


def test_worker_process_that_cannot_be_started_again(found: Found) -> None:
    entry = {"name": "sync", "pid": None, "start": None}
    shop = {"name": "sync sandbox rest 1", "pid": os.getpid(), "start": start_time(os.getpid())}
    (settings.DATA_DIR / "run" / "sync").write_text(json.dumps({"pid": os.getpid(), "children": [shop, entry]}))
    assert found()["processes_ended"]["params"] == {"roles": ["sync"]}


def test_log_that_stands_still(found: Found, make_connection: Callable[..., Connection]) -> None:
    ended(make_connection(), worker=f"{socket.gethostname()}:1", ago=0)
    os.utime(settings.LOG_FILE, (0, 0))
    assert set(found()) == {"log_still", "vendor_unreachable"}


def test_queue_that_nobody_works_on(found: Found, loja: Connection) -> None:
    SyncRun.objects.create(connection=loja, trigger="manual", queued_at=timezone.now() - timedelta(minutes=20))
    assert set(found()) == {"queue_stuck"}


def test_full_queue_with_all_workers_busy_is_a_warning(
    found: Found, loja: Connection, make_connection: Callable[..., Connection]
) -> None:
    base = loja.config["base_url"]
    for _number in range(settings.SYNC_WORKERS):
        busy = SyncRun.objects.create(
            connection=make_connection(config={"base_url": base}), trigger="manual", queued_at=timezone.now()
        )
        assert busy.claim("elsewhere:1", 60)
    SyncRun.objects.create(connection=loja, trigger="manual", queued_at=timezone.now() - timedelta(minutes=20))
    assert {code: check["state"] for code, check in found().items()} == {"queue_long": "warning"}


def test_run_that_nobody_runs_any_more(found: Found, loja: Connection) -> None:
    run = SyncRun.objects.create(connection=loja, trigger="manual")
    run.claim("gone:1", 1)
    SyncRun.objects.update(lease_until=timezone.now() - timedelta(minutes=5))
    assert "queue_forgotten" in found()


def test_connection_that_missed_its_slot(found: Found, loja: Connection) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now() - timedelta(hours=2))
    late = found()["runs_late"]
    assert (late["state"], late["params"]["connection"]) == ("problem", "loja")


def test_connection_that_needs_a_person(found: Found, loja: Connection) -> None:
    Connection.objects.update(status="error", status_code="credentials_refused", status_since=timezone.now())
    assert "Credentials refused" in found()["runs_need_person"]["message"]


def test_stream_that_has_not_been_read_for_long(found: Found, loja: Connection) -> None:
    now = timezone.now()
    soon, long_ago = now + timedelta(minutes=5), now - timedelta(days=9)
    Connection.objects.update(auto_sync=True, next_sync_at=soon, created_at=long_ago)
    run = ended(loja)
    fields = {"run": run, "started_at": run.started_at, "finished_at": run.finished_at, "label": "-"}
    for stream, state in (("products", "succeeded"), ("customers", "partial"), ("orders", "failed")):
        StreamRun.objects.create(stream=stream, state=state, **fields)
    stale = found()["streams_stale"]
    assert (stale["state"], stale["params"]["stale"]) == ("warning", ["orders"])


def test_source_that_gives_nothing_any_more(found: Found, loja: Connection) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=5))
    ended(loja, ago=3 * 86_400, read=500)
    for number in range(3):
        ended(loja, ago=600 * (number + 1))
    assert found()["data_still"]["params"]["connection"] == "loja"


def test_tls_that_fails_again_and_again(found: Found, loja: Connection) -> None:
    for number in range(4):
        ended(loja, ago=600 * (number + 1), state="failed", error_code="tls_failed")
    failing = found()["network_failing"]
    assert (failing["state"], failing["params"]) == (
        "problem",
        {"connection": "loja", "error": "tls_failed", "count": 4},
    )
    ended(loja, ago=1)
    assert found()["network_failing"]["state"] == "warning"


def test_cycle_that_takes_long(found: Found, loja: Connection) -> None:
    ended(loja, took=400)
    long = found()["cycle_long"]
    assert (long["state"], long["params"]) == ("warning", {"connection": "loja", "span": 400.0})


def test_migration_that_waits(found: Found) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT name, applied FROM django_migrations WHERE app = 'syncruns'")
        done = cursor.fetchall()
        cursor.execute("DELETE FROM django_migrations WHERE app = 'syncruns'")
    try:
        pending = found()["migrations_pending"]
        assert pending["params"]["first"] == "syncruns.0001_initial"
    finally:
        with database.cursor() as cursor:
            sql = "INSERT INTO django_migrations (app, name, applied) VALUES ('syncruns', %s, %s)"
            cursor.executemany(sql, done)


def test_tables_that_a_newer_version_has_changed(found: Found) -> None:
    with database.cursor() as cursor:
        sql = "INSERT INTO django_migrations (app, name, applied) VALUES ('syncruns', '9999_future', %s)"
        cursor.execute(sql, [timezone.now()])
    try:
        assert found()["migrations_newer"]["params"] == {"newest": "syncruns.9999_future"}
    finally:
        with database.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9999_future'")


@pytest.mark.parametrize("config", [{}, {"streams": "orders", "table_prefix": 5}])
def test_settings_that_another_version_stored_are_named_and_the_rest_is_looked_at(
    found: Found, loja: Connection, config: dict[str, Any]
) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=5), config=config)
    unknown = found()["streams_unknown"]
    assert (unknown["params"]["connection"], unknown["params"]["error"]) == ("loja", "config_invalid")


def test_look_that_fails_is_told_and_keeps_no_other_from_being_taken(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_odd(scene: Any) -> Any:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(examination, "CHECKS", (check_odd, *examination.CHECKS))
    odd = found()
    assert set(odd) == {"check_failed"} and odd["check_failed"]["name"] == "odd"
    assert "ZeroDivisionError" in odd["check_failed"]["message"] and CANARY not in odd["check_failed"]["message"]


def test_wrong_key(found: Found, loja: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CREDENTIAL_KEYS", [KEY])
    assert found()["keys_wrong"]["params"] == {"connections": ["loja"]}


@pytest.mark.parametrize(("bound", "state"), [("DISK_WARNING_MB", "warning"), ("DISK_PROBLEM_MB", "problem")])
def test_disk_nearly_full(found: Found, monkeypatch: pytest.MonkeyPatch, bound: str, state: str) -> None:
    monkeypatch.setattr(settings, bound, 2**40)
    assert found()["disk_full"]["state"] == state


def test_source_that_refuses_the_connection(found: Found, make_connection: Callable[..., Connection]) -> None:
    make_connection(slug="closed", config={"base_url": f"http://127.0.0.1:{free_port()}/v1"})
    refused = found()["vendor_unreachable"]
    assert refused["params"]["connection"] == "closed"
    assert refused["params"]["error"] == "connection_failed"


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


@pytest.mark.parametrize(("skew", "state"), [(10, "warning"), (-3600, "problem"), (3600, "problem")])
def test_clock_that_is_apart(skew: int, state: str) -> None:
    apart = [check for check in examine(timezone.now() + timedelta(seconds=skew)) if check.name == "clock"]
    assert [(check.state, check.code) for check in apart] == [(state, "clock_apart")]


def test_tick_of_the_future_is_another_hosts_clock(found: Found) -> None:
    tick(timedelta(minutes=-10))
    assert "clock_apart" in found()


def test_session_that_waits_for_a_lock(found: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "LOCK_SECONDS", 0.05)
    if database.vendor == "sqlite":
        with sqlite3.connect(database.settings_dict["NAME"], isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            assert found()["locks_waiting"]["state"] == "problem"
            other.execute("ROLLBACK")
        other.close()
        return
    held = psycopg2.connect(**database.get_connection_params() | {"cursor_factory": None})
    waits = psycopg2.connect(**database.get_connection_params() | {"cursor_factory": None})
    held.cursor().execute("LOCK TABLE syncruns_systemjob IN ROW EXCLUSIVE MODE")
    thread = threading.Thread(
        target=lambda: waits.cursor().execute("LOCK TABLE syncruns_systemjob IN SHARE ROW EXCLUSIVE MODE")
    )
    thread.start()
    try:
        for _try in range(100):
            if "locks_waiting" in (codes := found()):
                break
        assert codes["locks_waiting"]["params"]["count"] == 1
    finally:
        held.close()
        thread.join()
        waits.close()


def test_chores_that_nobody_does(found: Found) -> None:
    SystemJob.objects.create(name="remove_runs", next_at=timezone.now() - timedelta(days=2))
    assert found()["chores_late"]["params"] == {"names": ["remove_runs"]}


def test_database_that_is_down_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "doctor"]
    url = f"postgresql://nobody:{CANARY}@127.0.0.1:{free_port()}/sincro"
    environment = {**os.environ, "DATABASE_URL": url, "LANG": "en_US.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=settings.BASE_DIR, timeout=120)
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1 and done.stderr == ""
    assert done.stdout.startswith("Problem  Database: The database does not answer")
    assert CANARY not in done.stdout


def test_database_without_tables_names_the_migrations(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "doctor", "--json"]
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=settings.BASE_DIR, timeout=120)
    checks = json.loads(done.stdout)["checks"]
    assert done.returncode == 1
    assert [check["code"] for check in checks if check["state"] == "problem"] == ["migrations_pending"]


def test_no_secret_is_in_any_answer(loja: Connection, command: Command) -> None:
    loja.secrets = {"token": CANARY}
    loja.save()
    ended(loja, state="failed", error_code="server_error", error_detail="said so")
    said = command("doctor").out + command("doctor", "--json").out
    assert Redactor([CANARY])(said) == said


def test_every_finding_can_be_told() -> None:
    source = "".join(path.read_text() for path in Path(machine.__file__).parent.glob("*.py") if path.stem != "words")
    assert {code for code in TEXTS if f'"{code}"' in source} >= set(TEXTS) - {
        code for code in TEXTS if code.startswith(("vendor", "unchecked", "database_down"))
    }
    with transaction.atomic():
        assert all(tell(check).text for check in examine())
