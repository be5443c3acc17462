"""How the status of the API answers while Sincro syncs: `python -m benchmarks.status [60 500]`.

A whole Sincro (as `make run` starts it) whose connections sync all the time is asked so many seconds, so many times a
second, over kept connections. Answers are timed from the moment at which the question was due: falling behind shows.
"""

from __future__ import annotations

import http.client
import json
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.console import Browser, Console, console, wait_for

SENDERS = 16
CONNECTIONS = 5


def main() -> None:
    seconds, rate = (float(value) for value in (sys.argv[1:] or ["60", "500"]))
    directory = tempfile.TemporaryDirectory(prefix="sincro-bench-")
    with directory as home, console(Path(home) / "var", ENV_FILE="") as one:
        one.start()
        browser = one.browse()
        for _number in range(CONNECTIONS):
            browser.post("/sample/")
        wait_for(lambda: one.query("SELECT 1 FROM syncruns_syncrun WHERE state = 'succeeded'"))
        read, operate = (_token(browser, scope) for scope in ("read", "operate"))
        ended = threading.Event()
        keeper = threading.Thread(target=_keep_syncing, args=(one, operate, ended))
        keeper.start()
        _print(*_ask(one.port, read, seconds, rate), seconds, one)
        ended.set()
        keeper.join()


def _token(browser: Browser, scope: str) -> str:
    page = browser.post("/settings/tokens/", name="benchmark", scope=scope, days="30").text
    return re.findall(r"sincro_[-\w]{43}", page)[0]


def _keep_syncing(one: Console, token: str, ended: threading.Event) -> None:
    """Start everything that does not run, every second."""
    while not ended.wait(1):
        asking = http.client.HTTPConnection("127.0.0.1", one.port, timeout=30)
        asking.request("POST", "/api/sync/trigger", headers={"Authorization": f"Bearer {token}"})
        asking.getresponse().read()
        asking.close()


def _ask(port: int, token: str, seconds: float, rate: float) -> tuple[list[float], Counter[int]]:
    """Return the seconds from when each request was due until its answer was there, and how many had which status."""
    took: list[float] = []
    statuses: Counter[int] = Counter()
    start = time.perf_counter() + 0.5
    due = iter(start + number / rate for number in range(int(seconds * rate)))
    lock = threading.Lock()

    def send() -> None:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            with lock:
                at = next(due, None)
            if at is None:
                return
            time.sleep(max(at - time.perf_counter(), 0))
            try:
                asking.request("GET", "/api/sync/status", headers={"Authorization": f"Bearer {token}"})
                answer = asking.getresponse()
                body = answer.read()
                status = answer.status
                if status == 200 and not json.loads(body)["connections"]:
                    status = -1
            except (http.client.HTTPException, OSError):  # a worker of the web that is replaced ends its connections
                asking.close()
                status = 0
            with lock:
                took.append(time.perf_counter() - at)
                statuses[status] += 1

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return took, statuses


def _print(took: list[float], statuses: Counter[int], seconds: float, one: Console) -> None:
    runs = one.query("SELECT COUNT(*) FROM syncruns_syncrun WHERE state IN ('succeeded', 'partial')")[0][0]
    errors = one.query("SELECT COUNT(*) FROM syncruns_syncrun WHERE state NOT IN ('succeeded', 'running', 'queued')")
    cuts = statistics.quantiles(took, n=100)
    figures = f"median {cuts[49] * 1000:,.1f} ms, 95 % {cuts[94] * 1000:,.1f} ms, 99 % {cuts[98] * 1000:,.1f} ms"
    print(f"{len(took):,} requests in {seconds:,.0f} s planned; {figures}, longest {max(took) * 1000:,.0f} ms")
    print(
        f"statuses {dict(statuses)} (0: connection ended); meanwhile {runs} runs, {errors[0][0]} of them not succeeded"
    )


if __name__ == "__main__":
    sys.exit(main())
