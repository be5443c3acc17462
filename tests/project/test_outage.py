"""A whole Sincro whose PostgreSQL goes away and comes back."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import requests
from django.db import connection

from tests.console import console, wait_for
from tests.postgres import programs, throwaway

AWAY_SECONDS = 45.0  # the queue's processes, the ticker and the scheduler all meet it

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a PostgreSQL to take away"),
]


def test_outage_of_the_database_is_two_lines_and_loses_no_run(tmp_path: Path) -> None:
    directory = programs()
    assert directory is not None
    with throwaway(directory) as server, console(tmp_path / "data", DATABASE_URL=server.url) as sincro:
        sincro.start()
        wait_for(lambda: "scheduler confirmed" in sincro.output(), seconds=180)
        before = len(sincro.output())
        browser = sincro.browse()
        server.stop()
        wait_for(lambda: "não responde" in sincro.output())
        assert browser.open("/").status_code == 503
        assert requests.get(f"{sincro.url}/healthz", timeout=30).status_code == 503
        time.sleep(AWAY_SECONDS)
        server.start()
        wait_for(lambda: "voltou a responder" in sincro.output())
        told = [line for line in sincro.output()[before:].splitlines() if not line.startswith("+")]
        assert len(told) == 2, told
        assert re.search(r"ERROR sync\.outage o banco de dados não responde", told[0])
        assert re.search(r"WARNING sync\.outage o banco de dados voltou a responder, depois de \d+ s fora", told[1])
        browser.post("/sample/")
        slug = wait_for(lambda: re.findall(r'"slug": "([^"]+)"', sincro.manage("connections", "list", "--json").stdout))
        wait_for(lambda: sincro.manage("sync", slug[0], "--queue", "--wait").returncode == 0)
