"""Doctor names what is wrong with installations that are really broken, and says what to do; a sound one is sound."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from connections.sandbox.server import Sandbox
from connections.sandbox.shop import Shop
from tests.console import Console, console, free_port, wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes through /proc")

ANOTHER_KEY = "b3RoZXItc2luY3JvLXRlc3RzLW9ubHktMDEyMzQ1Njc="
SETTINGS = {"LEASE_SECONDS": "30", "MAX_RETRIES": "1", "DISK_WARNING_MB": "0", "DISK_PROBLEM_MB": "0"}
ENDED = (
    "SELECT count(*) FROM syncruns_syncrun AS r JOIN connections_connection AS c ON c.id = r.connection_id"
    " WHERE c.slug = '{}' AND r.state NOT IN ('queued', 'running')"
)
Found = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sincro(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A whole Sincro with sample data that has synced."""
    with console(tmp_path_factory.mktemp("sincro") / "var", **SETTINGS) as one:
        one.start()
        assert one.browse().post("/sample/").ok
        wait_for(lambda: ("succeeded",) in one.query("SELECT state FROM syncruns_syncrun"))
        wait_for(lambda: "scheduler confirmed (pid " in one.output())
        yield one


def doctor(one: Console, **environment: str) -> Found:
    """Ask doctor, check its exit code, and return what is not OK, by code."""
    asked = one.manage("doctor", "--json", LANG="en_US.UTF-8", **environment)
    checks = json.loads(asked.stdout)["checks"]
    assert asked.returncode == int(any(check["state"] == "problem" for check in checks)), asked.stderr
    found: Found = {}
    for check in checks:
        if check["state"] != "ok":
            assert check["message"] and check["fix"], check
            found.setdefault(check["code"], []).append(check)
    return found


def main_of(one: Console, role: str) -> int:
    """Return the pid of a role's main process, which is its group; 0 while there is none."""
    with contextlib.suppress(ValueError):  # just being written
        children = json.loads((one.data_dir / "run" / role).read_text())["children"]
        return next(child["pid"] or 0 for child in children if child["name"] == role)
    return 0


@contextlib.contextmanager
def frozen(send: Callable[[int], None]) -> Iterator[None]:
    """Stop whatever send() reaches for the length of the block."""
    send(signal.SIGSTOP)
    try:
        yield
    finally:
        send(signal.SIGCONT)


def sample(one: Console) -> str:
    """Return the slug of the sample connection."""
    return str(one.query("SELECT slug FROM connections_connection WHERE is_sample")[0][0])


def ago(**span: float) -> str:
    return (timezone.now() - timedelta(**span)).strftime("%Y-%m-%d %H:%M:%S")


def test_sound_installation_is_sound(sincro: Console) -> None:
    assert doctor(sincro) == {}


@contextlib.contextmanager
def log_replaced(one: Console, by: Callable[[Path], None]) -> Iterator[None]:
    log = one.data_dir / "logs" / "sync.log"
    log.rename(log.with_name("aside"))
    by(log)
    try:
        yield
    finally:
        log.rmdir() if log.is_dir() else log.unlink()
        log.with_name("aside").rename(log)


def test_each_of_many_breakages_at_once_is_named(sincro: Console) -> None:
    assert sincro.process is not None
    browser = sincro.browse()
    sync, control = main_of(sincro, "sync"), main_of(sincro, "control")
    with contextlib.ExitStack() as broken:
        broken.enter_context(frozen(sincro.process.send_signal))  # it would start again what ends
        broken.enter_context(frozen(lambda number: os.killpg(control, number)))
        os.killpg(sync, signal.SIGKILL)
        assert browser.post(f"/connections/{sample(sincro)}/sync/").ok
        broken.enter_context(frozen(lambda number: os.killpg(main_of(sincro, "web"), number)))
        broken.enter_context(log_replaced(sincro, Path.mkdir))
        # As if it had been so for minutes.
        os.utime(sincro.data_dir / "run" / "control", (0, 0))
        sincro.change(f"UPDATE syncruns_systemjob SET last_at = '{ago(minutes=9)}' WHERE name = 'dispatch'")
        sincro.change(f"UPDATE syncruns_syncrun SET queued_at = '{ago(minutes=30)}' WHERE state = 'queued'")
        found = doctor(sincro, DISK_PROBLEM_MB="1000000000", CREDENTIAL_KEYS=ANOTHER_KEY)
    assert found.keys() >= {
        "processes_ended", "web_silent", "scheduler_silent", "log_unwritable", "disk_full", "keys_wrong",
        "queue_nobody", "processes_frozen", "processes_unwatched",
    }  # fmt: skip
    assert found["processes_ended"][0]["params"]["roles"] == ["sync"]
    assert found["processes_frozen"][0]["params"]["roles"] == ["web", "control"]
    assert "Its last sign of life came 9 min ago" in found["scheduler_silent"][0]["message"]
    assert found["keys_wrong"][0]["params"]["connections"] == [sample(sincro)]
    wait_for(lambda: main_of(sincro, "sync") not in (0, sync))
    wait_for(lambda: not sincro.query("SELECT 1 FROM syncruns_syncrun WHERE state IN ('queued', 'running')"))


class FastClock(Shop):
    """A shop whose clock is an hour ahead."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        ahead = format_datetime(timezone.now() + timedelta(hours=1))

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            return start_response(status, [*headers, ("Date", ahead)])

        return super().__call__(environ, start)


def test_sources_in_all_kinds_of_trouble_and_a_log_whose_disk_is_full(sincro: Console) -> None:
    shops = {
        "ahead": Sandbox(FastClock()),
        "half": Sandbox(Shop(), faults="500,path=/orders"),
        "hangs": Sandbox(Shop(), faults="hang"),
        "plain": Sandbox(Shop()),
        "refused": Sandbox(Shop(), faults="401"),
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(log_replaced(sincro, lambda log: log.symlink_to("/dev/full")))
        urls = {name: stack.enter_context(shop).url for name, shop in shops.items()}
        urls |= {"plain": urls["plain"].replace("http:", "https:"), "closed": f"http://127.0.0.1:{free_port()}"}
        # Only the one whose cycle is too long is due again soon: one that runs just now has no trouble to tell of.
        added = {name: (url, 5 if name == "hangs" else 60 * 24) for name, url in urls.items()}
        made = sincro.python("-m", "tests.project.add_connections", json.dumps(added))
        assert made.returncode == 0, made.stderr
        browser = sincro.browse()
        for failures in (1, 2, 3):
            wait_for(lambda failures=failures: sincro.query(ENDED.format("plain")) == [(failures,)])  # type: ignore[misc]
            assert failures == 3 or browser.post("/connections/plain/sync/").ok
        for name in urls.keys() - {"hangs"}:
            wait_for(lambda name=name: sincro.query(ENDED.format(name)) > [(0,)])  # type: ignore[misc]
        wait_for(lambda: sincro.query("SELECT 1 FROM syncruns_syncrun WHERE state = 'running'"))
        # As if it had been so for days, and for minutes.
        sincro.change(f"UPDATE connections_connection SET created_at = '{ago(days=9)}', auto_sync_changed_at = NULL")
        sincro.change(f"UPDATE syncruns_syncrun SET started_at = '{ago(minutes=7)}' WHERE state = 'running'")
        found = doctor(sincro)

    def told(code: str, param: str) -> dict[str, Any]:
        return {check["params"]["connection"]: check["params"][param] for check in found.get(code, [])}

    assert "log_still" in found
    assert "Traceback" not in sincro.output()
    assert told("vendor_unreachable", "error") == {"closed": "connection_failed", "plain": "tls_failed"}
    assert told("clock_source", "host") == {"ahead": "127.0.0.1"}
    assert told("streams_never", "never")["half"] == ["orders"]
    assert told("network_failing", "error") == {"plain": "tls_failed"}
    assert told("runs_need_person", "error") == {"refused": "credentials_refused"}
    assert told("runs_partial", "at").keys() == {"half"}, found
    assert told("cycle_long", "span").keys() == {"hangs"}, found


@pytest.mark.long
def test_start_that_is_never_confirmed_shows_the_log_and_ends(tmp_path: Path) -> None:
    with console(tmp_path / "var", CONFIRM_SECONDS="8") as new:
        assert new.manage("migrate", "--verbosity", "0").returncode == 0
        new.change("CREATE TRIGGER broken BEFORE UPDATE ON syncruns_systemjob BEGIN SELECT RAISE(ABORT, 'broken'); END")
        ended = new.python("-m", "tests.crash.supervise", "--only", "control")
        assert ended.returncode == 1
        assert "The scheduler gave no sign of life in 8 s; see the log above." in ended.stdout
        assert "broken" in ended.stdout  # the log says what keeps it from working
        assert "scheduler_never" in doctor(new)
