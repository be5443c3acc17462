"""Whatever befalls a worker, the tables equal the source, checkpoints never go back, and nothing stays running."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings

from tests.console import ROOT

Figures = Callable[[str], None]
DATABASE = "postgresql" if settings.IS_POSTGRES else "sqlite"


def play(rounds: int, seed: int, seconds: float, lanes: int = 4, changes: int = 0, resets: bool = False) -> str:
    """Play rounds in a process of their own and return what they came to."""
    command = [sys.executable, "-m", "tests.crash.rounds", "--database", DATABASE]
    command += ["--rounds", str(rounds), "--seed", str(seed), "--lanes", str(lanes), "--changes", str(changes)]
    done = subprocess.run(
        [*command, *(["--resets"] if resets else [])],
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


@pytest.mark.parametrize("rounds", [4, pytest.param(50, marks=pytest.mark.long)])
def test_tables_equal_the_source_after_many_changes_deletions_and_returns_with_kills(
    figures: Figures, rounds: int
) -> None:
    """Ten thousand changes in the long version, with a worker killed at another boundary after each two hundred."""
    said = play(rounds=rounds, seed=3, seconds=1800, lanes=2, changes=200)
    figures(said)
    counted = {name: int(number) for name, number in re.findall(r"(\w+): (\d+)", said)}
    assert counted["changes"] >= 200 * rounds
    assert counted["deletions"] >= 10 * rounds and counted["returns"] >= 10 * rounds


@pytest.mark.long
def test_resets_that_are_killed_frozen_and_robbed_of_their_database_swap_everything_or_nothing(
    figures: Figures,
) -> None:
    said = play(rounds=40, seed=5, seconds=3600, resets=True)
    figures(said)
