from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

import config.urls  # noqa: F401 - all pages, before a test registers a kind: those imported later would keep it
from syncruns.models import SystemJob
from tests.bills.fixtures import bills, sandbox, select, sync_bills, vendor

__all__ = ["bills", "sandbox", "select", "sync_bills", "vendor"]  # fixtures


@pytest.fixture
def page(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    """An administrator's browser, in English, with the scheduler alive."""
    SystemJob.objects.create(name=SystemJob.DISPATCH, last_at=timezone.now())
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client
