from __future__ import annotations

import pytest

from connections import connectors
from tests.engine.scripted import ScriptedConnector


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the scripted connector."""
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, ScriptedConnector))
