"""A small vendor of electricity bills over real HTTP: a list in pages, and a PDF of each bill."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connections.sandbox.faults import Faults
from connections.sandbox.server import Environ, StartResponse, answer, answer_json, query

TOKEN = "bills-token"  # noqa: S105 - the sandbox's published token


class Bills:
    """The API as a WSGI app. bills: what it has, by id, for a test to change; scans: ids whose PDF has no text."""

    def __init__(self, count: int = 3) -> None:
        self.faults = Faults()
        self.token = TOKEN
        self.bills = {number: bill(number) for number in range(1, count + 1)}
        self.scans: set[int] = set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {self.token}":
            return answer_json(start_response, 401, {"error": "invalid_token"})
        match str(environ.get("PATH_INFO", "")).strip("/").split("/"):
            case ["bills"]:
                return answer_json(start_response, 200, self._page(query(environ)))
            case ["bills", number, "document"] if number.isdigit() and int(number) in self.bills:
                found = self.bills[int(number)]
                lines = [] if int(number) in self.scans else text_of(found)
                return answer(start_response, 200, pdf(lines), "application/pdf")
        return answer_json(start_response, 404, {"error": "not_found"})

    def _page(self, asked: dict[str, str]) -> dict[str, Any]:
        page, size = int(asked.get("page", 1)), int(asked.get("size", 2))
        every = list(self.bills.values())
        found = every[(page - 1) * size : page * size]
        return {"bills": found, "next": page + 1 if page * size < len(every) else None}


def bill(number: int, **fields: Any) -> dict[str, Any]:
    """Return a bill as the list tells it."""
    month = (number - 1) % 12 + 1
    facts = {
        "id": number,
        "holder": f"Cliente {number} & Filhos",
        "month": f"2026-{month:02}-01",
        "category": "power",
        "total": f"{100 * number}.50",
    }
    return facts | fields


def text_of(found: dict[str, Any]) -> list[str]:
    """Return the lines of a bill's PDF."""
    return [
        "ENERGIA EXEMPLO S.A.",
        f"Titular {found['holder']}",
        f"TOTAL A PAGAR R$ {str(found['total']).replace('.', ',')}",
        f"Consumo {250 + found['id']} kWh",
        f"Vencimento 10/{found['month'][5:7]}/2026",
    ]


def pdf(lines: list[str]) -> bytes:
    """Return a PDF of one page that shows the lines, its text not compressed."""
    shown = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in lines]
    drawn = "BT /F1 12 Tf 14 TL 60 780 Td " + " ".join(f"({line}) Tj T*" for line in shown) + " ET"
    stream = drawn.encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    made = b"%PDF-1.4\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return made + b"xref\n0 5\n0000000000 65535 f \n%strailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(made),
    )
