"""A JSON API whose records change with every read: `python -m tests.crash.flood PAGES ROWS` prints its address."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.console import ROOT

MARK = "@@@@@@@@"
COLUMNS = {"id": "integer", "code": "text", "name": "text", "note": "text", "quantity": "integer", "active": "boolean",
           "due": "date", "created_at": "timestamp", "updated_at": "timestamp", "state": "text"}  # fmt: skip


def flood_connection(base_url: str) -> dict[str, Any]:
    """Return the values of a rest connection that reads it all."""
    columns = [{"path": name, "name": name, "type": kind, "key": name == "id"} for name, kind in COLUMNS.items()]
    stream = {
        "name": "items", "label": "Items", "path": "items", "records": "data", "pagination": "page",
        "page_parameter": "page", "size_parameter": "per_page", "page_size": 2000, "columns": columns,
    }  # fmt: skip
    return {"base_url": base_url, "table_prefix": "crashflood", "auth": "none", "allow_private_addresses": True,
            "streams": [stream]}  # fmt: skip


def _record(number: int) -> dict[str, Any]:
    return {
        "id": number, "code": f"P-{number:08}", "name": f"Açúcar {number}", "note": "x" * (number % 80),
        "quantity": number % 1000, "active": number % 7 > 0, "due": f"2026-{number % 12 + 1:02}-15",
        "created_at": f"2026-03-15T12:{number % 60:02}:00Z", "updated_at": "2026-11-15T12:00:00.250Z", "state": MARK,
    }  # fmt: skip


def serve(pages: int, rows: int) -> None:
    """Serve pages made beforehand, so that what reads them is what is busy."""
    bodies = [
        json.dumps({"data": [_record(number) for number in range(page * rows, (page + 1) * rows)]}).encode()
        for page in range(pages)
    ]
    reads = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 - the base class's name
            page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
            body = bodies[page - 1] if page <= len(bodies) else b'{"data": []}'
            body = body.replace(MARK.encode(), f"{next(reads):08}".encode())
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


@contextlib.contextmanager
def flood(pages: int, rows: int) -> Iterator[str]:
    """Run it in a process of its own and yield its address."""
    with printing("tests.crash.flood", str(pages), str(rows)) as line:
        yield line


@contextlib.contextmanager
def printing(*command: str) -> Iterator[str]:
    """Run a module that prints one line when it is ready, and yield that line."""
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
