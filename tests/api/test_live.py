"""The API of a running Sincro: the documents' commands, a client generated from its description, and a fuzzer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.console import ROOT, Console, console, wait_for

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
        for scope in ("read", "operate"):
            page = browser.post("/settings/tokens/", name=f"a program that may {scope}", scope=scope, days="30").text
            self.tokens[scope] = re.findall(r"sincro_[-\w]{43}", page)[0]

    def ask(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens['operate']}"}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **more)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    limits = {"API_WRITES_PER_MINUTE": "1000000", "API_READS_PER_MINUTE": "1000000"}
    with console(tmp_path_factory.mktemp("api") / "var", **limits) as one:
        one.start()
        yield Live(one)


@pytest.mark.parametrize("command", COMMANDS, ids=[re.findall(r"\$SINCRO([^\"?]*)", text)[0] for text in COMMANDS])
def test_command_of_the_document_works(live: Live, command: str) -> None:
    environment = {**os.environ, "SINCRO": live.url, "TOKEN": live.tokens["operate"]}
    wait_for(lambda: not live.ask("/api/connections/shop").json()["running"])
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("# HELP" if '/metrics"' in command and "/api/" not in command else "{")


def test_fuzzer_finds_no_failure_and_no_answer_beside_the_description(live: Live, tmp_path: Path) -> None:
    """Every check of the fuzzer, with requests that fit the description and that do not, alone and in sequences."""
    examples = "300" if os.environ.get("HYPOTHESIS_PROFILE") == "long" else "10"
    program = Path(sys.executable).with_name("schemathesis")
    # A sequence may pause every connection and then start them: 423 answers that valid request.
    (tmp_path / "schemathesis.toml").write_text(
        '[checks.positive_data_acceptance]\nexpected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 423, 429]\n'
    )
    command = [program, "run", f"{live.url}/api/openapi.json", "--checks", "all", "--max-examples", examples]
    command += ["-H", f"Authorization: Bearer {live.tokens['operate']}", "--no-color"]
    if examples == "10":
        command += ["--generation-deterministic"]
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
    wait_for(lambda: not live.ask("/api/connections/shop").json()["running"])
    program = """
import sys
from sincro_client import AuthenticatedClient
from sincro_client.api.runs import run
from sincro_client.api.sync import logs, status, trigger
from sincro_client.models import ProblemDocument, TriggerIn

with AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2]) as client:
    started = trigger.sync(client=client, body=TriggerIn(connection="shop"))
    again = trigger.sync_detailed(client=client, body=TriggerIn(connection="shop"))
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
