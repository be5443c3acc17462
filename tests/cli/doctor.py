"""A sound installation for doctor to look at, which tests break, and what doctor finds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from connections.models import Connection
from syncruns.models import SyncRun, SystemJob
from syncruns.processes import start_time

Command = Callable[..., Any]
Found = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation with nothing wrong: this process plays every role, the scheduler ticks, the log is written."""
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    monkeypatch.setattr(settings, "LOG_FILE", tmp_path / "sync.log")
    settings.LOG_FILE.write_text("")
    (tmp_path / "run").mkdir()
    for role in ("web", "sync", "control"):
        write_role(role, start_time(os.getpid()))
    tick(timedelta())


def write_role(role: str, start: int | None) -> None:
    children = [{"name": role, "pid": os.getpid(), "start": start}]
    (settings.DATA_DIR / "run" / role).write_text(json.dumps({"pid": os.getpid(), "children": children}))


def tick(age: timedelta) -> None:
    SystemJob.objects.update_or_create(name=SystemJob.DISPATCH, defaults={"last_at": timezone.now() - age})


def ended(connection: Connection, *, took: float = 2, ago: float = 60, **fields: Any) -> SyncRun:
    """Create a run that ended `ago` seconds ago."""
    end = timezone.now() - timedelta(seconds=ago)
    began = end - timedelta(seconds=took)
    values = {"trigger": "schedule", "state": "succeeded", "queued_at": began, "started_at": began, "finished_at": end}
    return SyncRun.objects.create(connection=connection, **values | fields)


@pytest.fixture
def found(sound: None, command: Command) -> Found:
    """Return a function that asks doctor and returns what is not OK, by code, after checking the exit code."""

    def ask() -> dict[str, dict[str, Any]]:
        result = command("doctor", "--json")
        checks = result.document["checks"]
        problems = [check for check in checks if check["state"] == "problem"]
        assert result.code == (1 if problems else 0)
        assert all(check["message"] and check["fix"] for check in checks if check["state"] != "ok")
        return {check["code"]: check for check in checks if check["state"] != "ok"}

    return ask
