"""Steps on the pages and on the command line: their counts and errors, switched off, done again alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connections.models import Connection
from connections.sandbox.server import Sandbox
from syncruns.models import SyncRun
from tests.bills.fixtures import Run

SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db(transaction=True)


def english(client: Client, address: str) -> str:
    return client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode()


def test_run_page_tells_steps_from_streams_and_why_one_was_not_done(
    sync_bills: Run, sandbox: Sandbox, operator: User, signed_in: SignIn
) -> None:
    sandbox.faults.order("404,path=/bills/")
    run = sync_bills()

    page = english(signed_in(operator), reverse("run", args=[run.pk]))

    assert "Synced 1 of 1 stream of Energia" in page and "3 steps are missing." in page
    assert page.count('<span class="chip">Step</span>') == 3
    assert "What it needs failed" in page and "something that it works on did not succeed: Bills as PDF" in page
    assert 'aria-label="Do it again: Bills as PDF"' in page


def test_step_is_done_again_alone_from_its_run(
    sync_bills: Run, bills: Connection, operator: User, viewer: User, signed_in: SignIn
) -> None:
    run = sync_bills()
    assert "Do it again" not in english(signed_in(viewer), reverse("run", args=[run.pk]))

    signed_in(operator).post(reverse("connection_sync", args=[bills.slug]), {"stream": "months"})

    assert SyncRun.objects.get(state="queued").options == {"streams": ["months"]}


def test_connection_page_lists_steps_apart_with_what_they_work_on(
    sync_bills: Run, bills: Connection, operator: User, signed_in: SignIn
) -> None:
    client = signed_in(operator)
    before = english(client, reverse("connection", args=[bills.slug]))
    assert "Never done" in before and "Works on" in before
    sync_bills()
    after = english(client, reverse("connection", args=[bills.slug]))
    assert "Never done" not in after and "Bills, Values read from the PDFs" in after

    response = client.post(
        reverse("connection_stream", args=[bills.slug, "months"]),
        {"enabled": "0"}, HTTP_ACCEPT_LANGUAGE="en", follow=True,
    )  # fmt: skip
    assert "Switch it on again under Steps." in response.content.decode()
    assert "months" not in [row.stream for row in sync_bills().streams.all()]


def test_sentence_of_a_run_of_steps_alone_counts_steps(sync_bills: Run, operator: User, signed_in: SignIn) -> None:
    sync_bills()
    run = sync_bills(streams=["readings"])
    assert "2 of 2 steps of Energia done" in english(signed_in(operator), reverse("run", args=[run.pk]))
