"""One vendor account's limit, shared by every worker: no window ever holds more requests than it allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connections.models.rate import Grant, RateBucket
from connections.sdk.context import Rate

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "rate", [Rate("a", 60, 60), Rate("b", 400, 60), Rate("c", 3, 1)], ids=lambda rate: rate.account
)
def test_no_window_holds_more_than_the_limit_and_one_worker_can_use_most_of_it(rate: Rate, workers: int) -> None:
    window = timedelta(seconds=rate.per_seconds)
    grants: dict[int, Grant] = {}
    asked: list[datetime] = []
    now = NOON
    for turn in range(rate.permits * 4):  # each worker in turn, as soon as it may
        worker = turn % workers
        grant = grants.get(worker)
        if grant is None or grant.permits == 0 or grant.expires_at <= now:
            grant = RateBucket.reserve(rate, now)
        grants[worker] = Grant(grant.permits - 1, grant.usable_at, grant.expires_at)
        now = max(now, grant.usable_at)
        asked.append(now)
    most = max(sum(begin <= moment < begin + window for moment in asked) for begin in asked)
    assert most <= rate.permits
    assert workers > 1 or most >= rate.permits / 3


def test_permits_reserved_by_a_clock_that_was_wrong_hold_nobody_up() -> None:
    rate = Rate("account", 60, 60)
    RateBucket.reserve(rate, NOON + timedelta(hours=3))
    assert RateBucket.reserve(rate, NOON).usable_at == NOON
    waiting = [RateBucket.reserve(rate, NOON).usable_at for _worker in range(60)]
    assert waiting == sorted(waiting) and waiting[-1] > NOON + timedelta(seconds=50)  # others' permits count
