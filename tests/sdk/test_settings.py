"""What a connector may declare of a setting, and what is made of a value that somebody gives."""

from __future__ import annotations

import pytest

from connections.sdk.settings import Setting, SettingsInvalid, check_needed, check_settings

SERVER = (
    Setting("url", "Address", required=True),
    Setting("database", "Database", required=True, offered_from=("url",)),
    Setting("companies", "Companies", "list", offered_from=("url", "database", "key")),
    Setting("limit", "Limit", "number", maximum=10),
    Setting("key", "Key", "secret", required=True),
    Setting("key_ends", "Ends on", "date", expires="key"),
)


@pytest.mark.parametrize("typed", ["2026-12-31", "31/12/2026", " 2026-12-31 "])
def test_a_date_is_kept_in_one_form_however_it_is_typed(typed: str) -> None:
    assert check_settings([SERVER[-1]], {"key_ends": typed}) == {"key_ends": "2026-12-31"}


@pytest.mark.parametrize("typed", ["31/02/2026", "tomorrow", "2026-12-31T10:00", "12/2026"])
def test_what_is_no_date_is_refused(typed: str) -> None:
    with pytest.raises(SettingsInvalid):
        check_settings([SERVER[-1]], {"key_ends": typed})


def test_the_source_can_be_asked_while_the_rest_of_the_form_is_empty_or_wrong() -> None:
    given = {"url": "http://odoo.example", "limit": "many", "companies": ["1"]}
    assert check_needed(SERVER, given, ["url"]) == {
        "url": "http://odoo.example", "database": "", "companies": ["1"], "limit": None, "key_ends": "",
    }  # fmt: skip


def test_what_asking_needs_must_be_there() -> None:
    with pytest.raises(SettingsInvalid) as refused:
        check_needed(SERVER, {"url": "http://odoo.example"}, ["url", "database", "key"])
    assert [problem.path for problem in refused.value.problems] == [("database",), ("key",)]
    needed = ["url", "database", "key"]
    assert check_needed(SERVER, {"url": "x", "database": "y"}, needed, stored_secrets=["key"])["database"] == "y"


@pytest.mark.parametrize(
    "wrong",
    [{"type": "rows", "env": "ROWS"}, {"type": "number", "offered_from": ("url",)}, {"expires": "key"}],
)
def test_a_declaration_that_makes_no_sense_is_refused_at_once(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Setting("one", "One", **wrong)  # type: ignore[arg-type]  # that is the point
