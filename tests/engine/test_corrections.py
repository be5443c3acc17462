"""What a person sets instead of the source's value: it holds, it ends when it should, and nothing is lost silently."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from connections.models import AuditEvent, Connection
from connections.sdk.context import StepContext
from connections.sdk.declare import Column, Page, Stream, Table
from syncruns import dispatch
from syncruns.engine.corrections import Corrected, Corrections, kept_value, typed_value
from syncruns.engine.decisions import apply_corrections
from syncruns.engine.dry_run import dry_run
from syncruns.engine.review import Busy
from syncruns.engine.transform import Typed, to_rows
from syncruns.engine.values import Refused, reader, spell_decimal
from syncruns.models import Change, Correction, SyncRun
from syncruns.review.corrections import Moved, Place, Unfit, correct, keep, place_of, seen_as, take_back
from syncruns.services import request_sync
from tests.bills.connector import BillsConnector
from tests.bills.fixtures import Run, Select
from tests.bills.vendor import Bills


def place(bills: Connection, stream: str = "bills", table: str = "bills") -> Place:
    found = place_of(bills, stream, table)
    assert found is not None
    return found


def set_to(bills: Connection, key: Any, *, of: tuple[str, str] = ("bills", "bills"), **values: str | None) -> SyncRun:
    """Correct a row as a person who has just looked at it does."""
    where = place(bills, *of)
    row = where.row((key,))
    assert row is not None
    return correct(where, (key,), values, seen=seen_as(row), user=User.objects.filter(username="ana").first())


def totals(select: Select) -> list[str]:
    return [spell_decimal(Decimal(str(total))) for _bill, total in select("bills", "id, total")]


def standing() -> list[tuple[str, str, Any, Any, Any]]:
    found = Correction.objects.order_by("pk")
    return [(one.column, one.state, one.source, one.value, one.changed_to) for one in found]


@pytest.mark.django_db(transaction=True)
def test_correction_is_written_at_once_and_survives_syncs_without_a_write(
    sync_bills: Run, bills: Connection, select: Select
) -> None:
    User.objects.create_user("ana")
    sync_bills()

    run = set_to(bills, 2, total="250")
    assert (run.trigger, run.state, run.updated) == ("review", "succeeded", 1)
    assert totals(select) == ["100.5", "250", "300.5"]
    assert Change.objects.get(run=run).columns == [["total", "200.5", "250"]]

    again = sync_bills()
    assert totals(select) == ["100.5", "250", "300.5"]
    assert again.streams.get(stream="bills").updated == 0
    assert standing() == [("total", "active", "200.5", "250", None)]
    # The steps that work on it follow.
    assert again.streams.get(stream="months").updated == 1
    event = AuditEvent.objects.get(action="correction.made")
    assert (event.actor, event.params["key"], event.params["changes"]) == ("ana", "2", [["total", "200.5", "250"]])


@pytest.mark.django_db(transaction=True)
def test_source_s_own_change_ends_a_correction_visibly_and_once(
    sync_bills: Run, bills: Connection, vendor: Bills, select: Select
) -> None:
    sync_bills()
    set_to(bills, 2, total="250")
    vendor.bills[2]["total"] = "260.00"

    run = sync_bills()
    assert totals(select) == ["100.5", "260", "300.5"]
    assert standing() == [("total", "superseded", "200.5", "250", "260")]
    assert run.logs.filter(event="correction_superseded").count() == 1

    # The old value of the source does not bring it back by itself.
    vendor.bills[2]["total"] = "200.50"
    assert sync_bills().logs.filter(event="correction_superseded").count() == 0
    assert totals(select) == ["100.5", "200.5", "300.5"]
    assert [one[1] for one in standing()] == ["superseded"]


@pytest.mark.django_db(transaction=True)
def test_overtaken_correction_can_be_kept_or_left_to_the_source(
    sync_bills: Run, bills: Connection, vendor: Bills, select: Select
) -> None:
    sync_bills()
    set_to(bills, 2, total="250")
    set_to(bills, 3, total=None)
    vendor.bills[2]["total"], vendor.bills[3]["total"] = "260.00", "0.00"
    sync_bills()
    second, third = Correction.objects.order_by("pk")

    keep(second)
    take_back(third)
    assert totals(select) == ["100.5", "250", "0"]
    sync_bills()
    assert totals(select) == ["100.5", "250", "0"]
    assert [(one[1], one[2]) for one in standing()] == [("active", "260"), ("ended", "300.5")]
    with pytest.raises(Moved):
        take_back(third)


@pytest.mark.django_db(transaction=True)
def test_correction_that_the_source_agrees_with_ends_by_itself(
    sync_bills: Run, bills: Connection, vendor: Bills
) -> None:
    sync_bills()
    set_to(bills, 2, total="250")
    vendor.bills[2]["total"] = "250.00"
    run = sync_bills()
    assert [one[1] for one in standing()] == ["ended"]
    assert run.logs.filter(event="correction_agreed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_taken_back_the_row_has_the_source_s_value_at_once(sync_bills: Run, bills: Connection, select: Select) -> None:
    sync_bills()
    set_to(bills, 2, total="250", category="water")
    set_to(bills, 2, total="255")
    assert [(one[0], one[2], one[3]) for one in standing()] == [
        ("total", "200.5", "255"), ("category", "power", "water"),
    ]  # fmt: skip

    assert take_back(Correction.objects.get(column="total")) is not None
    assert totals(select) == ["100.5", "200.5", "300.5"]
    assert select("bills", "id, category")[1] == (2, "water")
    # Writing what the source sends takes a correction back as well.
    set_to(bills, 2, category="power")
    assert {one[1] for one in standing()} == {"ended"}


@pytest.mark.django_db(transaction=True)
def test_field_declared_so_keeps_the_person_s_value_whatever_the_source_sends(
    sync_bills: Run, bills: Connection, vendor: Bills, select: Select
) -> None:
    sync_bills()
    set_to(bills, 1, category="mine")
    vendor.bills[1]["category"] = "gas"
    sync_bills()
    sync_bills()
    assert select("bills", "id, category")[0] == (1, "mine")
    assert standing() == [("category", "active", "gas", "mine", None)]
    take_back(Correction.objects.get())
    assert select("bills", "id, category")[0] == (1, "gas")


@pytest.mark.django_db(transaction=True)
def test_what_a_step_works_out_is_corrected_like_what_is_read(
    sync_bills: Run, bills: Connection, select: Select
) -> None:
    sync_bills()
    set_to(bills, 2, of=("readings", "bill_readings"), due="2026-02-28", kwh="1000")
    sync_bills()
    assert select("bill_readings", "bill, due, kwh")[1] == (2, date(2026, 2, 28), 1000)
    assert select("bill_months", "month, kwh")[1] == (date(2026, 2, 1), 1000)


@pytest.mark.django_db(transaction=True)
def test_value_that_its_column_cannot_hold_is_refused_and_nothing_written(
    sync_bills: Run, bills: Connection, select: Select
) -> None:
    sync_bills()
    runs = SyncRun.objects.count()
    with pytest.raises(Unfit) as caught:
        set_to(bills, 2, total="a lot", category="x")
    assert caught.value.reasons == {"total": {"code": "not_a_number", "params": {}}}
    assert (Correction.objects.count(), SyncRun.objects.count()) == (0, runs)


@pytest.mark.django_db(transaction=True)
def test_nobody_corrects_a_row_while_its_connection_syncs_or_after_it_changed(
    sync_bills: Run, bills: Connection, vendor: Bills, select: Select
) -> None:
    sync_bills()
    where = place(bills)
    seen = seen_as(where.row((2,)) or {})
    queued, _created = request_sync(bills, call_worker=False)
    with pytest.raises(Busy):
        correct(where, (2,), {"total": "250"}, seen=seen)
    queued.cancel_queued()
    vendor.bills[2]["total"] = "260.00"
    sync_bills()
    with pytest.raises(Moved):
        correct(where, (2,), {"total": "250"}, seen=seen)
    assert (Correction.objects.count(), totals(select)) == (0, ["100.5", "260", "300.5"])


@pytest.mark.django_db(transaction=True)
def test_dry_run_counts_as_the_sync_would_and_leaves_corrections_alone(
    sync_bills: Run, bills: Connection, vendor: Bills
) -> None:
    sync_bills()
    set_to(bills, 2, total="250")
    assert dry_run(bills)[0].unchanged == 3
    vendor.bills[2]["total"] = "260.00"
    assert dry_run(bills)[0].updated == 1
    assert [one[1] for one in standing()] == ["active"]


@pytest.mark.django_db(transaction=True)
def test_worker_that_lost_its_run_overtakes_no_correction(
    sync_bills: Run, bills: Connection, vendor: Bills, monkeypatch: pytest.MonkeyPatch, select: Select
) -> None:
    """The page with the new value waits in a frozen worker while its run is taken away."""
    sync_bills()
    set_to(bills, 3, total="350")
    vendor.bills[3]["total"] = "360.00"
    read = BillsConnector.read

    def freezing(self: BillsConnector, stream: Stream, state: Any, context: StepContext) -> Iterator[Page]:
        for number, page in enumerate(read(self, stream, state, context)):
            if number == 1:
                ended = timezone.now() - timedelta(seconds=1)
                SyncRun.objects.filter(connection=bills, state="running").update(lease_until=ended)
                assert dispatch.reap(timezone.now()) == 1
            yield page

    monkeypatch.setattr(BillsConnector, "read", freezing)
    assert sync_bills().state == "lost"
    assert (totals(select)[2], standing()[0][1]) == ("350", "active")
    monkeypatch.setattr(BillsConnector, "read", read)
    sync_bills()
    assert (totals(select)[2], standing()[0][1]) == ("360", "superseded")


@pytest.mark.django_db(transaction=True)
def test_correction_waits_for_a_row_that_is_gone_and_applies_when_it_comes_back(
    sync_bills: Run, bills: Connection, vendor: Bills, select: Select
) -> None:
    sync_bills()
    set_to(bills, 1, of=("readings", "bill_readings"), kwh="7")
    table = '"bills"."bill_readings"' if database.vendor == "postgresql" else '"bills_bill_readings"'
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET _deleted_at = _changed_at WHERE bill = 1")  # noqa: S608 - a constant
    sync_bills()
    assert select("bill_readings", "bill, kwh")[0] == (1, 7)


TABLE = Table(
    "t",
    (
        Column("id", "integer"),
        Column("n", "integer", correctable="until_changed"),
        Column("d", "decimal", 30, 4, correctable="until_changed"),
        Column("b", "boolean", correctable="until_changed"),
        Column("day", "date", correctable="until_changed"),
        Column("at", "timestamp", correctable="until_changed"),
        Column("t", correctable="until_changed"),
        Column("j", "json", correctable="until_changed"),
    ),
    key=("id",),
)
STREAM = Stream("s", "S", (TABLE,))


def corrected(records: list[dict[str, Any]], correction: Corrected) -> Typed:
    typed = to_rows(Page({"t": records}), STREAM)
    apply_corrections(typed, STREAM, Corrections([correction]))
    return typed


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": st.integers(-(2**63), 2**63 - 1),
    "d": st.decimals(min_value=-(10**20), max_value=10**20, places=4, allow_nan=False),
    "b": st.booleans(),
    "day": st.dates(),
    "at": st.datetimes(timezones=st.just(timezone.get_fixed_timezone(0))),
    "t": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "j": st.recursive(st.none() | st.integers() | st.text(st.characters(codec="ascii", exclude_characters="\0")),
                      lambda inner: st.lists(inner) | st.dictionaries(st.just("a"), inner), max_leaves=4),
}  # fmt: skip


@given(column=st.sampled_from(sorted(VALUES)), data=st.data())
def test_any_value_is_kept_and_read_again_as_it_was(column: str, data: st.DataObject) -> None:
    declared = TABLE.column(column)
    typed = reader(declared)(data.draw(VALUES[column]))
    assert typed_value(declared, kept_value(typed)) == typed


@given(column=st.sampled_from(sorted(VALUES)), data=st.data())
def test_pages_split_anyhow_give_the_same_corrected_rows(column: str, data: st.DataObject) -> None:
    declared, place_of_column = TABLE.column(column), [one.name for one in TABLE.columns].index(column)
    values = [data.draw(st.none() | VALUES[column]) for _number in range(4)]
    read = reader(declared)
    try:
        typed = [None if value is None else read(value) for value in values]
    except Refused:
        return
    wanted = data.draw(st.none() | VALUES[column])
    value = None if wanted is None else read(wanted)
    one = Corrected(1, "t", (2,), declared, place_of_column, typed[2], value)
    records = [{"id": number, column: each} for number, each in enumerate(values)]
    whole = corrected(records, one)
    parts = [corrected([record], one) for record in records]
    rows = [row for part in parts for row in part.rows["t"]]
    assert whole.rows["t"] == rows and not whole.overtaken
    assert rows[2][place_of_column] == value
    assert [row[place_of_column] for row in rows[:2] + rows[3:]] == [*typed[:2], typed[3]]


def test_only_the_last_record_of_a_key_decides_about_a_correction() -> None:
    one = Corrected(1, "t", (1,), TABLE.column("n"), 1, 5, 9)
    records = [{"id": 1, "n": 6}, {"id": 1, "n": 5}]
    typed = corrected(records, one)
    assert (typed.rows["t"][0][1], typed.overtaken) == (9, [])
