"""Commands run in this process (quick) or in one of their own (what a shell sees), against a shop over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection as database

from connections.models import Connection
from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop, sample_connection
from connections.services import create_connection
from tests.bills.fixtures import bills, sandbox, select, sync_bills, vendor
from tests.cli.doctor import found, sound

__all__ = ["bills", "found", "sandbox", "select", "sound", "sync_bills", "vendor"]  # fixtures


@dataclass(frozen=True)
class Result:
    """What a command did: exit code and the two outputs."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def english_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")


@pytest.fixture
def command() -> Callable[..., Result]:
    """Return a function that runs a command in this process; each argument as a shell would pass it."""

    def run(*arguments: str) -> Result:
        out, err = StringIO(), StringIO()
        code: Any = 0
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except SystemExit as ended:
            code = ended.code
        return Result(int(code), out.getvalue(), err.getvalue())

    return run


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments]


def shell_environment(**more: str) -> dict[str, str]:
    """Return the environment in which a process of its own works on this test's database."""
    found = database.settings_dict
    if database.vendor == "sqlite":
        url = f"sqlite:///{found['NAME']}"
    else:
        login = f"{quote(found['USER'])}:{quote(found['PASSWORD'])}@" if found["USER"] else ""
        url = f"postgresql://{login}{quote(found['HOST'], safe='')}:{found['PORT'] or 5432}/{found['NAME']}"
    return {**os.environ, "DATABASE_URL": url, "PYTHONWARNINGS": "default", **more}


@pytest.fixture
def shell(transactional_db: None) -> Callable[..., Result]:
    """Return a function that runs a command in a process of its own; keywords are environment variables."""

    def run(*arguments: str, **environment: str) -> Result:
        done = subprocess.run(
            manage(*arguments),
            env=shell_environment(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    """A small shop's API over HTTP."""
    with Sandbox(Shop()) as sandbox:
        yield sandbox


@pytest.fixture
def loja(transactional_db: None, shop: Sandbox) -> Connection:
    """A connection to the shop, of slug "loja", auto-sync off."""
    sample = sample_connection(shop.url)
    return create_connection(kind=sample["kind"], name="Loja", slug="loja", values=sample["values"])


@pytest.fixture
def loja_flags(shop: Sandbox, tmp_path: Path) -> list[str]:
    """The flags that describe a connection to the shop; its token lies in a file."""
    values = sample_connection(shop.url)["values"]
    streams = tmp_path / "streams.json"
    streams.write_text(json.dumps(values["streams"]))
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    plain = [f"--set={name}={value}" for name, value in values.items() if isinstance(value, str) and name != "token"]
    return [*plain, f"--set=streams=@{streams}", f"--secret=token=@{token}"]
