"""A source that changes while it is read, over real HTTP, and the connector that reads it page by page.

Every change gives a record the next number of the lane; a page holds the records with the lowest numbers above the one
asked for. So a reader that keeps the last number loses nothing, and the ledger itself says what the tables must hold.
Some items are crooked until they are mended once and for all: their price cannot be read.
Tags have no numbers and vanish without a trace: a reader can only sweep them.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connections.sdk.connector import Connector
from connections.sdk.context import Context
from connections.sdk.declare import Column, Finding, Page, Stream, Sweep, Table
from connections.sdk.http import HttpClient
from connections.sdk.settings import Setting

PAGE = 8
IDS = 80
CROOKED_IDS = 100  # items from IDS on begin crooked
CROOKED_PRICE = "crooked"
ITEMS = Table(
    "items",
    (Column("id", "integer"), Column("name"), Column("price", "decimal", 12, 2), Column("seq", "integer")),
    key=("id",),
)
LINES = Table(
    "lines",
    (Column("item_id", "integer"), Column("position", "integer"), Column("sku")),
    key=("item_id", "position"),
    parent="items",
    parent_key=("item_id",),
)
NOTES = Table("notes", (Column("id", "integer"), Column("name"), Column("seq", "integer")), key=("id",))
TAGS = Table("tags", (Column("id", "integer"), Column("name")), key=("id",))
MOST_VANISH = 9  # tags between two comparisons: more would wait for a person


class LedgerConnector(Connector):
    """kind "ledger": items with lines, then notes, each page with a checkpoint; then tags, swept twice."""

    kind = "ledger"
    label = "Ledger"
    schema = "ledger"
    settings = (Setting("base_url", "Address", destination=True, identity=True),)

    @classmethod
    def streams(cls, config: Any) -> tuple[Stream, ...]:
        return (
            Stream("items", "Items", (ITEMS, LINES)),
            Stream("notes", "Notes", (NOTES,)),
            Stream("tags", "Tags", (TAGS,)),
        )

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        after = checkpoint["seq"] if checkpoint else 0
        with HttpClient(self.config["base_url"], context) as client:
            if stream.key == "tags":
                yield from self._sweep(client)
                yield from self._sweep(client)
                return
            while True:
                records = client.get(stream.key, params={"after": str(after), "limit": str(PAGE)}).json()
                if not records:
                    return
                after = records[-1]["seq"]
                yield _page(stream.key, records, {"seq": after})

    def _sweep(self, client: HttpClient) -> Iterator[Page]:
        after = -1
        while records := client.get("tags", params={"after": str(after), "limit": str(3 * PAGE)}).json():
            yield Page({"tags": records}, sweep=Sweep("tags", begins=after < 0))
            after = records[-1]["id"]
        yield Page(sweep=Sweep("tags", complete=True))

    def test(self, context: Context) -> Iterator[Finding]:
        yield Finding("Server", "ok")


def _page(stream: str, records: list[dict[str, Any]], checkpoint: dict[str, Any]) -> Page:
    alive = [record for record in records if record["alive"]]
    gone = [(record["id"],) for record in records if not record["alive"]]
    rows = {stream: [{name: record[name] for name in record.keys() - {"lines", "alive"}} for record in alive]}
    if stream == "items":
        rows["lines"] = [
            {"item_id": record["id"], "position": position, "sku": sku}
            for record in alive
            for position, sku in enumerate(record["lines"], 1)
        ]
    return Page(rows, deletes={stream: gone}, checkpoint=checkpoint)


@dataclass
class Ledger:
    """One lane's records. While it is read it changes as long as there is budget left."""

    seed: int
    budget: int = 0
    seq: int = 0
    served: int = 0
    records: dict[str, dict[int, dict[str, Any]]] = field(default_factory=lambda: {"items": {}, "notes": {}})
    tags: dict[int, str] = field(default_factory=lambda: {0: "always there"})
    vanished: int = 0
    told: Counter[str] = field(default_factory=Counter)  # changes, and the deletions and returns among them
    gone_tags: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def change(self, count: int) -> None:
        """Add, alter, remove or bring back count records."""
        with self.lock:
            for _one in range(count):
                self._change()

    def _change(self) -> None:
        pick = self._random
        self.told["changes"] += 1
        stream = pick.choice(("items", "items", "notes", "tags"))
        if stream == "tags":
            self._change_tag(pick.randrange(1, 80))
            return
        self.seq += 1
        identity = pick.randrange(1, CROOKED_IDS if stream == "items" else IDS)
        before = self.records[stream].get(identity)
        alive = before is None or is_crooked(before) or pick.random() > 0.2
        if before is not None and before["alive"] != alive:
            self.told["returns" if alive else "deletions"] += 1
        record = {"id": identity, "name": f"n{pick.randrange(10**6)}", "seq": self.seq, "alive": alive}
        if stream == "items":
            record |= {
                "price": f"{pick.randrange(10**6) / 100:.2f}",
                "lines": [f"s{pick.randrange(100)}" for _line in range(pick.randrange(4))],
            }
            if identity >= IDS and (before is None or is_crooked(before)) and pick.random() < 0.7:
                record |= {"price": CROOKED_PRICE, "lines": []}
        self.records[stream][identity] = record

    def _change_tag(self, identity: int) -> None:
        if identity in self.tags and self.vanished < MOST_VANISH and self._random.random() < 0.4:
            del self.tags[identity]
            self.vanished += 1
            self.told["deletions"] += 1
            self.gone_tags.add(identity)
        else:
            self.told["returns"] += identity in self.gone_tags
            self.gone_tags.discard(identity)
            self.tags[identity] = f"t{self._random.randrange(3)}"

    def page(self, stream: str, after: int, limit: int) -> list[dict[str, Any]]:
        """Return the records changed after a number, the oldest change first; and perhaps change some more.

        Tags come by their id.
        """
        with self.lock:
            self.served += 1
            if stream == "tags":
                page = [{"id": tag, "name": self.tags[tag]} for tag in sorted(self.tags) if tag > after][:limit]
            else:
                found = sorted((r for r in self.records[stream].values() if r["seq"] > after), key=lambda r: r["seq"])
                page = [dict(record) for record in found[:limit]]
            for _one in range(min(self.budget, self._random.randrange(3))):
                self.budget -= 1
                self._change()
        return page

    def reference(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what every table must hold, ordered."""
        with self.lock:
            items = [r for r in self.records["items"].values() if r["alive"] and not is_crooked(r)]
            notes = [r for r in self.records["notes"].values() if r["alive"]]
        return {
            "items": sorted((r["id"], r["name"], r["price"], r["seq"]) for r in items),
            "lines": sorted((r["id"], at, sku) for r in items for at, sku in enumerate(r["lines"], 1)),
            "notes": sorted((r["id"], r["name"], r["seq"]) for r in notes),
            "tags": sorted(self.tags.items()),
        }

    def crooked(self) -> set[str]:
        """Return the keys that must wait in quarantine."""
        with self.lock:
            return {str(record["id"]) for record in self.records["items"].values() if is_crooked(record)}


def is_crooked(record: dict[str, Any]) -> bool:
    return bool(record.get("price") == CROOKED_PRICE)


class LedgerServer(ThreadingHTTPServer):
    """Serves ledgers by number: /<lane>/<stream>?after=&limit=."""

    daemon_threads = True

    def __init__(self, ledgers: list[Ledger], *, seconds: float = 0.0) -> None:
        """seconds: how long it thinks before it answers."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ledgers = ledgers
        self.seconds = seconds
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, lane: int) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{lane}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: readers are killed on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: LedgerServer

    def do_GET(self) -> None:
        time.sleep(self.server.seconds)
        parts = urlsplit(self.path)
        _empty, lane, stream = parts.path.split("/")
        asked = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        body = json.dumps(self.server.ledgers[int(lane)].page(stream, asked["after"], asked["limit"])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""
