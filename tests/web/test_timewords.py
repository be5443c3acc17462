"""Times and durations in words: never negative, never absurd."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from syncruns import timewords
from syncruns.models import SyncRun
from syncruns.schedule_words import cron_words
from syncruns.strips import strip_of
from tests.web.console_pages import at

NOW = at(14, 26)


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "< 1 s"),
        (12, "12 s"),
        (59.7, "1 min"),
        (72, "1 min 12 s"),
        (3900, "1 h 05 min"),
        (90_000, "1 day"),
    ],
)
def test_duration_reads_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert timewords.duration(timedelta(seconds=seconds)) == words


def test_percentage_is_written_without_a_space_in_both_languages() -> None:
    assert timewords.percent(66) == "66%"
    with translation.override("pt-br"):
        assert timewords.percent(66) == "66%"


def test_duration_of_a_clock_that_went_back_is_zero_and_unknown_is_a_dash() -> None:
    assert timewords.duration(timedelta(seconds=-5)) == "0 s"
    assert timewords.duration(None) == "—"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "just now"),
        (3, "3 min ago"),
        (8 * 60 + 20, "8 h ago"),
        (4 * 1440, "4 days ago"),
        (90 * 1440, "Aug 26"),
        (-69, "in 1 h 09 min"),
    ],
)
def test_relative_time_uses_one_unit_for_the_past_and_two_for_the_future(minutes: int, words: str) -> None:
    assert timewords.relative(NOW - timedelta(minutes=minutes), NOW) == words


def test_countdown_passes_through_due_now_to_late() -> None:
    grace = timedelta(minutes=2)
    said = [timewords.countdown(NOW + timedelta(seconds=left), NOW, grace) for left in (240, 30, -1, -119, -720)]
    assert said == ["in 4 min", "in 30 s", "due now", "due now", "late by 12 min"]


def test_clock_names_the_day_when_it_is_not_today() -> None:
    moments = (at(14, 41), at(6) + timedelta(days=1), at(6) - timedelta(days=1), at(6) - timedelta(days=4))
    said = [timewords.clock(moment, NOW) for moment in moments]
    assert said == ["14:41", "tomorrow, 06:00", "yesterday, 06:00", "Nov 20, 06:00"]


def test_exact_time_shows_its_offset() -> None:
    assert timewords.exact(at(14, 27)) == "Nov 24, 2026 14:27:00 (UTC−03:00)"
    assert timewords.exact(at(14, 27), UTC) == "Nov 24, 2026 17:27:00 (UTC)"


def test_day_is_the_readers_and_not_the_servers() -> None:
    with timezone.override("Asia/Tokyo"):  # already the 25th there
        assert timewords.clock(at(23), NOW) == "11:00"


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("*/15 * * * *", "Every 15 minutes"),
        ("30 6 * * *", "At 06:30"),
        ("*/20 6-21 * * 1-6", "Every 20 minutes from 06:00 to 21:59, Monday to Saturday"),
        ("0 */2 * * *", "Every 2 hours at minute 0"),
        ("5 * * * 0,3", "Every hour at minute 5, Sunday, Wednesday"),
        ("0 0 1 * *", "By the cron expression 0 0 1 * *"),
        ("rubbish", "By the cron expression rubbish"),
    ],
)
def test_cron_reads_in_words_where_words_are_plain(cron: str, words: str) -> None:
    assert cron_words(cron) == words


def test_strip_says_in_words_what_it_draws() -> None:
    runs = [
        SyncRun(state="failed", queued_at=at(14), started_at=at(14), finished_at=at(14, 1)),
        SyncRun(state="succeeded", inserted=3, queued_at=at(13), started_at=at(13), finished_at=at(13, 2)),
        SyncRun(state="succeeded", queued_at=at(12), started_at=at(12), finished_at=at(12, 1)),
    ]
    strip = strip_of("Shop", runs, NOW)
    assert strip.sentence == "Last 3 runs of Shop: 1 without changes, 1 succeeded, 1 failed"
    with translation.override("pt-br"):
        said = strip_of("Loja", [*runs[1:2], *runs], NOW).sentence
    assert said == "Últimas 4 execuções de Loja: 2 concluídas, 1 sem mudanças, 1 falhou"
    assert [bar.shape for bar in strip.bars] == ["none"] * 11 + ["same", "ok", "failed"]
    assert strip_of("Shop", [], NOW).sentence == "Shop has not run yet"


def test_durations_in_a_sentence_stay_on_one_line() -> None:
    said = timewords.unbroken("Synced 4 of 4 streams in 1 min 05 s: 12 new, in 1 h 05 min")
    assert said == "Synced 4 of 4 streams in 1\xa0min\xa005\xa0s: 12 new, in 1\xa0h\xa005\xa0min"
