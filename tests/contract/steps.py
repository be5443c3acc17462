"""What every connector promises of its steps and documents, over a Case whose streams have been read."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest

from connections.catalogue import CATALOGUE
from connections.sandbox.faults import RECORD_FAULTS, RESPONSE_FAULTS
from connections.sdk import http
from connections.sdk.context import PlainStepContext
from connections.sdk.declare import Document, Page, Step, Stream
from connections.sdk.errors import CODES, SyncError
from syncruns.engine.transform import to_rows
from syncruns.events import EVENTS
from tests.contract.case import MOST_REQUESTS, SLOW, Case
from tests.contract.checks import BUGS, PAGES_ALIVE, STATUSES, Check, assert_documents_named, assert_secretless, told
from tests.engine.destination import Destination

ENOUGH = 3  # pages of a stream for steps to work on
ALL_FAULTS = (*STATUSES, *RESPONSE_FAULTS, *RECORD_FAULTS, "reset,after=1", "truncate,after=1", "401,after=1")


class Workplace:
    """The destination of a case's connection, and the documents kept: what steps work on, and write to."""

    def __init__(self, case: Case) -> None:
        session = case.session()
        self.case = case
        self.steps = session.steps(session.config)
        self.parts: dict[str, Destination] = {}
        self.kept: dict[str, Document] = {}
        self.declared = {table.name: table for part in session.parts(session.config) for table in part.tables}
        needed = {key for step in self.steps for key in step.needs}
        for stream in case.streams():
            if stream.key in needed:
                for page in islice(case.read(stream), ENOUGH):
                    self.take(stream, page)

    def take(self, part: Stream, page: Page) -> int:
        """Load a page as a run does; return how many rows that changed."""
        if part.key not in self.parts:
            self.parts[part.key] = Destination(*part.tables, schema=f"contract_{self.case.connector.schema}_steps")
        counts = self.parts[part.key].load_page(page)
        self.kept |= {document.sha256: document for document in page.documents}
        return counts.inserted + counts.updated + counts.deleted

    def everything(self) -> dict[str, list[Any]]:
        """Return table -> its live rows."""
        return {table.name: place.live(table.name) for place in self.parts.values() for table in place.stream.tables}

    def context(self) -> PlainStepContext:
        """Return what a step sees now."""
        names = {name: [column.name for column in table.columns] for name, table in self.declared.items()}
        found = {name: [] for name in self.declared} | self.everything()
        tables = {name: [dict(zip(names[name], row, strict=True)) for row in rows] for name, rows in found.items()}
        return _Impatient(tables, list(self.kept.values()), allow_private_addresses=True, is_hurried=True)

    def perform(
        self, step: Step, checkpoint: dict[str, Any] | None = None, context: PlainStepContext | None = None
    ) -> Iterator[Page]:
        """Yield what the step works out; AssertionError when it asks without end."""
        before = len(self.case.sandbox.requests)
        for page in self.case.session().perform(step, checkpoint, context or self.context()):
            assert len(self.case.sandbox.requests) - before < MOST_REQUESTS, "the step does not end"
            yield page

    def done(self) -> Iterator[tuple[Step, list[Page]]]:
        """Do every step in its turn; yield it with its pages, which are then loaded."""
        for step in self.steps:
            pages = []
            for page in self.perform(step):
                pages.append(page)
                self.take(step, page)
            yield step, pages


class _Impatient(PlainStepContext):
    """Waits cost nothing."""

    def wait(self, seconds: float) -> None:
        return None


def steps_are_declared(case: Case) -> None:
    """The config alone says them, each has a name and tables of its own, and what it needs stands before it."""
    session = case.session()
    parts = session.parts(session.config)
    assert session.parts(json.loads(json.dumps(session.config))) == parts
    assert all(part.label and part.tables for part in parts)
    assert session.steps(session.config) == parts[len(case.streams()) :]


def steps_work_out_rows_of_their_types(case: Case) -> None:
    """On what the streams of the sandbox brought, every step has something to say, all of it declared and typed."""
    place = Workplace(case)
    for step, pages in place.done():
        assert any(page.rows.get(step.tables[0].name) for page in pages), f"{step.key} works out nothing"
        for page in pages:
            for name, records in page.rows.items():
                table = step.table(name)
                columns = {column.name for column in table.columns}
                for record in records:
                    assert set(record) <= columns, f"{name}: {set(record) - columns} is not declared"
                    assert None not in [record.get(part) for part in table.key], f"{name}: {record} has no key"
            assert to_rows(page, step).rejects == []


def documents_of_steps_are_named_by_rows(case: Case) -> None:
    """A page brings a document with a row that names it, and a row names none that was never brought."""
    place = Workplace(case)
    for step, pages in place.done():
        assert_documents_named(step, pages, place.kept)


def steps_done_again_change_nothing(case: Case) -> None:
    """From nothing or from a checkpoint that JSON kept: what is right stays, and no row is written anew."""
    place = Workplace(case)
    ends = {step.key: [page.checkpoint for page in pages if page.checkpoint] for step, pages in place.done()}
    whole = place.everything()
    for step in place.steps:
        for state in (None, *ends[step.key][-1:]):
            again = json.loads(json.dumps(state, allow_nan=False))
            assert again == state
            written = sum(place.take(step, page) for page in place.perform(step, again))
            assert written == 0, f"{step.key}: {written} rows were written although nothing is new"
        assert place.everything() == whole


def steps_keep_no_pages(case: Case) -> None:
    """Pages come one by one and are not kept by who works them out."""
    place = Workplace(case)
    for step in place.steps:
        alive: list[Any] = []
        for page in place.perform(step):
            alive = [each for each in alive if each() is not None] + [weakref.ref(page)]
            assert len(alive) <= PAGES_ALIVE, f"{step.key}: keeps {len(alive)} pages"
            place.take(step, page)
            del page


def every_fault_of_a_step_ends_in_a_mapped_code(case: Case) -> None:
    """Whatever the sandbox does wrong while a step asks it: a code with an explanation, and no secret anywhere."""
    place = Workplace(case)
    for step in place.steps:
        before = place.everything()
        for fault in ALL_FAULTS:
            context = place.context()
            pages, error, played = _outcome(place, step, fault, context)
            if fault in (*STATUSES, *RESPONSE_FAULTS):
                assert error is not None or not played, f"{step.key}: {fault} passed unnoticed"
            if fault == "repeated-page" and played > 1 and len(pages) == 0:
                assert error is not None and error.code == "pagination_loop"
            for page in pages:
                to_rows(page, step)
            if error is not None:
                assert error.code in CODES and error.code in CATALOGUE and error.code not in BUGS, f"{fault}: {error}"
                json.dumps(error.params)
            assert all(event in EVENTS for _level, event, _params in context.events)
            assert_secretless(case, [told(error) if error else "", str(context.events)])
        assert place.everything() == before
        for page in place.perform(step):
            place.take(step, page)


def _outcome(
    place: Workplace, step: Step, fault: str, context: PlainStepContext
) -> tuple[Sequence[Page], SyncError | None, int]:
    faults, pages = place.case.sandbox.faults, list[Page]()
    faults.order(fault)
    with pytest.MonkeyPatch.context() as patch:
        if fault.startswith(SLOW):
            patch.setattr(http, "HURRIED", http.Haste(read=0.3, total=1.0, tries=1, wait=0.0))
        try:
            pages += place.perform(step, None, context)
        except SyncError as error:
            return pages, error, sum(faults.played.values())
        finally:
            played = sum(faults.played.values())
            faults.order("")
    return pages, None, played


STEP_CHECKS: tuple[Check, ...] = (
    steps_are_declared,
    steps_work_out_rows_of_their_types,
    documents_of_steps_are_named_by_rows,
    steps_done_again_change_nothing,
    steps_keep_no_pages,
    every_fault_of_a_step_ends_in_a_mapped_code,
)
