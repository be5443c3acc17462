"""The API of a running Sincro: the documents' commands, a generated client, a fuzzer, a Prometheus, a receiver."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api.prometheus_server import ALERTS, demand_programs, prometheus
from tests.console import ROOT, Console, console, wait_for
from tests.webhooks.receiver import receiver

COMMANDS = [
    command.strip()
    for command in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    if command.startswith("curl")
]


class Live:
    """A running Sincro with a synced connection called shop, and its tokens by scope."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.url = console.url
        browser = console.browse()
        browser.post("/sample/")
        wait_for(lambda: console.query("SELECT 1 FROM syncruns_syncrun WHERE state = 'succeeded'"))
        console.change("UPDATE connections_connection SET slug = 'shop'")
        self.tokens = {}
        self.browser = browser
        for scope in ("read", "operate"):
            self.tokens[scope] = self.make_token(scope)
        self.secrets: list[str] = []  # what nobody may find written down

    def make_token(self, scope: str) -> str:
        page = self.browser.post("/settings/tokens/", name=f"may {scope}", scope=scope, days="30").text
        return str(re.findall(r"sincro_[-\w]{43}", page)[0])

    def ask(self, path: str, method: str = "GET", token: str = "", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.tokens['operate']}"}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **more)

    def wait_until_idle(self) -> None:
        wait_for(lambda: not self.ask("/api/connections/shop").json()["running"])


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    given = {"API_WRITES_PER_MINUTE": "1000000", "API_READS_PER_MINUTE": "1000000"}
    given["DATABASE_URL"] = os.environ.get("DATABASE_URL", "")
    with console(tmp_path_factory.mktemp("api") / "var", **given) as one:
        one.start()
        yield Live(one)


@pytest.mark.parametrize("command", COMMANDS, ids=[re.findall(r"\$SINCRO([^\"?]*)", text)[0] for text in COMMANDS])
def test_command_of_the_document_works(live: Live, command: str) -> None:
    environment = {**os.environ, "SINCRO": live.url, "TOKEN": live.tokens["operate"]}
    live.wait_until_idle()
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("# HELP" if '/metrics"' in command and "/api/" not in command else "{")


@pytest.mark.parametrize(
    ("scope", "examples"),
    [("operate", 10), *(pytest.param(scope, 300, marks=pytest.mark.long) for scope in ("read", "operate", ""))],
)
def test_fuzzer_finds_no_failure_and_no_answer_beside_the_description(
    live: Live, tmp_path: Path, scope: str, examples: int
) -> None:
    """Every check of the fuzzer, with requests that fit the description and that do not, alone and in sequences."""
    program = Path(sys.executable).with_name("schemathesis")
    (told,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    if scope == "operate":  # without it, nothing needs to be told
        (tmp_path / "schemathesis.toml").write_text(told)
    command = [program, "run", f"{live.url}/api/openapi.json", "--checks", "all", "--max-examples", str(examples)]
    command += ["-H", f"Authorization: Bearer {live.tokens[scope]}"] if scope else []
    command += ["--no-color", *(["--generation-deterministic"] if examples == 10 else [])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-8000:]
    log = (live.console.data_dir / "logs" / "sync.log").read_text()
    assert "Traceback" not in log, log[-4000:]


def test_generated_client_reads_and_starts(live: Live, tmp_path: Path) -> None:
    """A client that a program of another team makes of the description."""
    generator = Path(sys.executable).with_name("openapi-python-client")
    command = [generator, "generate", "--url", f"{live.url}/api/openapi.json", "--meta", "none", "--fail-on-warning"]
    path = f"{generator.parent}{os.pathsep}{os.environ['PATH']}"
    made = subprocess.run(
        [*command, "--output-path", tmp_path / "sincro_client"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": path},
    )
    assert made.returncode == 0, made.stdout + made.stderr
    live.ask("/api/connections/shop", "PATCH", json={"auto_sync": False})  # no scheduled sync comes between
    live.wait_until_idle()
    program = """
import sys
from sincro_client import AuthenticatedClient
from sincro_client.api.runs import run
from sincro_client.api.sync import logs, status, trigger
from sincro_client.models import ProblemDocument, TriggerIn

with AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2]) as client:
    started = trigger.sync(client=client, body=TriggerIn(connection="shop"))
    again = trigger.sync_detailed(client=client, body=TriggerIn(connection="shop"))
    while again.status_code == 202:  # on a busy machine the first had ended
        started, again = again.parsed, trigger.sync_detailed(client=client, body=TriggerIn(connection="shop"))
    found = run.sync(started.run_ids[0], client=client)
    assert found.connection == "shop" and found.trigger == "api", found
    assert again.status_code == 409 and isinstance(again.parsed, ProblemDocument), again
    assert again.parsed.run_id == found.id and again.parsed.code == "already_running", again.parsed
    assert logs.sync(client=client, status="SUCESSO").items[0].ucs_processadas > 0
    assert status.sync(client=client).connections[0].connection == "shop"
"""
    used = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, live.url, live.tokens["operate"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert used.returncode == 0, used.stderr


def test_real_prometheus_finds_what_the_database_holds(live: Live, tmp_path: Path) -> None:
    demand_programs()
    text = live.ask("/metrics", token=live.tokens["read"]).text
    linted = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
    subprocess.run(["promtool", "check", "rules", ALERTS], check=True, capture_output=True, timeout=60)
    live.ask("/api/connections/shop", "PATCH", json={"auto_sync": True, "paused_until": None})  # the fuzzer may have
    live.wait_until_idle()
    recent = f"finished_at > '{datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)}'"

    def in_database(counted: str) -> dict[tuple[str, ...], float]:
        sql = f"SELECT state, {counted} FROM syncruns_syncrun WHERE {recent} GROUP BY state"
        return {(state,): float(count) for state, count in live.console.query(sql)}

    with prometheus(tmp_path, live.url.removeprefix("http://"), live.tokens["read"]) as server:
        wait_for(lambda: server.query('up{job="sincro"} == 1'))
        wait_for(lambda: server.query("sum by (outcome) (sincro_runs)", "outcome") == in_database("COUNT(*)"), 30)
        inserted = sum(in_database("SUM(inserted)").values())
        wait_for(lambda: server.query('sum(sincro_records{kind="inserted"})') == {(): inserted}, 30)
        wait_for(lambda: set(server.rules().values()) == {"ok"}, 30)
        assert set(server.query("sincro_connection_health == 1", "connection", "health").values()) == {1.0}
        assert set(server.query("time() - sincro_scheduler_last_tick_timestamp_seconds < 60").values())
        told = live.ask("/api/connections/shop").json()
        for name, fact in (("last", "last_run_at"), ("next", "next_run_at")):
            (at,) = server.query(f"sincro_connection_{name}_sync_timestamp_seconds").values()
            assert abs(at - datetime.datetime.fromisoformat(told[fact]).timestamp()) < 2
        streams = live.console.query("SELECT DISTINCT stream FROM syncruns_streamrun WHERE kind = 'stream'")
        fresh = server.query("sincro_stream_last_success_timestamp_seconds", "stream")
        assert set(fresh) == set(streams)
        scrapes = server.query('count_over_time(up{job="sincro"}[1m]) - sum_over_time(up{job="sincro"}[1m])')
        assert set(scrapes.values()) == {0.0}, "none failed"


@pytest.mark.long
def test_real_prometheus_scrapes_for_a_minute_while_everything_syncs(live: Live, tmp_path: Path) -> None:
    demand_programs()
    live.ask("/api/connections/shop", "PATCH", json={"auto_sync": True, "paused_until": None})
    live.wait_until_idle()
    seen = "SELECT COUNT(*) FROM syncruns_syncrun WHERE state = 'succeeded'"
    with prometheus(tmp_path, live.url.removeprefix("http://"), live.tokens["read"]) as server:
        wait_for(lambda: server.query('up{job="sincro"} == 1'))
        before, until = live.console.query(seen)[0][0], time.monotonic() + 61
        while time.monotonic() < until:
            assert live.ask("/api/sync/trigger", "POST").status_code in (202, 409)
            time.sleep(0.5)
        ups = server.query('count_over_time(up{job="sincro"}[1m])').values()
        failed = server.query('count_over_time(up{job="sincro"}[1m]) - sum_over_time(up{job="sincro"}[1m])').values()
        assert min(ups) >= 45 and set(failed) == {0.0}
        assert set(server.query("max_over_time(sincro_workers_busy[1m]) >= 1").values()), "a sync was seen under way"
        live.wait_until_idle()
        runs = live.console.query(seen)[0][0]
        assert runs >= before + 5
        wait_for(lambda: server.query('sum(sincro_runs{outcome="succeeded"})') == {(): float(runs)}, 30)


def test_revoked_token_opens_nothing_in_any_process_after_a_second(live: Live) -> None:
    token = live.make_token("read")

    def answers() -> set[int]:
        return {live.ask("/api/connections", token=token).status_code for _ in range(16)}  # some by each process

    assert answers() == {200}
    page = live.browser.open("/settings/tokens/").text
    newest = max(map(int, re.findall(r"/settings/tokens/(\d+)/revoke/", page)))
    live.browser.post(f"/settings/tokens/{newest}/revoke/")
    time.sleep(1.1)
    assert answers() == {401}


@pytest.mark.long
def test_webhook_is_told_of_a_run_and_of_the_health_as_the_document_says(live: Live) -> None:
    snippet = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL)[0]
    checks: dict[str, Any] = {}
    exec(snippet, checks)  # noqa: S102 - the document's own
    live.ask("/api/connections/shop", "PATCH", json={"auto_sync": True, "paused_until": None})
    live.wait_until_idle()
    with receiver() as program:
        fields = {"name": "a program", "url": program.url, "on_run_end": "on", "on_health_change": "on", "is_on": "on"}
        page = live.browser.post("/settings/webhooks/", **fields)
        (secret,) = set(re.findall(r"whsec_[-\w]{43}", page.text))
        live.secrets.append(secret)

        def told(event: str) -> list[dict[str, Any]]:
            messages = [json.loads(body) for _headers, body in list(program.taken)]
            return [message for message in messages if message["event"] == event]

        wait_for(lambda: live.console.query("SELECT 1 FROM syncruns_toldhealth"))
        (run,) = live.ask("/api/sync/trigger", "POST", json={"connection": "shop"}).json()["run_ids"]
        wait_for(lambda: run in {message["run"]["id"] for message in told("run.ended")})
        live.ask("/api/connections/shop", "PATCH", json={"auto_sync": False})
        wait_for(lambda: "off" in {message["health"]["after"] for message in told("health.changed")})
        live.ask("/api/connections/shop", "PATCH", json={"auto_sync": True})
        assert all(checks["is_genuine"](headers, body.encode(), secret) for headers, body in program.taken)
        assert not checks["is_genuine"](program.taken[0][0], b"{}", secret)
        live.browser.post(f"{page.url.removeprefix(live.url)}delete/")


def test_no_token_and_no_secret_is_written_down(live: Live) -> None:
    """The last test: whatever the others did is in the database, the logs and the pages by now."""
    pages = [
        live.browser.open(path).text for path in ("/audit/", "/system/", "/settings/tokens/", "/settings/webhooks/")
    ]
    tables = ("django_session", "django_q_ormq", "django_q_task", "connections_auditevent", "syncruns_synclog")
    tables += ("syncruns_apitoken", "syncruns_webhook", "syncruns_webhookdelivery")
    written = [live.console.output(), *pages, *(str(live.console.query(f"SELECT * FROM {name}")) for name in tables)]
    files = [path.read_bytes() for path in live.console.data_dir.rglob("*") if path.is_file()]
    for secret in [*live.tokens.values(), *live.secrets]:
        assert not any(secret in text for text in written)
        assert not any(secret.encode() in content for content in files)
