"""Whatever befalls a worker, the tables equal the source, checkpoints never go back, and nothing stays running."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings

from tests.console import ROOT

Figures = Callable[[str], None]
DATABASE = "postgresql" if settings.IS_POSTGRES else "sqlite"


def play(rounds: int, seed: int, seconds: float, lanes: int = 4) -> str:
    """Play rounds in a process of their own and return what they came to."""
    command = [sys.executable, "-m", "tests.crash.rounds", "--database", DATABASE]
    done = subprocess.run(
        [*command, "--rounds", str(rounds), "--seed", str(seed), "--lanes", str(lanes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_short_crash_round_loses_nothing_doubles_nothing_and_leaves_nothing_running(figures: Figures) -> None:
    figures(play(rounds=12, seed=20, seconds=300))


@pytest.mark.long
def test_thousand_crash_rounds_lose_nothing_double_nothing_and_leave_nothing_running(figures: Figures) -> None:
    figures(play(rounds=1000, seed=1, seconds=7200, lanes=8))  # most of a round is waiting
