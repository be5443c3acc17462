"""What a run's options and a stream's own settings ask of one read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connections.sdk.context import ReadOptions
from connections.services import SelectedStream
from syncruns.engine.reset import everything, is_reset
from syncruns.engine.steps import is_step


def moves_checkpoint(choice: SelectedStream, asked: Mapping[str, Any]) -> bool:
    """Say whether a read goes on where the last one ended, so that the next one goes on where it ends."""
    return is_step(choice) or is_first_read(choice, asked) or not is_one_off(asked)


def is_one_off(asked: Mapping[str, Any]) -> bool:
    """Say whether a run's options ask for a read that leaves the checkpoint where it is."""
    return "since" in asked or "window_minutes" in asked


def is_first_read(choice: SelectedStream, asked: Mapping[str, Any]) -> bool:
    """Say whether the stream's first read, from the moment a person chose, is still to be made or ended.

    Every run takes part in it, whoever asked for it, except one that wants another moment or window.
    """
    return (
        choice.first_since is not None
        and "until" not in asked
        and (not is_one_off(asked) or _since(asked) == choice.first_since)
    )


def read_options(
    choice: SelectedStream,
    asked: Mapping[str, Any],
    state: dict[str, Any] | None,
    place: Mapping[str, Any] | None = None,
) -> ReadOptions:
    """Return what a run's options and the stream's own settings ask of a read that starts from state.

    place: how far the range of the options was read before.
    """
    if is_reset(choice, asked):
        return everything(choice, state)
    if "until" in asked:
        until = datetime.fromisoformat(asked["until"])
        return ReadOptions(since=_since(asked), until=until, page_size=choice.page_size, place=place)
    since = _since(asked)
    if is_first_read(choice, asked):
        # What it read before it was interrupted is behind its checkpoint; it goes on from there.
        since = choice.first_since if state is None else None
    window = asked.get("window_minutes", choice.window_minutes)
    return ReadOptions(window_minutes=window, since=since, page_size=choice.page_size)


def _since(asked: Mapping[str, Any]) -> datetime | None:
    return datetime.fromisoformat(asked["since"]) if asked.get("since") else None
