"""Windows and checkpoints: no change falls between two of them, whatever happens in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connections.connectors.odoo.progress import Place, Progress
from connections.connectors.odoo.windows import OVERLAP, Window, any_of, next_window, spelled, window_since

NOW = datetime(2026, 11, 22, 22, 59, 58, 900_000, tzinfo=UTC)
EARLY = datetime(2002, 1, 1, tzinfo=UTC)  # from here no look-back reaches to before any Odoo
MOMENTS = st.integers(0, 10**15).map(lambda microseconds: EARLY + timedelta(microseconds=microseconds))
LOOK_BACKS = st.integers(1, 60 * 24 * 400).map(lambda minutes: timedelta(minutes=minutes))


@given(now=MOMENTS, look_back=LOOK_BACKS, read_to=st.none() | MOMENTS)
def test_window_is_of_whole_seconds_and_reaches_back_far_enough(
    now: datetime, look_back: timedelta, read_to: datetime | None
) -> None:
    window = next_window(now, look_back, read_to)
    assert (window.start.microsecond, window.end.microsecond) == (0, 0)
    assert now < window.end <= now + timedelta(seconds=2)
    assert window.start <= now - look_back + timedelta(seconds=2)
    assert read_to is None or window.start <= read_to - OVERLAP


@given(start=MOMENTS, gaps=st.lists(st.integers(0, 10**7), min_size=1, max_size=8), look_back=LOOK_BACKS)
def test_windows_one_after_the_other_leave_nothing_out(start: datetime, gaps: list[int], look_back: timedelta) -> None:
    """Also after weeks without a run, each change is in a window, and late ones in the next as well."""
    now, windows, progress = start, [], Progress()
    for gap in gaps:
        now += timedelta(seconds=gap)
        window = next_window(now, look_back, progress.to)
        assert progress.joins(window)
        windows.append(window)
        progress = progress.read(window)
    for earlier, later in zip(windows, windows[1:], strict=False):
        assert later.start <= earlier.end - OVERLAP


def test_clock_that_was_set_back_still_gives_a_window() -> None:
    ahead = NOW + timedelta(hours=3)
    window = next_window(NOW, timedelta(minutes=40), ahead)
    assert window.start <= NOW - timedelta(minutes=40) + timedelta(seconds=2) < NOW < window.end


@given(moment=MOMENTS)
def test_moments_are_spelled_as_every_version_takes_them(moment: datetime) -> None:
    assert datetime.strptime(spelled(moment), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) == moment.replace(microsecond=0)


def test_window_since_a_moment_ends_now_and_never_begins_later() -> None:
    assert window_since(NOW - timedelta(days=3), NOW).start == (NOW - timedelta(days=3)).replace(microsecond=0)
    future = window_since(NOW + timedelta(days=3), NOW)
    assert future.start <= future.end


def test_one_off_window_that_leaves_a_gap_does_not_join() -> None:
    progress = Progress(to=NOW - timedelta(days=2))
    assert not progress.joins(window_since(NOW - timedelta(hours=1), NOW))
    assert progress.joins(window_since(NOW - timedelta(days=3), NOW))


def test_conditions_are_joined_in_prefix_notation() -> None:
    window = Window(NOW.replace(microsecond=0), NOW.replace(microsecond=0) + timedelta(hours=1))
    own = window.within("write_date")
    lines = window.lines_within("order_line", has_any=True)
    assert any_of(own) == own
    assert any_of(own, lines) == ["|", "&", *own, ["order_line", "any", own]]
    assert any_of(own, own, own) == ["|", "|", "&", *own, "&", *own, "&", *own]
    assert window.lines_within("order_line", has_any=False) == [["order_line.write_date", ">=", "2026-11-22 22:59:58"]]


@given(to=st.none() | MOMENTS, swept=st.none() | MOMENTS, start=MOMENTS, part=st.integers(0, 1), after=st.integers(0))
def test_checkpoint_comes_back_as_it_was_stored(
    to: datetime | None, swept: datetime | None, start: datetime, part: int, after: int
) -> None:
    place = Place(Window(start, start + timedelta(hours=1)), part, after)
    for progress in (Progress(to, swept, "stock.move"), Progress(to, swept, "", place)):
        assert Progress.of(progress.checkpoint()) == progress
    assert Progress.of(None) == Progress()
