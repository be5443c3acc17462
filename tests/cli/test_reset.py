"""`manage.py reset`."""

from __future__ import annotations

from collections.abc import Callable

from connections.models import AuditEvent, Connection
from syncruns.models import SyncRun
from tests.cli.conftest import Result

Command = Callable[..., Result]


def test_reset_says_what_it_would_do_and_does_it_only_with_yes(loja: Connection, command: Command) -> None:
    assert command("sync", "loja", "--stream", "products").code == 0
    told = command("reset", "loja", "products", "--json")
    assert (told.code, told.document["done"]) == (0, False)
    assert told.document["rows"] > 0
    assert "--yes" in command("reset", "loja", "products").out
    assert SyncRun.objects.count() == 1
    done = command("reset", "loja", "products", "--yes", "--json")
    assert (done.code, done.document["state"]) == (0, "succeeded")
    counts = done.document["counts"]
    assert (counts["unchanged"], counts["deleted"]) == (told.document["rows"], 0)
    event = AuditEvent.objects.get(action="stream.reset")
    assert (event.actor, event.params["rows"]) == ("cli", told.document["rows"])


def test_reset_of_an_unknown_stream_names_what_there_is(loja: Connection, command: Command) -> None:
    refused = command("reset", "loja", "product", "--yes", "--json")
    assert refused.code == 2
    assert refused.document["error"]["code"] == "unknown_stream"
    assert not SyncRun.objects.exists()
