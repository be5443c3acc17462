"""Steps and documents keep their part of the contract, and the suite finds out those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from connections.connectors import REGISTRY
from connections.sandbox import SAMPLES, SANDBOXES
from connections.sdk.declare import Page
from connections.sdk.errors import SyncError
from tests.bills.connector import BillsConnector
from tests.bills.vendor import TOKEN, Bills
from tests.contract import steps
from tests.contract.case import Case
from tests.contract.checks import Check

pytestmark = pytest.mark.django_db


def bills_case() -> Case:
    def sample(url: str) -> dict[str, Any]:
        return {"kind": "bills", "values": {"base_url": url, "token": TOKEN, "allow_private_addresses": True}}

    return Case(BillsConnector, lambda: Bills(count=5), sample)


def registered(kind: str) -> Case:
    connector = next(one for one in REGISTRY if one.kind == kind)
    return Case(connector, lambda: SANDBOXES[kind](1, 1.0), SAMPLES[kind])


def with_steps() -> list[str]:
    """Return the kinds whose sample connection declares steps."""
    found = []
    for connector in REGISTRY:
        config = SAMPLES[connector.kind]("http://127.0.0.1:9")["values"]
        found += [connector.kind] if connector.steps(config) else []
    return found


@pytest.fixture(scope="module", params=["bills", *with_steps()])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    with (bills_case() if request.param == "bills" else registered(request.param)).served() as served:
        yield served


@pytest.fixture(scope="module")
def bills() -> Iterator[Case]:
    with bills_case().served() as served:
        yield served


@pytest.mark.parametrize("check", steps.STEP_CHECKS, ids=lambda check: check.__name__)
def test_step_keeps_its_promise(case: Case, check: Check) -> None:
    check(case)


PERFORM = BillsConnector.perform
NUMBERS = count()


def _names_nobody(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    for page in PERFORM(self, step, *given):
        yield replace(page, documents=())


def _brings_unnamed(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    for page in PERFORM(self, step, *given):
        yield replace(page, rows={}) if page.documents else page


def _never_the_same(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    yield from PERFORM(self, step, *given)
    if step.key == "months":
        yield Page({"bill_months": [{"month": "2026-01-01", "bills": next(NUMBERS)}]})


def _mistyped(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    for page in PERFORM(self, step, *given):
        yield Page({"bill_months": [{"month": "soon"}]}) if step.key == "months" else page


def _swallows(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    try:
        yield from PERFORM(self, step, *given)
    except SyncError:
        return


def _tells_its_token(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    try:
        yield from PERFORM(self, step, *given)
    except SyncError:
        raise SyncError("server_error", detail=f"asked with {self.secrets['token']}") from None


def _collects(self: Any, step: Any, *given: Any) -> Iterator[Page]:
    yield from list(PERFORM(self, step, *given))


@pytest.mark.parametrize(
    ("perform", "check"),
    [
        (_names_nobody, steps.documents_of_steps_are_named_by_rows),
        (_brings_unnamed, steps.documents_of_steps_are_named_by_rows),
        (_never_the_same, steps.steps_done_again_change_nothing),
        (_mistyped, steps.steps_work_out_rows_of_their_types),
        (_swallows, steps.every_fault_of_a_step_ends_in_a_mapped_code),
        (_tells_its_token, steps.every_fault_of_a_step_ends_in_a_mapped_code),
        (_collects, steps.steps_keep_no_pages),
    ],
)
def test_broken_promise_of_a_step_is_found_out(
    bills: Case, monkeypatch: pytest.MonkeyPatch, perform: Callable[..., Iterator[Page]], check: Check
) -> None:
    monkeypatch.setattr(BillsConnector, "perform", perform)
    with pytest.raises(AssertionError):
        check(bills)
