"""Every failure explains itself, whatever it brought along."""

from __future__ import annotations

import pytest
from django.utils import translation

from connections.catalogue import ACTIONS, CATALOGUE, explain
from connections.sdk.errors import CODES
from syncruns.engine.values import REASONS
from syncruns.reasons import VALUE_REASONS


@pytest.mark.parametrize("language", ["en", "pt-br"])
@pytest.mark.parametrize("code", sorted({*CODES, *CATALOGUE}))
def test_every_code_says_what_why_and_what_to_do(code: str, language: str) -> None:
    code, _dot, reason = code.partition(".")
    with translation.override(language):
        told = explain(code, {"reason": reason} if reason else {})
    assert told.title and told.sentence and told.cause
    assert told.action in ACTIONS and told.action_label
    assert "%(" not in " ".join([told.sentence, told.cause, *told.steps])


def test_codes_and_entries_are_the_same_set() -> None:
    assert {code.partition(".")[0] for code in CATALOGUE} == set(CODES)


def test_an_unknown_code_is_told_as_an_internal_error() -> None:
    assert explain("brand_new").title == explain("internal").title


def test_percent_signs_in_values_are_shown_as_they_are() -> None:
    assert "100 % %(x)s" in explain("schedule_never_fires", {"cron": "100 % %(x)s"}).sentence


def test_every_reason_a_value_is_refused_for_has_words() -> None:
    assert set(VALUE_REASONS) == set(REASONS)
