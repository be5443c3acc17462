"""The connector in docs/write-a-connector.md runs, and the suite finds out one that breaks its promises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from types import ModuleType
from typing import Any

import pytest

from connections.sdk.declare import Document, Finding, Page, Stream, Sweep
from connections.sdk.errors import SyncError
from tests.console import ROOT
from tests.contract import checks
from tests.contract.case import Case

pytestmark = pytest.mark.django_db

PAGE = (ROOT / "docs/write-a-connector.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def module(code: str) -> ModuleType:
    made = ModuleType("example")
    exec(compile(code, "docs/write-a-connector.md", "exec"), made.__dict__)  # noqa: S102 - our own page
    return made


CONNECTOR, SANDBOX = map(module, BLOCKS)


@pytest.fixture
def case() -> Iterator[Case]:
    with Case(CONNECTOR.TidesConnector, SANDBOX.Tides, SANDBOX.sample_connection).served() as served:
        yield served


def test_example_is_short_enough_to_be_read() -> None:
    assert sum(len(block.splitlines()) for block in BLOCKS) < 100


def test_both_languages_show_the_same_code() -> None:
    portuguese = (ROOT / "docs/write-a-connector.pt-BR.md").read_text()
    assert all(f"```python\n{block}```" in portuguese for block in BLOCKS)


def test_example_keeps_the_whole_contract(case: Case) -> None:
    for check in checks.CHECKS:
        check(case)


def _tells_its_token(self: Any, *given: Any) -> Iterator[Page]:
    raise SyncError("server_error", detail=f"asked with {self.secrets['token']}")
    yield


def _goes_round(self: Any, stream: Any, checkpoint: Any, context: Any) -> Iterator[Page]:
    with self._client(context) as client:
        after = 0
        while records := self._ask(client, after, 3):
            after = max(after + 1, max(record.get("id", 0) for record in records))
            yield Page({"readings": records}, checkpoint={"after": after})


def _collects(self: Any, stream: Any, checkpoint: Any, context: Any) -> Iterator[Page]:
    yield from list(READ(self, stream, checkpoint, context))


def _swallows(self: Any, *given: Any) -> Iterator[Page]:
    try:
        yield from READ(self, *given)
    except SyncError:
        return


def _crashes(self: Any, *given: Any) -> Iterator[Page]:
    try:
        yield from READ(self, *given)
    except SyncError:
        raise SyncError("internal") from None


def _undeclared(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        yield Page(
            {"readings": [{**record, "more": 1} for record in page.rows["readings"]]}, checkpoint=page.checkpoint
        )


def _mistyped(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        yield Page({"readings": [{**record, "metres": 1.5} for record in page.rows["readings"]]})


def _counts_its_keys(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        records = [{**record, "id": next(NUMBERS)} for record in page.rows["readings"]]
        yield Page({"readings": records}, checkpoint=page.checkpoint)


def _stamps_its_rows(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        records = [{**record, "gauge": str(next(NUMBERS))} for record in page.rows["readings"]]
        yield Page({"readings": records}, checkpoint=page.checkpoint)


def _runs_ahead(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        yield Page(page.rows, checkpoint={"after": page.checkpoint["after"] + 5})


def _unserialisable(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        yield Page(page.rows, checkpoint={"after": (1, 2)})


def _keeps_records(self: Any, *given: Any) -> Iterator[Page]:
    known = []
    for page in READ(self, *given):
        known += page.rows["readings"]
        yield page


def _asks_on(self: Any, *given: Any) -> Iterator[Page]:
    yield from READ(self, *given)
    with self._client(given[-1]) as client:
        for _time in range(20):
            self._ask(client, 0, 3)


def _takes_nothing_for_deleted(self: Any, *given: Any) -> Iterator[Page]:
    pages = list(READ(self, *given))
    yield from pages or [Page(deletes={"readings": [(number,) for number in range(1, 21)]})]


def _asks_for_another_setting(self: Any, *given: Any) -> Iterator[Page]:
    if not self.secrets:
        raise SyncError("config_invalid", field="base_url")
    yield from READ(self, *given)


def _begins_too_late(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        yield page
        yield Page(sweep=Sweep("readings", begins=True, complete=True))


def _ends_after_a_failure(self: Any, *given: Any) -> Iterator[Page]:
    yield Page(sweep=Sweep("readings", begins=True))
    with suppress(SyncError):
        yield from READ(self, *given)
    yield Page(sweep=Sweep("readings", complete=True))


def _names_no_document(self: Any, *given: Any) -> Iterator[Page]:
    for page in READ(self, *given):
        yield replace(page, documents=[Document(b"tide", "text/plain")])


READ = CONNECTOR.TidesConnector.read
NUMBERS = count()


@pytest.mark.parametrize(
    ("read", "check"),
    [
        (_tells_its_token, checks.secrets_are_absent_from_every_error),
        (_goes_round, checks.same_page_twice_raises),
        (_collects, checks.memory_is_bounded),
        (_swallows, checks.every_fault_ends_in_a_mapped_code),
        (_crashes, checks.every_fault_ends_in_a_mapped_code),
        (_undeclared, checks.keys_are_present),
        (_mistyped, checks.values_parse_to_their_types),
        (_counts_its_keys, checks.reading_again_brings_the_same_rows),
        (_stamps_its_rows, checks.reading_again_brings_the_same_rows),
        (_runs_ahead, checks.checkpoints_pass_no_record),
        (_unserialisable, checks.checkpoints_survive_json),
        (_keeps_records, checks.memory_is_bounded),
        (_asks_on, checks.empty_page_ends_the_reading),
        (_takes_nothing_for_deleted, checks.empty_page_ends_the_reading),
        (_asks_for_another_setting, checks.erased_secret_is_asked_for_by_name),
        (_begins_too_late, checks.sweeps_miss_nothing_that_exists),
        (_ends_after_a_failure, checks.sweeps_miss_nothing_that_exists),
        (_names_no_document, checks.documents_are_named_by_rows),
    ],
)
def test_broken_promise_is_found_out(
    case: Case, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Iterator[Page]], check: checks.Check
) -> None:
    monkeypatch.setattr(CONNECTOR.TidesConnector, "read", read)
    with pytest.raises(AssertionError):
        check(case)


ADDRESS, TOKEN, PRIVATE = CONNECTOR.TidesConnector.settings
(STREAM,) = CONNECTOR.TidesConnector.streams({})


def _declares(*streams: Stream) -> Any:
    return classmethod(lambda cls, config: streams)


def _never_the_same(cls: Any, config: Any) -> tuple[Stream, ...]:
    return (replace(STREAM, label=f"Readings {next(NUMBERS)}"),)


def _finds_all_in_order(self: Any, context: Any) -> Iterator[Finding]:
    yield Finding("Readings", "ok")


def _finds_nothing_in_order(self: Any, context: Any) -> Iterator[Finding]:
    yield Finding("Readings", "failed")


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("settings", (ADDRESS, TOKEN, TOKEN, PRIVATE), checks.settings_are_declared),
        ("settings", (replace(ADDRESS, destination=False), TOKEN, PRIVATE), checks.settings_are_declared),
        ("settings", (ADDRESS, replace(TOKEN, type="text"), PRIVATE), checks.settings_are_declared),
        ("kind", "waves", checks.settings_are_declared),
        ("streams", _declares(), checks.streams_are_declared),
        ("streams", _declares(STREAM, replace(STREAM, key="again")), checks.streams_are_declared),
        ("streams", classmethod(_never_the_same), checks.streams_are_declared),
        ("test", _finds_all_in_order, checks.connection_can_be_tested),
        ("test", _finds_nothing_in_order, checks.connection_can_be_tested),
    ],
)
def test_broken_declaration_is_found_out(
    case: Case, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, check: checks.Check
) -> None:
    monkeypatch.setattr(CONNECTOR.TidesConnector, name, value)
    with pytest.raises(AssertionError):
        check(case)
