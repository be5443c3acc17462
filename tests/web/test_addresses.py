"""No page is forgotten: every address stands in the list of pages that are looked at, or says why it is none."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve

from tests.browser.places import ACTS, EMPTY, FULL, NO_PAGES, REFUSED, SIGNED_OUT, STATES, names_of_addresses
from tests.browser.screenshots import PICTURES

EXAMPLES = {"slug": "x", "str": "x", "int": "1", "uuid": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}


def test_every_address_is_a_page_that_is_looked_at_or_none_for_a_reason() -> None:
    listed = {*FULL, *SIGNED_OUT, *NO_PAGES} - {STATES}
    names = {name for name, _pattern in names_of_addresses()}
    assert sorted(names ^ listed) == []
    assert sorted(EMPTY.keys() - FULL.keys()) == []
    pages = [path for places in (FULL, SIGNED_OUT) for paths in places.values() for path in paths]
    assert sorted(REFUSED.keys() - set(pages)) == []


def test_every_page_has_a_picture() -> None:
    found = dict.fromkeys(re.findall(r"{(\w+)}", " ".join(picture.path for picture in PICTURES)), "1") | {
        "last": EXAMPLES["uuid"], "failed": EXAMPLES["uuid"], "live": EXAMPLES["uuid"], "welcome": "/welcome/MQ/x/",
    }  # fmt: skip
    paths = [picture.path.format(**found).partition("?")[0] for picture in PICTURES]
    taken = {resolve(path).url_name for path in paths if not path.startswith("/states/")}
    assert sorted({*FULL, *SIGNED_OUT} - {STATES} - taken) == []


@pytest.mark.django_db
def test_addresses_of_buttons_are_no_pages(administrator: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(administrator)
    for name, pattern in names_of_addresses():
        if NO_PAGES.get(name) == ACTS:
            path = re.sub(r"<(\w+):\w+>", lambda found: EXAMPLES[found[1]], pattern)
            assert client.get(f"/{path}").status_code == 405, name
