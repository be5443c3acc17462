"""Many connections and runs: as many queries as with few, light pages, and how long they take (a figure, no claim)."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from syncruns.models import SyncRun, SystemJob
from tests.web.crowd import populate

pytestmark = pytest.mark.django_db
SEARCHES = ("/runs/?q=filial", "/search/?q=filial")
LISTS = ("/", "/?period=30d", "/connections/", "/runs/", "/audit/", "/changes/", "/review/", *SEARCHES)
OWN = ("sincro.css", "console.js", "sprite.svg", "favicon.svg")  # what a first visit fetches beside the kit
MOST_BYTES = 150_000


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())
    return signed_in(administrator)


def weight(body: bytes) -> int:
    """Return how many bytes a first visit fetches, compressed, beside the kit."""
    own = [(settings.BASE_DIR / "syncruns/static/sincro" / name).read_bytes() for name in OWN]
    return sum(len(gzip.compress(one)) for one in (body, *own))


def asked(page: Client, url: str) -> int:
    page.get(url)
    with CaptureQueriesContext(database) as queries:
        assert page.get(url).status_code == 200, url
    return len(queries)


def test_three_hundred_connections_take_no_more_queries_than_three_and_pages_stay_light(page: Client) -> None:
    populate(5, 16)
    few = {url: asked(page, url) for url in (*LISTS, of_one("filial-0"))}
    populate(295, 16)
    assert [url for url in few if asked(page, url) > few[url]] == []
    for url in few:
        assert weight(page.get(url).content) < MOST_BYTES, url


@pytest.mark.long
def test_a_hundred_thousand_runs_take_no_more_queries_than_a_few(page: Client, figures: Callable[[str], None]) -> None:
    populate(5, 16)
    few = {url: asked(page, url) for url in (*LISTS, of_one("filial-0"))}
    populate(295, 339)
    assert SyncRun.objects.count() >= 100_000
    assert [url for url in few if asked(page, url) > few[url]] == []
    for url in few:
        began = time.perf_counter()
        body = page.get(url).content
        figures(f"{url}: {1000 * (time.perf_counter() - began):.0f} ms, {weight(body) / 1000:.0f} kB, own kit included")
        assert weight(body) < MOST_BYTES, url


def of_one(slug: str) -> str:
    return reverse("connection", args=[slug])
