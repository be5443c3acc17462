"""How the status of the API answers while Sincro syncs: `python -m benchmarks.status [60 500] [--anew] [--close]`.

A whole Sincro (as `make run` starts it) whose connections sync all the time is asked so many seconds, so many times a
second. Answers are timed from the moment at which the question was due: falling behind shows. On PostgreSQL:
`python -m tests.postgres python -m benchmarks.status`. --anew: no answer may be a second old. --close: a connection of
its own for each question.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from benchmarks.asking import Asking
from tests.console import Browser, Console, console, wait_for

SENDERS = 16
CONNECTIONS = 5
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Answers:
    """took: seconds from when each question was due until its answer was there. running: answers that said so."""

    took: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    running: int = 0
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=60)
    parser.add_argument("rate", type=float, nargs="?", default=500)
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--close", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="sincro-bench-") as home,
        console(Path(home) / "var", ENV_FILE="", DATABASE_URL=os.environ.get("DATABASE_URL", ""), **_keys()) as one,
    ):
        one.start()
        browser = one.browse()
        for _number in range(CONNECTIONS):
            browser.post("/sample/")
        wait_for(lambda: one.query("SELECT 1 FROM syncruns_syncrun WHERE state = 'succeeded'"))
        read, operate = (_token(browser, scope) for scope in ("read", "operate"))
        ended = threading.Event()
        keeper = threading.Thread(target=_keep_syncing, args=(one.port, operate, ended))
        keeper.start()
        time.sleep(3)
        since, used, load = datetime.now(UTC), _processor_seconds(one), os.getloadavg()[0]
        extra = {"Cache-Control": "no-cache"} if options.anew else {}
        asking = lambda: Asking(one.port, "/api/sync/status", read, keep=not options.close, **extra)  # noqa: E731 - one for each sender
        answers = _ask(asking, options.seconds, options.rate)
        used = Counter({part: now - used[part] for part, now in _processor_seconds(one).items()})
        facts = _facts(answers, one, since) | {
            "asked": f"{options.rate:.0f}/s for {options.seconds:.0f} s",
            "database": "PostgreSQL" if one.environment["DATABASE_URL"] else "SQLite",
            "processor_seconds": {role: round(seconds, 1) for role, seconds in used.items()},
            "cores": os.cpu_count(),
            "load_before": round(load, 1),
        }
        ended.set()
        keeper.join()
    print(json.dumps(facts, indent=2))


def _keys() -> dict[str, str]:
    return {"SECRET_KEY": secrets.token_urlsafe(60), "CREDENTIAL_KEYS": Fernet.generate_key().decode()}


def _token(browser: Browser, scope: str) -> str:
    page = browser.post("/settings/tokens/", name="benchmark", scope=scope, days="30").text
    return "sincro_" + page.partition('value="sincro_')[2].partition('"')[0]


def _keep_syncing(port: int, token: str, ended: threading.Event) -> None:
    """Start everything that does not run, every second."""
    while not ended.wait(1):
        Asking(port, "/api/sync/trigger", token, method="POST", keep=False).answer()


def _ask(asking: Callable[[], Asking], seconds: float, rate: float) -> Answers:
    answers, lock = Answers(), threading.Lock()
    start = time.perf_counter() + 0.5
    due = iter(start + number / rate for number in range(int(seconds * rate)))

    def send() -> None:
        one = asking()
        while True:
            with lock:
                at = next(due, None)
            if at is None:
                return
            time.sleep(max(at - time.perf_counter(), 0))
            status, body = one.answer()
            with lock:
                answers.took.append(time.perf_counter() - at)
                answers.statuses[status] += 1
                answers.running += b'"running":true' in body

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    answers.seconds = time.perf_counter() - start
    return answers


def _processor_seconds(one: Console) -> Counter[str]:
    """Return the seconds of processor that each part of the console has used."""
    used: Counter[str] = Counter()
    for pid, command in one.processes().items():
        part = "web" if "gunicorn" in command else "syncing" if "qcluster" in command else "rest"
        try:
            times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used[part] += sum(map(int, times[11:15])) / TICKS  # its own, and that of children that have ended
    return used


def _facts(answers: Answers, one: Console, since: datetime) -> dict[str, Any]:
    of_period = f"FROM syncruns_syncrun WHERE finished_at > '{since}'"
    runs = dict(one.query(f"SELECT state, COUNT(*) {of_period} GROUP BY state"))
    (records,) = one.query(f"SELECT SUM(read) {of_period}")[0]
    cuts = statistics.quantiles(answers.took, n=1000)
    return {
        "answers": len(answers.took),
        "answers_a_second": round(len(answers.took) / answers.seconds, 1),
        "milliseconds": {
            "median": round(cuts[499] * 1000, 1),
            "95 %": round(cuts[949] * 1000, 1),
            "99 %": round(cuts[989] * 1000, 1),
            "99.9 %": round(cuts[998] * 1000, 1),
            "longest": round(max(answers.took) * 1000, 1),
        },
        "statuses": dict(answers.statuses),  # 0: the connection ended without an answer
        "answers_that_say_running": answers.running,
        "runs_meanwhile": runs,
        "records_read_meanwhile": int(records or 0),
    }


if __name__ == "__main__":
    sys.exit(main())
