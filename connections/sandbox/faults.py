"""Faults a sandbox plays on demand, and the spec string that orders them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]

RESPONSE_FAULTS = {
    "html": "an HTML page with status 200",
    "error-body": 'status 200 with {"error": ...} instead of the data',
    "empty": "status 200 without a body",
    "hang": "no answer for seconds=3600",
    "drip": "the body byte by byte, one each seconds=0.2",
    "truncate": "half of the body, then the connection ends",
    "reset": "the connection ends without an answer",
    "redirect": "302 to=ADDRESS",
    "echo": "status 400 with everything the request brought, its secrets too",
}
RECORD_FAULTS = {
    "duplicate-ids": "a record twice",
    "missing-id": "the first record of a page without its id",
    "shifting-pages": "every page after the first starts one record early, as if one had been inserted",
    "empty-page": "no records on a page, although there are some",
    "vanished-record": "the first record is gone, and the total with it, as when it was deleted",
    "repeated-page": "every page shows the records of the first one again",
    "half-gone": "every second record is gone, and the total with them, as when rights were lost",
}
VENDOR_FAULTS = {
    "vendor-error": "the vendor's own error called code=NAME, in the form this vendor gives it",
}
OPTIONS = {
    "after": "let N requests pass first",
    "code": "which of the vendor's own errors",
    "path": "only addresses that start with PATH",
    "retry-after": "the Retry-After of a status, in seconds",
    "seconds": "how long hang and drip take",
    "to": "where redirect points",
}

HELP = "\n".join(
    [
        "SPEC is FAULT[:TIMES][,OPTION=VALUE]... and more of them after a semicolon; without TIMES a fault stays on.",
        "The first fault that applies to a request is played; faults on records are played besides.",
        "",
        "  NNN              a status from 400 to 599 with a JSON body",
        *(f"  {name:<16} {text}" for name, text in {**RESPONSE_FAULTS, **RECORD_FAULTS, **VENDOR_FAULTS}.items()),
        "",
        *(f"  {name + '=':<16} {text}" for name, text in OPTIONS.items()),
        "",
        "Example: 429:2,retry-after=3;401:1,after=5;missing-id,path=/orders",
    ]
)


@dataclass
class Fault:
    """One ordered fault. times: how often it is still played, None for ever; after: requests that pass first."""

    name: str
    times: int | None
    after: int
    path: str
    options: dict[str, str]

    def seconds(self, default: float) -> float:
        return float(self.options.get("seconds", default))


class Faults:
    """The faults in force; changed while the sandbox runs, from any thread. played counts by name."""

    def __init__(self, spec: str = "") -> None:
        self._lock = threading.Lock()
        self.order(spec)

    def order(self, spec: str) -> None:
        """Replace the faults by those of spec and start counting anew. Raises ValueError for a bad spec."""
        ordered = parse(spec)
        with self._lock:
            self.spec = spec
            self.played: Counter[str] = Counter()
            self._ordered = ordered
            self._first: dict[str, Any] = {}

    def response(self, path: str) -> Fault | None:
        """Return the fault to play instead of the answer to this request, counting it."""
        return self._take(path, lambda fault: fault.name not in RECORD_FAULTS and fault.name not in VENDOR_FAULTS)

    def record(self, name: str, path: str) -> bool:
        """Say whether the fault on records called name is to be played on this page, counting it."""
        return self._take(path, lambda fault: fault.name == name) is not None

    def disturb(self, path: str, records: list[Record], key: str = "id", *, counted: bool = False) -> list[Record]:
        """Return a page's records as the faults empty-page, repeated-page, duplicate-ids and missing-id want them.

        counted: the next page begins where so many records end; duplicate-ids, which makes one more, is left out.
        """
        if not records:
            return records
        if self.record("empty-page", path):
            return []
        if self.record("repeated-page", path):
            with self._lock:
                records = self._first.setdefault(path, records)
        if not counted and self.record("duplicate-ids", path):
            records = [records[0], *records]
        if self.record("missing-id", path):
            records = [{name: value for name, value in records[0].items() if name != key}, *records[1:]]
        return records

    def vendor_error(self, path: str) -> str | None:
        """Return the name of the vendor's own error to answer this request with, counting it."""
        fault = self._take(path, lambda fault: fault.name in VENDOR_FAULTS)
        return fault.options["code"] if fault else None

    def _take(self, path: str, wanted: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            taken: Fault | None = None
            for fault in self._ordered:
                if not wanted(fault) or not path.startswith(fault.path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                elif taken is None and fault.times != 0:
                    taken = fault
            if taken is not None:
                self.played[taken.name] += 1
                if taken.times is not None:
                    taken.times -= 1
            return taken


def parse(spec: str) -> list[Fault]:
    """Return the faults a spec orders. Raises ValueError with the part it cannot read."""
    return [_fault(part.strip()) for part in spec.split(";") if part.strip()]


def _fault(part: str) -> Fault:
    head, *pairs = (piece.strip() for piece in part.split(","))
    name, colon, times = head.partition(":")
    is_status = len(name) == 3 and name.isdigit() and 400 <= int(name) <= 599
    if not is_status and name not in RESPONSE_FAULTS | RECORD_FAULTS | VENDOR_FAULTS:
        raise ValueError(f"unknown fault {name!r}")
    if colon and not times.isdigit():
        raise ValueError(f"{part!r}: TIMES must be a whole number")
    options = {}
    for pair in pairs:
        option, _equals, value = pair.partition("=")
        if option not in OPTIONS or not value:
            raise ValueError(f"{part!r}: unknown option {pair!r}")
        options[option] = value
    if name in VENDOR_FAULTS and "code" not in options:
        raise ValueError(f"{part!r}: needs code=NAME")
    try:
        after = int(options.pop("after", "0"))
        float(options.get("seconds", "0"))
    except ValueError:
        raise ValueError(f"{part!r}: after and seconds are numbers") from None
    return Fault(name, int(times) if colon else None, after, options.pop("path", "/"), options)
