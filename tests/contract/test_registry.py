"""Every connector in the registry keeps the contract: a new one is tested by being registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connections.connectors import REGISTRY
from connections.sandbox import SAMPLES, SANDBOXES
from tests.contract.case import Case
from tests.contract.checks import CHECKS, LONG, Check

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", params=[connector.kind for connector in REGISTRY])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """Serve the sandbox of one kind; what is read of it is read once."""
    kind = request.param
    assert kind in SANDBOXES and kind in SAMPLES, f"{kind} needs a sandbox and a sample connection to it"
    connector = next(connector for connector in REGISTRY if connector.kind == kind)
    with Case(connector, lambda: SANDBOXES[kind](1, 1.0), SAMPLES[kind]).served() as served:
        yield served


@pytest.mark.parametrize(
    "check",
    [pytest.param(check, marks=[pytest.mark.long] if check in LONG else []) for check in CHECKS],
    ids=lambda check: check.__name__,
)
def test_connector_keeps_its_promise(case: Case, check: Check) -> None:
    check(case)
