"""Every failure explains itself, whatever it brought along."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from connections.catalogue import CATALOGUE, explain
from connections.explanation import ACTIONS
from connections.sdk.errors import CODES
from connections.trial_words import TRIAL, explain_trial
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


# What only a run meets.
IN_A_RUN = {
    "cancelled", "config_invalid.no_streams", "delete_brake", "destination_failed", "extraction_failed", "key_changed",
    "needs_failed", "records_quarantined", "schedule_never_fires", "source_changed", "stopping", "timed_out",
    "too_many_bad_records", "worker_lost",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted({*CATALOGUE} - IN_A_RUN))
def test_error_of_a_connection_being_tested_speaks_of_no_sync(code: str) -> None:
    code, _dot, reason = code.partition(".")
    told = explain_trial(code, {"reason": reason} if reason else {})
    words = " ".join([told.sentence, *told.steps])
    assert told.steps
    assert not re.search(r"next sync|tries again|automatic|by itself|retry|was loaded", words), words
    assert "%(" not in words
    assert told.title == explain(code, {"reason": reason} if reason else {}).title


def test_words_of_a_trial_are_for_codes_there_are() -> None:
    assert {*TRIAL} <= {*CATALOGUE}


def test_codes_and_entries_are_the_same_set() -> None:
    assert {code.partition(".")[0] for code in CATALOGUE} == set(CODES)


def test_an_unknown_code_is_told_as_an_internal_error() -> None:
    assert explain("brand_new").title == explain("internal").title


def test_percent_signs_in_values_are_shown_as_they_are() -> None:
    assert "100 % %(x)s" in explain("schedule_never_fires", {"cron": "100 % %(x)s"}).sentence


def test_every_reason_a_value_is_refused_for_has_words() -> None:
    assert set(VALUE_REASONS) == set(REASONS)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "holds text and is now declared as decimal number (12 digits, 2 of them after the point);"),
        ("pt-br", "guarda texto e agora está declarada como número decimal (12 dígitos, 2 deles depois da vírgula);"),
    ],
)
def test_a_column_that_became_something_else_is_told_in_words(language: str, said: str) -> None:
    changed = {"reason": "type", "column": "total", "table": "orders", "before": "text", "after": "decimal(12,2)"}
    with translation.override(language):
        assert said in explain("contract_changed", changed).sentence


@pytest.mark.parametrize("reason", ["", "module", "right"])
def test_what_a_source_does_not_offer_is_told_without_its_own_names(reason: str) -> None:
    missing = {"reason": reason, "service": "account.move", "module": "account"}
    assert "account.move" not in explain("unavailable", missing, "Books").sentence
