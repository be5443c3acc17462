"""What the Auvo connector reads of its sandbox, over real HTTP: values, periods, changes, deletions, resumption."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from connections.connectors.auvo.declare import moment, number, reference
from connections.connectors.auvo.resources import RESOURCES
from connections.connectors.auvo.values import read as read_value
from connections.sandbox.auvo import Auvo
from connections.sandbox.server import Sandbox
from connections.sdk.context import PlainStepContext
from tests.connectors.apis import Api
from tests.connectors.auvo.reader import (
    NOW,
    At,
    connector,
    days,
    deleted,
    ids,
    last_checkpoint,
    later,
    read,
    rows,
)

ZONE = ZoneInfo("America/Sao_Paulo")
TODAY = date(2026, 6, 10)
SETTINGS = {"look_ahead_days": 3, "hot_days": 1}


@pytest.fixture
def auvo() -> Auvo:
    return Auvo(seed=3, limit=100_000, clock=lambda: NOW)


@pytest.fixture
def sandbox(auvo: Auvo) -> Iterator[Sandbox]:
    with Sandbox(auvo) as running:
        yield running


def asked(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    """Return the filters of the questions that were asked of a path."""
    return [
        json.loads(parse_qs(urlsplit(each).query)["paramFilter"][0])
        for each in sandbox.requests if urlsplit(each).path == f"/v2/{path}"
    ]  # fmt: skip


def truth(auvo: Auvo, first: int, last: int) -> dict[int, dict[str, Any]]:
    found = auvo.tasks(TODAY + timedelta(days=first), TODAY + timedelta(days=last))
    return {task["taskID"]: task for task in found}


@pytest.mark.parametrize(
    ("field", "told", "value"),
    [
        (number("n"), "2.500,00", Decimal("2500.00")),
        (number("n"), "12,00", Decimal("12.00")),
        (number("n"), "12.34", Decimal("12.34")),
        (number("n"), Decimal("35.5"), Decimal("35.50")),
        (number("n", digits=(14, 6)), "1.3605555555555555", Decimal("1.360556")),
        (number("n"), "", None),
        (number("n"), "doze", "doze"),
        (reference("n"), 0, None),
        (reference("n"), {"id": 7, "description": "x"}, 7),
        (moment("n"), "2026-05-06T13:30:00", datetime(2026, 5, 6, 16, 30, tzinfo=UTC)),
        (moment("n"), "2026-05-06T13:30:00-04:00", datetime(2026, 5, 6, 17, 30, tzinfo=UTC)),
        (moment("n"), "06/05/2026 13:30", datetime(2026, 5, 6, 16, 30, tzinfo=UTC)),
        (moment("n"), "2018-11-04T00:30:00", datetime(2018, 11, 4, 3, 30, tzinfo=UTC)),
        (moment("n"), "0001-01-01T00:00:00", None),
        (moment("n"), "01/01/0001", None),
        (moment("n"), "1900-01-01T00:00:00", None),
        (moment("n"), "32/05/2026", "? 32/05/2026"),
    ],
)
def test_value_is_read_as_it_is_meant(field: Any, told: Any, value: Any) -> None:
    assert read_value(field.column, told, ZONE, field.form) == value


def test_task_comes_with_everything_that_is_in_it(auvo: Auvo, sandbox: Sandbox) -> None:
    pages = read(connector(sandbox.url, **SETTINGS), "tasks", None, days(3))
    held, theirs = {row["task_id"]: row for row in rows(pages, "task")}, truth(auvo, -3, 3)
    assert held.keys() == theirs.keys()
    done = next(task for task in theirs.values() if task["products"] and task["questionnaires"])
    row = held[done["taskID"]]
    assert row["expense"] == Decimal(done["expense"].replace(".", "").replace(",", "."))
    assert row["check_in_at"] == datetime.fromisoformat(done["checkInDate"]).replace(tzinfo=ZONE).astimezone(UTC)
    assert row["ticket_id"] is None and row["delivered_at"] is None
    assert row["signature_document"].isdigit()
    answers = [each for each in rows(pages, "task_answer") if each["task_id"] == done["taskID"]]
    assert [each["question"] for each in answers] == ["Pergunta 1", "Pergunta 2", "Pergunta 3"]
    products = [each for each in rows(pages, "task_product") if each["task_id"] == done["taskID"]]
    assert [(each["line"], each["name"], each["total_value"]) for each in products] == [
        (place, line["name"], Decimal(str(line["totalValue"])).quantize(Decimal("0.01")))
        for place, line in enumerate(done["products"], start=1)
    ]
    assert {each["description"] for each in rows(pages, "task_keyword")} <= {"Garantia", "Urgente"}


def test_tasks_are_asked_for_day_by_day_over_look_back_and_look_ahead(sandbox: Sandbox) -> None:
    read(connector(sandbox.url, **SETTINGS), "tasks", None, days(3))
    walked = asked(sandbox, "tasks/")
    assert {(each["startDate"], each["endDate"]) for each in walked} == {
        (f"{day}T00:00:00", f"{day}T23:59:59") for day in (TODAY + timedelta(days=n) for n in range(-3, 4))
    }
    assert {each["status"] for each in walked} == {4}


def test_recent_days_are_read_each_time_and_the_others_at_the_slower_rhythm(sandbox: Sandbox) -> None:
    session = connector(sandbox.url, **SETTINGS)
    state = last_checkpoint(read(session, "tasks", None, days(3)))
    for hours, first, last in ((5, 9, 11), (23.5, 8, 14)):  # the next day's run may begin a little earlier
        sandbox.requests.clear()
        read(session, "tasks", state, later(hours=hours))
        changes, *walked = asked(sandbox, "tasks/")
        assert changes["dateLastUpdate"] == "2026-06-09T12:00:00"
        assert (changes["startDate"][:4], changes["endDate"][:4]) == ("2025", "2027")
        assert sorted({each["startDate"][8:10] for each in walked}) == [f"{n:02}" for n in range(first, last + 1)]


def test_change_far_from_the_recent_days_is_met(auvo: Auvo, sandbox: Sandbox) -> None:
    session = connector(sandbox.url, **SETTINGS)
    state = last_checkpoint(read(session, "tasks", None, days(3)))
    far = next(iter(truth(auvo, -30, -29)))
    auvo.pass_time(timedelta(hours=2))
    auvo.change(far, report="corrigido")
    found = rows(read(session, "tasks", state, later(hours=2)), "task")
    assert next(row["report"] for row in found if row["task_id"] == far) == "corrigido"


def test_tasks_that_auvo_calls_deleted_are_deleted(auvo: Auvo, sandbox: Sandbox) -> None:
    victim = next(iter(truth(auvo, 0, 1)))
    auvo.delete(victim)
    pages = read(connector(sandbox.url, **SETTINGS), "tasks", None, days(3))
    assert victim in deleted(pages)
    assert victim not in ids(pages)


def test_days_answered_with_not_found_are_no_part_of_a_sweep(sandbox: Sandbox) -> None:
    pages = read(connector(sandbox.url, **SETTINGS), "tasks", None, days(5))  # the seventh of June is a Sunday
    ends = [page.sweep for page in pages if page.sweep and page.sweep.complete]
    spans = [
        (each.at_least.astimezone(ZONE).date(), each.below.astimezone(ZONE).date())
        for end in ends
        for each in end.within
    ]
    assert spans == [(date(2026, 6, 5), date(2026, 6, 7)), (date(2026, 6, 8), date(2026, 6, 14))]


def test_day_that_lacks_records_of_its_count_is_no_part_of_a_sweep(sandbox: Sandbox) -> None:
    sandbox.faults.order("empty-page:1,path=/v2/tasks/,after=2")
    pages = read(connector(sandbox.url, **SETTINGS), "tasks", None, days(3))
    ends = [page.sweep for page in pages if page.sweep and page.sweep.complete]
    assert sandbox.faults.played["empty-page"] == 1
    assert len(ends) > 1 or ends[0].within[0].at_least.astimezone(ZONE).day > 8


def test_list_that_is_not_found_deletes_nothing_and_the_next_streams_go_on(sandbox: Sandbox) -> None:
    sandbox.faults.order("vendor-error,code=missing,path=/v2/segments")
    context = At()
    (page,) = read(connector(sandbox.url), "segments", None, context)
    assert (dict(page.rows), page.sweep) == ({"segment": []}, None)
    assert ("info", "source_not_found", {"path": "segments", "count": 1}) in context.events


def test_first_read_begins_at_the_day_asked_for_and_goes_on_there_after_an_interruption(sandbox: Sandbox) -> None:
    session = connector(sandbox.url, **SETTINGS)
    whole = read(session, "tasks", None, At(since=NOW - timedelta(days=20)))
    assert asked(sandbox, "tasks/")[0]["startDate"] == "2026-05-21T00:00:00"
    middle = next(
        place for place, page in enumerate(whole) if page.checkpoint and page.checkpoint["walk"]["at"] > "2026-06-01"
    )
    before, state = whole[: middle + 1], whole[middle].checkpoint
    sandbox.requests.clear()
    after = read(session, "tasks", state, days(3))
    assert asked(sandbox, "tasks/")[0]["startDate"] == f"{state['walk']['at']}T00:00:00"
    assert ids(before) | ids(after) >= ids(whole)
    assert last_checkpoint(after)["to"] == NOW.isoformat()


def test_customers_are_read_whole_and_then_what_changed(auvo: Auvo, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    first = read(session, "customers")
    assert len(ids(first, "customer", "customer_id")) == 120
    assert [page.sweep.complete for page in first if page.sweep] == [False, True]
    second = read(session, "customers", last_checkpoint(first), later(hours=1))
    assert 0 < len(rows(second, "customer")) < 120
    assert not any(page.sweep for page in second)
    third = read(session, "customers", last_checkpoint(second), later(hours=24))
    assert len(ids(third, "customer", "customer_id")) == 120


def test_both_spellings_of_a_key_are_read_and_users_are_never_missed(sandbox: Sandbox) -> None:
    pages = read(connector(sandbox.url), "users")
    assert ids(pages, "user", "user_id") == set(range(4101, 4113))
    assert not any(page.sweep for page in pages)


def test_members_of_a_team_stay_where_auvo_says_that_there_are_none(sandbox: Sandbox) -> None:
    unknown, known = read(connector(sandbox.url), "teams")
    assert list(unknown.rows) == ["team"]
    assert [row["name"] for row in unknown.rows["team"]] == ["Plantão"]
    assert len(known.rows["team_user"]) == 42
    assert unknown.sweep and known.sweep, "and the team itself is met"
    assert (unknown.sweep.begins, unknown.sweep.complete) == (True, False)
    assert (known.sweep.begins, known.sweep.complete) == (False, True)


@pytest.mark.parametrize("after", ["empty-page,after=1", "empty-page"])
def test_empty_page_of_a_list_that_auvo_does_not_count_ends_no_sweep(sandbox: Sandbox, after: str) -> None:
    sandbox.faults.order(after)
    pages = read(connector(sandbox.url), "customer_groups", None, At(page_size=3))
    assert len(pages) == 2 if "after" in after else 1
    assert not any(page.sweep and page.sweep.complete for page in pages)


@pytest.mark.parametrize("resource", [each for each in RESOURCES if each.key != "tasks"], ids=lambda each: each.key)
def test_every_other_stream_fills_its_tables_with_keys(sandbox: Sandbox, resource: Any) -> None:
    pages = read(connector(sandbox.url), resource.key)
    for table in resource.shape.tables:
        for row in rows(pages, table.name):
            assert None not in [row[name] for name in table.key], (table.name, row)
    assert rows(pages, resource.shape.table.name)
    assert last_checkpoint(pages)["to"] == NOW.isoformat()


def test_pages_follow_one_another_whether_auvo_counts_or_not(sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    for key, table, name in (("equipments", "equipment", "equipment_id"), ("expenses", "expense", "expense_id")):
        whole, paged = read(session, key), read(session, key, None, At(page_size=7))
        assert ids(paged, table, name) == ids(whole, table, name)
        assert len(paged) > len(whole)


def test_list_that_ignores_how_many_were_asked_for_is_whole() -> None:
    full = {"result": {"entityList": [{"id": number, "description": "x"} for number in range(130)]}}
    api = Api({"/v2/login/": lambda _q, _e: {"result": {"accessToken": "t"}}, "/v2/keywords/": lambda _q, _e: full})
    with Sandbox(api) as sandbox:
        pages = read(connector(sandbox.url), "keywords")
    assert len(ids(pages, "keyword", "keyword_id")) == 130
    assert pages[-1].sweep is not None and pages[-1].sweep.complete


def test_names_of_persons_places_and_open_links_are_personal() -> None:
    personal = {
        f"{table.name}.{column.name}" for resource in RESOURCES for table in resource.shape.tables
        for column in table.columns if column.personal
    }  # fmt: skip
    assert personal >= {
        "task.task_url", "task.signature_url", "task.signature_document", "task.user_name", "task.customer_name",
        "task_attachment.url", "task_answer.reply", "customer.document", "customer_contact.phone", "user.name",
        "ticket.requester_email", "expense.attachment_url", "gps_position.latitude", "customer_attachment.url",
    }  # fmt: skip


def test_connection_test_says_what_each_stream_finds(sandbox: Sandbox) -> None:
    sandbox.faults.order(
        "vendor-error,code=missing,path=/v2/segments;vendor-error,code=forbidden,path=/v2/expenses;"
        "vendor-error,code=bad-filter,path=/v2/gps"
    )
    found = {each.label: each for each in connector(sandbox.url).test(At())}
    assert len(found) == len(RESOURCES) + 2
    assert found["Customers"].params == {"count": 120}
    assert "missing one" in found["Segments"].text
    assert (found["Expenses"].state, found["GPS positions"].state) == ("warning", "warning")
    assert "paramFilter is malformed" in found["GPS positions"].params["detail"]


def test_surveys_are_asked_for_of_the_tasks_that_sent_one(auvo: Auvo, sandbox: Sandbox) -> None:
    session = connector(sandbox.url)
    tasks = list(truth(auvo, -60, 0).values())
    sent = [each for each in tasks if each["finished"] and each["sendSatisfactionSurvey"]]
    held = [
        {"task_id": each["taskID"], "finished": each["finished"],
         "send_satisfaction_survey": each["sendSatisfactionSurvey"],
         "task_date": datetime.fromisoformat(each["taskDate"]).replace(tzinfo=ZONE)}
        for each in tasks
    ]  # fmt: skip
    context = PlainStepContext({"task": held}, allow_private_addresses=True)
    (step,) = session.steps(session.config)
    pages = list(session.perform(step, None, context))
    theirs = {(each["taskID"], item) for each in sent for item in (1, 2) if auvo.surveys(each["taskID"])}
    assert {(row["task_id"], row["item_id"]) for row in rows(pages, "satisfaction_survey")} == theirs
    assert {task for page in pages for (task,) in page.sets.get("satisfaction_survey", ())} == {
        each["taskID"] for each in sent
    }
    assert {row["score_sum"] for row in rows(pages, "satisfaction_survey")} == {Decimal("4.00"), Decimal("5.00")}
    assert pages[-1].checkpoint is not None


def test_survey_list_that_is_not_found_takes_no_answers_away(auvo: Auvo, sandbox: Sandbox) -> None:
    sandbox.faults.order("vendor-error,code=missing,path=/v2/satisfactionSurveys")
    session = connector(sandbox.url)
    task = {"task_id": 1, "finished": True, "send_satisfaction_survey": True}
    (page, end) = session.perform(
        session.steps({})[0], None, PlainStepContext({"task": [task]}, allow_private_addresses=True)
    )
    assert (page.rows["satisfaction_survey"], dict(page.sets), end.checkpoint is None) == ([], {}, False)


def test_range_reads_the_days_in_it_and_no_others(auvo: Auvo, sandbox: Sandbox) -> None:
    begin = datetime(2026, 5, 4, tzinfo=ZONE)
    session = connector(sandbox.url, **SETTINGS)
    pages = read(session, "tasks", None, At(since=begin, until=begin + timedelta(days=2)))
    assert {each["startDate"][:10] for each in asked(sandbox, "tasks/")} == {"2026-05-04", "2026-05-05"}
    assert ids(pages) == truth(auvo, -37, -36).keys()
    ranged = {stream.key for stream in session.streams(session.config) if stream.ranged}
    assert ranged == {"tasks", "tickets", "quotations", "expenses", "service_orders", "gps"}
