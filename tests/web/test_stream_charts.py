"""Duration and rows per stream: what the bars say, in words and numbers too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from connections.models import Connection
from syncruns.models import SyncRun
from syncruns.stream_charts import stream_charts
from tests.web.console_pages import make_run, make_stream

pytestmark = pytest.mark.django_db


def test_streams_show_duration_and_rows_of_the_last_runs(
    make_connection: Callable[..., Connection], django_assert_num_queries: Any
) -> None:
    connection = make_connection()
    for number, (seconds, read) in enumerate([(4, 100), (8, 50), (6, 200)]):
        run = make_run(connection, ago=timedelta(hours=3 - number))
        ended = run.queued_at + timedelta(seconds=seconds)
        make_stream(run, "orders", "succeeded", read=read, inserted=read // 2, finished_at=ended)
        if number == 1:
            make_stream(run, "invoices", "failed", finished_at=ended)
        make_stream(run, "customers", "not_started", started_at=None)
    runs = list(SyncRun.objects.all())
    with override("en"), django_assert_num_queries(1):
        charts = {chart.label: chart for chart in stream_charts(runs, timezone.now())}
    assert list(charts) == ["Orders", "Invoices"]
    orders, invoices = charts["Orders"], charts["Invoices"]
    assert [reading.read for reading in orders.readings] == [200, 50, 100]
    assert orders.duration_words == "usually 6 s, at most 8 s" and orders.row_words == "usually 100, at most 200"
    assert invoices.duration_words == invoices.row_words == ""  # one run tells nothing of what is usual
    assert [bar.x for bar in orders.durations] == ["99", "108", "117"]
    assert [bar.x for bar in invoices.durations] == ["108"] and invoices.durations[0].shape == "failed"
    highest = orders.rows[-1]
    assert float(highest.height) > float(highest.part) > float(orders.rows[0].part)
    assert highest.title.endswith("200 rows read, 100 written")


def test_first_run_is_told_and_not_drawn(
    make_connection: Callable[..., Connection], viewer: User, signed_in: Callable[[User], Client]
) -> None:
    connection, page = make_connection(), signed_in(viewer)
    page.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    for runs in (1, 2):
        make_stream(make_run(connection), "orders", "succeeded")
        shown = page.get(reverse("connection", args=[connection.slug])).content.decode()
        assert ("second run on." in shown) == (runs == 1) and ("stream-bars" in shown) == (runs == 2)
