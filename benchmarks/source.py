"""A JSON API on loopback with as many rows as asked for: `python -m benchmarks.source ROWS` prints its address."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE_ROWS = 1000
WORDS = ("Café", "Pão", "Açúcar", "Leite", "Arroz", "Feijão", "Óleo", "Sal")


def record(number: int) -> dict[str, Any]:
    """Return record number, the same every time: 14 fields of all types."""
    draw = random.Random(number)  # noqa: S311
    cents = draw.randrange(10_000_000)
    return {
        "id": number,
        "code": f"P-{number:08d}",
        "name": f"{draw.choice(WORDS)} {draw.choice(WORDS)} {number}",
        "status": draw.choice(("open", "paid", "cancelled")),
        "note": "x" * draw.randrange(80) or None,
        "quantity": draw.randrange(1000),
        "customer_id": draw.randrange(50_000),
        "price": cents / 100,
        "discount": f"{draw.randrange(1000) / 100:.2f}",
        "active": draw.random() < 0.9,
        "due": f"2026-{draw.randrange(12) + 1:02d}-{draw.randrange(28) + 1:02d}",
        "created_at": f"2026-{draw.randrange(12) + 1:02d}-15T12:{draw.randrange(60):02d}:00Z",
        "updated_at": f"2026-11-15T12:{draw.randrange(60):02d}:{draw.randrange(60):02d}.250Z",
        "tags": [draw.choice(WORDS) for _tag in range(draw.randrange(3))],
    }


def serve(rows: int) -> None:
    """Serve pages made beforehand, so that a reader waits for itself alone."""
    pages = [
        json.dumps(
            {"data": [record(n) for n in range(start, min(start + PAGE_ROWS, rows))], "more": start + PAGE_ROWS < rows}
        ).encode()
        for start in range(0, rows, PAGE_ROWS)
    ]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # as servers do; small answers would wait 40 ms for the client's acknowledgment

        def do_GET(self) -> None:  # noqa: N802 - the base class's name
            page = int(parse_qs(urlsplit(self.path).query)["page"][0])
            body = pages[page - 1] if page <= len(pages) else b'{"data": [], "more": false}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


@contextlib.contextmanager
def source(rows: int) -> Iterator[str]:
    """Run the API in a process of its own and yield its address."""
    command = [sys.executable, "-m", "benchmarks.source", str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the source has no output")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
