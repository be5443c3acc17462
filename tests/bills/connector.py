"""Reads the invented bills: the list is a stream; fetching, reading and adding up the PDFs are steps."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from connections.sdk.connector import Connector
from connections.sdk.context import Context, StepContext
from connections.sdk.declare import Column, Document, Finding, Page, Record, Step, Stream, Table
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient
from connections.sdk.settings import Setting

BILLS = Table(
    "bills",
    (
        Column("id", "integer"),
        Column("holder", personal=True),
        Column("month", "date"),
        Column("category", correctable="always"),
        Column("total", "decimal", 12, 2, correctable="until_changed"),
    ),
    key=("id",),
)
FILES = Table("bill_files", (Column("bill", "integer"), Column("file", document=True)), key=("bill",))
READINGS = Table(
    "bill_readings",
    (
        Column("bill", "integer"),
        Column("file", document=True),
        Column("due", "date", correctable="until_changed"),
        Column("kwh", "integer", correctable="until_changed"),
        Column("total", "decimal", 12, 2, correctable="until_changed"),
    ),
    key=("bill",),
)
MONTHS = Table(
    "bill_months",
    (Column("month", "date"), Column("bills", "integer"), Column("total", "decimal", 14, 2), Column("kwh", "integer")),
    key=("month",),
)
TEXT = re.compile(rb"\(((?:[^()\\]|\\.)*)\) Tj")


class BillsConnector(Connector):
    """kind "bills"."""

    kind = "bills"
    label = "Energia Exemplo"
    icon = "receipt"
    schema = "bills"
    settings = (
        Setting("base_url", "Address", destination=True, identity=True),
        Setting("token", "Token", type="secret"),
        Setting("allow_private_addresses", "Private addresses", type="boolean", default=False),
    )

    @classmethod
    def streams(cls, config: Mapping[str, Any]) -> tuple[Stream, ...]:
        return (Stream("bills", "Bills", (BILLS,)),)

    @classmethod
    def steps(cls, config: Mapping[str, Any]) -> tuple[Step, ...]:
        return (
            Step("files", "Bills as PDF", (FILES,), needs=("bills",)),
            Step("readings", "Values read from the PDFs", (READINGS,), needs=("files",)),
            Step("months", "Totals of each month", (MONTHS,), needs=("bills", "readings")),
        )

    def read(self, stream: Stream, checkpoint: dict[str, Any] | None, context: Context) -> Iterator[Page]:
        with self._client(context) as client:
            page: int | None = 1
            while page:
                said = client.get("bills", params={"page": page, "size": 2}).json()
                page = said["next"]
                yield Page({"bills": said["bills"]}, checkpoint=None if page else {})

    def perform(self, step: Step, checkpoint: dict[str, Any] | None, context: StepContext) -> Iterator[Page]:
        match step.key:
            case "files":
                yield from self._fetch(context)
            case "readings":
                yield from self._extract(context)
            case "months":
                yield from self._add_up(context)

    def _fetch(self, context: StepContext) -> Iterator[Page]:
        """Fetch each PDF once: a bill that has one is done."""
        done = {row["bill"] for batch in context.rows("bill_files", ["bill"]) for row in batch}
        with self._client(context) as client:
            for batch in context.rows("bills", ["id"]):
                for row in batch:
                    if row["id"] in done:
                        continue
                    body = client.get(f"bills/{row['id']}/document").body
                    if not body.startswith(b"%PDF"):
                        raise SyncError("bad_response", reason="html", host="bills")
                    document = Document(body, "application/pdf", f"fatura-{row['id']}.pdf")
                    yield Page({"bill_files": [{"bill": row["id"], "file": document.sha256}]}, documents=[document])

    def _extract(self, context: StepContext) -> Iterator[Page]:
        for batch in context.rows("bill_files"):
            records: list[Record] = []
            for row in batch:
                document = context.document(row["file"])
                if document is not None:
                    records.append({**row, **_values(document.content)})
            yield Page({"bill_readings": records})

    def _add_up(self, context: StepContext) -> Iterator[Page]:
        kwh = {row["bill"]: row["kwh"] for batch in context.rows("bill_readings", ["bill", "kwh"]) for row in batch}
        months: dict[Any, dict[str, Any]] = defaultdict(lambda: {"bills": 0, "total": Decimal(), "kwh": 0})
        for batch in context.rows("bills", ["id", "month", "total"]):
            for row in batch:
                month = months[row["month"]]
                month["bills"] += 1
                month["total"] += row["total"]
                month["kwh"] += kwh.get(row["id"]) or 0
        known = {row["month"] for batch in context.rows("bill_months", ["month"]) for row in batch}
        gone = [(month,) for month in known - months.keys()]
        yield Page({"bill_months": [{"month": name, **of} for name, of in months.items()]}, {"bill_months": gone})

    def test(self, context: Context) -> Iterator[Finding]:
        with self._client(context) as client:
            client.get("bills", params={"page": 1, "size": 1}).json()
        yield Finding("Bills", "ok")

    def _client(self, context: Context) -> HttpClient:
        token = self.secrets["token"]
        headers = {"Authorization": f"Bearer {token}"}
        return HttpClient(self.config["base_url"], context, headers=headers, secrets=[token])


def _values(body: bytes) -> dict[str, Any]:
    """Return what the text of a PDF says; a scan, which has none, says something that is no number."""
    text = "\n".join(re.sub(rb"\\(.)", rb"\1", line).decode("latin-1") for line in TEXT.findall(body))
    total = re.search(r"TOTAL A PAGAR R\$ ([\d.,]+)", text)
    kwh = re.search(r"Consumo (\d+) kWh", text)
    due = re.search(r"Vencimento (\d\d/\d\d/\d{4})", text)
    return {
        "total": total[1].replace(".", "").replace(",", ".") if total else "unreadable",
        "kwh": kwh[1] if kwh else None,
        "due": due[1] if due else None,
    }
