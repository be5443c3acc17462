"""A reset: one read of everything, which takes the place of what is stored when it is complete (reset_load.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connections.sdk.context import ReadOptions
from connections.sdk.declare import Page
from connections.services import SelectedStream
from syncruns.engine.steps import is_step

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before anything that a source with a look-back holds


def is_reset(choice: SelectedStream, asked: Mapping[str, Any]) -> bool:
    """Say whether a run's options ask for a reset of the stream; steps that follow it go on as ever."""
    return bool(asked.get("reset")) and not is_step(choice)


def order_of(asked: Mapping[str, Any]) -> str:
    """Return whose order a run's reset carries out; a run that takes it up after a loss has the same."""
    return str(asked["reset"])


def everything(choice: SelectedStream, state: Mapping[str, Any] | None = None) -> ReadOptions:
    """Return what makes a read bring all there is, whatever the stream's look-back; from state on, if there is one."""
    since = EARLIEST if choice.stream.window_minutes is not None and state is None else None
    return ReadOptions(since=since, page_size=choice.page_size)


def in_range(read: Callable[[], Iterator[Page]]) -> Iterator[Page]:
    """Read, and yield only what pages bring of rows: a part of the past says nothing of what is gone or reached."""
    for page in read():
        yield replace(page, checkpoint=None, sweep=None)
