from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from connections.sdk.context import PlainContext, Rate
from connections.sdk.errors import SyncError
from connections.sdk.http import HttpClient
from tests.sdk.source import Source, running

Failing = Callable[[Callable[[], Any]], SyncError]


class WatchedContext(PlainContext):
    """Waits and permits are counted instead of taken."""

    def __init__(self) -> None:
        super().__init__(allow_private_addresses=True)
        self.waits: list[float] = []
        self.permits: list[str] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def take_permit(self, rate: Rate) -> None:
        self.permits.append(rate.account)


@pytest.fixture
def source() -> Iterator[Source]:
    with running() as source:
        yield source


@pytest.fixture
def context() -> WatchedContext:
    return WatchedContext()


@pytest.fixture
def client(context: WatchedContext) -> Iterator[Callable[..., HttpClient]]:
    """Make clients that are closed at the end: client(base_url, **options)."""
    with ExitStack() as stack:

        def make(base_url: str, **options: Any) -> HttpClient:
            return stack.enter_context(HttpClient(base_url, options.pop("context", context), **options))

        yield make


@pytest.fixture
def failure() -> Failing:
    """Return the SyncError that a call raises."""

    def run(call: Callable[[], Any]) -> SyncError:
        with pytest.raises(SyncError) as caught:
            call()
        return caught.value

    return run
