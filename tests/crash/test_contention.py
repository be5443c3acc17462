"""One SQLite file under four workers, the scheduler and people who click: nobody is told that it is locked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import pytest
import requests
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client

from connections.models import Connection
from connections.sandbox.shop import sample_connection
from connections.services import create_connection
from syncruns.models import SyncRun
from tests.console import free_port, wait_for
from tests.crash.flood import flood, flood_connection, printing
from tests.crash.hosts import Host

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "sqlite", reason="about SQLite's one lock"),
]
WORKERS = 4
SHOPS = 6
PEOPLE = 3
FLOOD_PAGES, FLOOD_ROWS = 20, 2000
LISTED = 12


@pytest.fixture
def connections(restored: None) -> Iterator[list[Connection]]:
    """Small shops that change all the time, and one large source of which every row is written in every run."""
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(printing("connections.sandbox", "rest", "--speed", "1000"))
        definition = sample_connection(line.split()[2])
        wanted = {
            f"Shop {number}": {**definition["values"], "table_prefix": f"crash{number}"} for number in range(SHOPS)
        }
        wanted["Flood"] = flood_connection(stack.enter_context(flood(FLOOD_PAGES, FLOOD_ROWS)))
        every_minute = {"schedule_kind": "interval", "interval_minutes": 1}
        yield [
            create_connection(kind="rest", name=name, values=values, schedule=every_minute, auto_sync=True)
            for name, values in wanted.items()
        ]


@pytest.mark.parametrize("seconds", [4, pytest.param(600, marks=pytest.mark.long)])
def test_database_is_never_locked_for_workers_or_people(
    connections: list[Connection],
    start: Callable[..., Host],
    signed_in: Callable[[User], Client],
    administrator: User,
    figures: Callable[[str], None],
    tmp_path: Path,
    seconds: int,
) -> None:
    watch = tmp_path / "watch"
    watch.mkdir()
    settings = {
        "LEASE_SECONDS": "30", "SYNC_WORKERS": str(WORKERS), "PORT": str(free_port()), "WATCH_DIR": str(watch),
    }  # fmt: skip
    hosts = [start(role, **settings) for role in ("web", "sync", "control")]
    wait_for(lambda: SyncRun.objects.filter(state="succeeded").count() >= SHOPS, seconds=240)
    wait_for(lambda: "Sincro is ready" in hosts[0].output.read_text())
    people = [
        Person(settings["PORT"], signed_in(administrator).cookies["sessionid"].value, connections, seconds)
        for _person in range(PEOPLE)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    for host in hosts:
        host.stop()
    clicks = [click for person in people for click in person.clicks]
    ended = list(SyncRun.objects.values_list("state", flat=True))
    problems = [problem for person in people for problem in person.problems]
    assert clicks, problems[:3]
    noted = writes(watch)
    lost = turns_lost(noted)
    figures(
        f"{holders(noted)}\n"
        f"SQLite for {seconds} s under {WORKERS} workers, the scheduler and {PEOPLE} people: "
        f"{waits('toggles', [click for click in clicks if click.what == 'auto-sync'], noted)}; "
        f"{waits('Sync now', [click for click in clicks if click.what == 'sync'], noted)}; "
        f"turns lost to workers: {lost} at most; "
        f"{ended.count('succeeded')} of {len(ended)} runs succeeded; {len(problems)} problems"
    )
    assert not problems, problems[:3]
    assert not any("database is locked" in host.output.read_text() for host in hosts)
    assert not SyncRun.objects.filter(state__in=["failed", "lost"]).exists()
    # Milliseconds are the machine's; whose turn it is is ours. A worker that has just looked may still go before,
    # which takes an unlucky moment: a few in thousands of clicks, each worker twice where other programs are busy too.
    assert lost <= max(2 * WORKERS, len(clicks) // 1000)


@dataclass(frozen=True)
class Click:
    """What a person clicked on; moments in seconds."""

    what: str
    began: float
    ended: float

    @property
    def milliseconds(self) -> float:
        return 1000 * (self.ended - self.began)


class Person(threading.Thread):
    """Switches connections on and off and asks for syncs, as the list of connections does, until the time is over."""

    def __init__(self, port: str, session: str, connections: list[Connection], seconds: int) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{port}"
        self.connections = connections
        self.seconds = seconds
        self.clicks: list[Click] = []
        self.problems: list[str] = []
        self.browser = requests.Session()
        self.browser.cookies.set("sessionid", session)

    def run(self) -> None:
        try:
            self.browser.get(f"{self.url}/", timeout=60)
            until, turn = time.monotonic() + self.seconds, 0
            while time.monotonic() < until:
                turn += 1
                slug = self.connections[turn % len(self.connections)].slug
                self.click(slug, "auto-sync", **({"on": "1"} if turn % 2 else {}))
                if turn % 5 == 0:
                    self.click(slug, "sync")
                time.sleep(0.1)
        except Exception as error:  # noqa: BLE001 - what a person would have seen as an error page
            self.problems.append(f"{type(error).__name__}: {error}")

    def click(self, slug: str, what: str, **fields: str) -> None:
        data = {"csrfmiddlewaretoken": self.browser.cookies["csrftoken"], **fields}
        path = f"/connections/{slug}/{what}/"
        began = time.monotonic()
        answer = self.browser.post(
            self.url + path, data=data, headers={"HX-Request": "true"}, timeout=60, allow_redirects=False
        )
        self.clicks.append(Click(what, began, time.monotonic()))
        if answer.status_code >= 400:
            self.problems.append(f"{path} answered {answer.status_code}")


@dataclass(frozen=True)
class Write:
    """One write as tests/crash/watched noted it; moments in seconds."""

    role: str
    who: str
    asked: float
    began: float
    ended: float


def writes(watch: Path) -> list[Write]:
    lines = [line for path in watch.glob("*.jsonl") for line in path.read_text().splitlines()]
    return [Write(**json.loads(line)) for line in lines]


def waits(name: str, clicks: list[Click], noted: list[Write]) -> str:
    """Say how long such clicks took, and for the slowest how much of it the lock may have cost."""
    if not clicks:
        return f"no {name}"
    slowest = max(clicks, key=lambda click: click.milliseconds)
    asked = [
        1000 * (write.began - write.asked)
        for write in noted
        if write.role == "web" and slowest.began <= write.asked and write.began <= slowest.ended
    ]
    spans = [click.milliseconds for click in clicks]
    return (
        f"{len(clicks)} {name}, median {median(spans):.0f} ms, 99 % under {percentile(spans, 99):.0f} ms, "
        f"slowest {slowest.milliseconds:.0f} ms (waits for the lock meanwhile, of all people: "
        f"{', '.join(f'{wait:.0f}' for wait in asked) or 'none'})"
    )


def holders(noted: list[Write]) -> str:
    """Say who held the write lock, longest in all first."""
    by: dict[str, list[Write]] = defaultdict(list)
    for write in noted:
        by[f"{write.role:8} {write.who}"].append(write)
    lines = []
    for who, theirs in by.items():
        held = sorted(1000 * (write.ended - write.began) for write in theirs)
        waited = max(1000 * (write.began - write.asked) for write in theirs)
        lines.append(
            (
                sum(held),
                f"{len(held):6} times, held {sum(held):7.0f} ms in all, {mean(held):5.1f} each, 99 % under "
                f"{percentile(held, 99):5.0f}, longest {held[-1]:5.0f}; waited up to {waited:5.0f}: {who}",
            )
        )
    return "\n".join(line for _sum, line in sorted(lines, reverse=True)[:LISTED])


def turns_lost(noted: list[Write]) -> int:
    """Return how many loads at most began while one person waited to write."""
    loads = sorted(write.began for write in noted if "load._commit" in write.who)
    people = [write for write in noted if write.role == "web"]
    assert loads and people
    return max(bisect(loads, write.began) - bisect(loads, write.asked) for write in people)


def percentile(figures: list[float], share: int) -> float:
    return sorted(figures)[len(figures) * share // 100]
