"""One SQLite file under four workers, the scheduler and people who click: nobody is told that it is locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from statistics import median

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import Shop, sample_connection
from connections.services import create_connection
from syncruns.models import SyncRun
from syncruns.services import request_sync
from tests.console import wait_for
from tests.crash.hosts import Host

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "sqlite", reason="about SQLite's one lock"),
]
CONNECTIONS = 6
PEOPLE = 3


@pytest.mark.parametrize("seconds", [15, pytest.param(600, marks=pytest.mark.long)])
def test_database_is_never_locked_for_workers_or_people(
    restored: None,
    start: Callable[..., Host],
    signed_in: Callable[[User], Client],
    administrator: User,
    seconds: int,
) -> None:
    with Sandbox(Shop(speed=1000)) as sandbox:
        definition = sample_connection(sandbox.url)
        shops = [
            create_connection(
                kind="rest",
                name=f"Shop {number}",
                values={**definition["values"], "table_prefix": f"crash{number}"},
                schedule={"schedule_kind": "interval", "interval_minutes": 1},
            )
            for number in range(CONNECTIONS)
        ]
        hosts = [start("sync", SYNC_WORKERS="4", LEASE_SECONDS="30"), start("control", LEASE_SECONDS="30")]
        request_sync(shops[0])
        wait_for(SyncRun.objects.filter(state="succeeded").exists, seconds=240)
        until = time.monotonic() + seconds
        clicks: list[float] = []
        problems: list[str] = []
        browsers = [signed_in(administrator) for _person in range(PEOPLE)]
        people = [
            threading.Thread(target=_click, args=(browser, shops, until, clicks, problems)) for browser in browsers
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
    ended = list(SyncRun.objects.values_list("state", flat=True))
    print(
        f"SQLite for {seconds} s under 4 workers, the scheduler and {PEOPLE} people: {len(clicks)} clicks, "
        f"median {1000 * median(clicks):.0f} ms, slowest {1000 * max(clicks):.0f} ms; "
        f"{ended.count('succeeded')} of {len(ended)} runs succeeded; {len(problems)} problems"
    )
    assert not problems, problems[:3]
    assert not any("database is locked" in host.output.read_text() for host in hosts)
    assert not SyncRun.objects.filter(state__in=["failed", "lost"]).exists()


def _click(browser: Client, shops: list[Connection], until: float, clicks: list[float], problems: list[str]) -> None:
    """Switch connections on and off and ask for syncs until the time is over."""
    try:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            shop = shops[turn % len(shops)]
            began = time.monotonic()
            answer = browser.post(
                reverse("connection_auto_sync", args=[shop.slug]), {"on": "1"} if turn % 2 else {}, follow=False
            )
            clicks.append(time.monotonic() - began)
            if answer.status_code >= 400:
                problems.append(f"toggle answered {answer.status_code}")
            if turn % 5 == 0:
                request_sync(shop)
            time.sleep(0.1)
    except Exception as error:  # noqa: BLE001 - what a person would have seen as an error page
        problems.append(f"{type(error).__name__}: {error}")
    finally:
        database.close()
