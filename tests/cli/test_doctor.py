"""Doctor names what is wrong with a broken installation, says what to do, and ends with 1; a sound one ends with 0."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from connections.models import Connection
from connections.sdk.redaction import Redactor
from syncruns.checkup import examination, examine, faults, machine
from syncruns.checkup.texts import TEXTS
from syncruns.checkup.words import tell
from syncruns.models import StreamRun, SyncRun, SystemJob
from syncruns.processes import start_time
from tests.cli.conftest import Result
from tests.cli.doctor import Found, ended, tick, write_role
from tests.console import free_port, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sound")]

Command = Callable[..., Result]
CANARY = "canary-5ecret-value"
KEY = "b3RoZXItc2luY3JvLXRlc3RzLW9ubHktMDEyMzQ1Njc="


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


def test_log_in_whose_folder_s_place_a_file_stands(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings.DATA_DIR / "logs").write_text("")
    monkeypatch.setattr(settings, "LOG_FILE", settings.DATA_DIR / "logs" / "sync.log")
    assert set(found()) == {"log_unwritable"}


def test_queue_that_nobody_works_on(found: Found, loja: Connection) -> None:
    SyncRun.objects.create(connection=loja, trigger="manual", queued_at=timezone.now() - timedelta(minutes=20))
    assert set(found()) == {"queue_stuck"}


def test_queue_where_no_worker_runs(found: Found, loja: Connection) -> None:
    (settings.DATA_DIR / "run" / "sync").unlink()
    SyncRun.objects.create(connection=loja, trigger="manual", queued_at=timezone.now() - timedelta(minutes=20))
    assert set(found()) == {"queue_nobody"}


def test_processes_that_a_signal_stopped_and_a_supervisor_that_has_gone(found: Found) -> None:
    still = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        still.send_signal(signal.SIGSTOP)
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        children = [{"name": "sync", "pid": still.pid, "start": start_time(still.pid)}]
        (settings.DATA_DIR / "run" / "sync").write_text(json.dumps({"pid": gone.pid, "children": children}))
        wait_for(lambda: "T" in Path(f"/proc/{still.pid}/stat").read_text().rpartition(")")[2])
        assert {code: check["params"] for code, check in found().items()} == {
            "processes_frozen": {"roles": ["sync"]}, "processes_unwatched": {"roles": ["sync"]},
        }  # fmt: skip
    finally:
        still.kill()
        still.wait()


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
    never = found()["streams_never"]
    assert (never["state"], never["params"]["never"]) == ("warning", ["orders"])
    before = ended(loja, ago=3 * 86_400)
    moments = {"started_at": before.started_at, "finished_at": before.finished_at}
    StreamRun.objects.create(run=before, stream="orders", state="succeeded", label="-", **moments)
    told = found()
    assert told["streams_stale"]["params"]["stale"] == ["orders"] and "streams_never" not in told
    Connection.objects.update(paused_until=soon)
    assert "streams_stale" not in found(), "while it is paused nothing is to be read"


def test_kind_that_is_switched_off_is_the_reason_and_not_a_stale_stream(
    found: Found, loja: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = timezone.now() - timedelta(days=9)
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now(), created_at=long_ago)
    monkeypatch.setenv("RUN_REST", "0")
    off = found()
    assert set(off) == {"runs_kind_off"}
    assert off["runs_kind_off"]["params"] == {"variable": "RUN_REST", "count": 1}


def test_connection_that_is_switched_on_and_has_no_next_sync(found: Found, loja: Connection) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=None)
    unplanned = found()
    assert set(unplanned) == {"runs_unplanned"}
    assert unplanned["runs_unplanned"]["params"] == {"connection": "loja"}


def test_source_that_gives_nothing_any_more(found: Found, loja: Connection) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=5))
    ended(loja, ago=3 * 86_400, read=500)
    for number in range(3):
        ended(loja, ago=600 * (number + 1))
    assert found()["data_still"]["params"]["connection"] == "loja"


def test_daily_source_that_gives_nothing_for_days(found: Found, loja: Connection) -> None:
    Connection.objects.update(auto_sync=True, next_sync_at=timezone.now() + timedelta(minutes=5))
    for day in (3, 2, 1):
        ended(loja, ago=day * 86_400 - 60)
    still = found()["data_never"]
    assert (still["state"], still["params"]["runs"]) == ("warning", 3)
    ended(loja, ago=5 * 86_400, read=500)
    still = found()["data_still"]
    assert (still["params"]["connection"], still["params"]["runs"]) == ("loja", 3)
    assert "last read a record 5 days ago" in still["message"]
    ended(loja, ago=60, read=1)
    assert not found().keys() & {"data_still", "data_never"}


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


@pytest.mark.parametrize(("skew", "state"), [(10, "warning"), (-3600, "problem"), (3600, "problem")])
def test_clock_that_is_apart(skew: int, state: str) -> None:
    apart = [check for check in examine(timezone.now() + timedelta(seconds=skew)) if check.name == "clock"]
    assert [(check.state, check.code) for check in apart] == [(state, "clock_apart")]


def test_tick_of_the_future_is_another_hosts_clock(found: Found) -> None:
    tick(timedelta(minutes=-10))
    assert "clock_apart" in found()


@pytest.mark.skipif(database.vendor != "postgresql", reason="machines share a PostgreSQL")
def test_scheduler_of_a_machine_whose_clock_is_behind_is_not_silent(found: Found, settings: Any) -> None:
    settings.TICK_SECONDS = 1
    (settings.DATA_DIR / "run" / "control").unlink()
    tick(timedelta(minutes=10))
    told = threading.Timer(0.5, lambda: (tick(timedelta(minutes=10)), database.close()))
    told.start()
    behind = found()
    told.join()
    assert set(behind) == {"scheduler_behind"}


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


def test_setting_that_keeps_sincro_from_starting_is_a_finding() -> None:
    command = [sys.executable, "manage.py", "doctor", "--json"]
    environment = {**os.environ, "DATA_DIR": "/proc/read-only"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=settings.BASE_DIR, timeout=120)
    (check,) = json.loads(done.stdout)["checks"]
    assert (done.returncode, done.stderr, check["code"]) == (1, "", "settings_wrong")
    assert check["message"] == "DATA_DIR /proc/read-only cannot be made: No such file or directory."


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
    files = [path for path in Path(machine.__file__).parent.glob("*.py") if path.stem not in ("words", "texts")]
    said = set(re.findall(r'"([a-z]+_[a-z_]+)"', "".join(path.read_text() for path in files)))
    assert set(TEXTS) <= said | {"unchecked"}
    assert {*faults.OF_SQLITE.values(), *faults.OF_POSTGRES.values()} <= set(TEXTS)
    with transaction.atomic():
        assert all(tell(check).text for check in examine())
