"""A reset: one read of everything, after which the rows it did not meet are gone.

Stored rows stay readable all the while: each is replaced where it stands as the read meets it, those not met go when it
is complete, and only then the checkpoint moves. A read that ends early leaves checkpoint and unmet rows as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connections.sdk.context import ReadOptions
from connections.sdk.declare import Page, Stream, Sweep
from connections.sdk.errors import SyncError
from connections.services import SelectedStream
from syncruns.engine.steps import is_step

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before anything that a source with a look-back holds


def is_reset(choice: SelectedStream, asked: Mapping[str, Any]) -> bool:
    """Say whether a run's options ask for a reset of the stream; steps that follow it go on as ever."""
    return bool(asked.get("reset")) and not is_step(choice)


def everything(choice: SelectedStream) -> ReadOptions:
    """Return what makes a read without a checkpoint bring all there is, whatever the stream's look-back."""
    since = EARLIEST if choice.stream.window_minutes is not None else None
    return ReadOptions(since=since, page_size=choice.page_size)


def in_range(read: Callable[[], Iterator[Page]]) -> Iterator[Page]:
    """Read, and yield only what pages bring of rows: a part of the past says nothing of what is gone or reached."""
    for page in read():
        yield replace(page, checkpoint=None, sweep=None)


def in_full(read: Callable[[], Iterator[Page]], stream: Stream, *, is_stored: bool) -> Iterator[Page]:
    """Read, and yield the pages of it all as one sweep of each table, with the last checkpoint behind everything.

    The source's own sweeps only tell more keys that exist. is_stored: the stream has rows that could be missed; then
    a read without a single record raises SyncError("reset_empty") before any sweep is complete.
    """
    tops = [table.name for table in stream.tables if table.parent is None]
    for name in tops:
        yield Page(sweep=Sweep(name, begins=True))
    checkpoint: dict[str, Any] | None = None
    has_met = False
    for page in read():
        checkpoint = page.checkpoint if page.checkpoint is not None else checkpoint
        told = page.sweep if page.sweep is not None and page.sweep.table in tops else None
        has_met = has_met or any(page.rows.get(name) for name in tops) or bool(told and told.keys)
        yield replace(page, checkpoint=None, sweep=Sweep(told.table, told.keys) if told and told.keys else None)
    if is_stored and not has_met:
        raise SyncError("reset_empty", stream=stream.key)
    for name in tops:
        yield Page(sweep=Sweep(name, complete=True))
    if checkpoint is not None:
        yield Page(checkpoint=checkpoint)
