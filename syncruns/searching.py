"""How typed words find things: names whatever their accents and case, runs by number, connection, person and error."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q

from connections.catalogue import CATALOGUE
from connections.models import Connection
from syncruns.health import label_of

FEWEST_DIGITS = 4  # of a run's number; fewer could be any word


def folded(text: str) -> str:
    """Return text without accents and case: "Açaí" is found by "acai"."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter)
    )


def finds(typed: str, *texts: str) -> bool:
    """Say whether each word typed is somewhere in the texts."""
    searched = folded(" ".join(texts))
    return all(word in searched for word in folded(typed).split())


def names_of(connection: Connection) -> tuple[str, ...]:
    """Return what a connection is found by."""
    return (connection.name, connection.slug, label_of(connection.kind), *connection.tags, connection.description)


def connections_found(typed: str, connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections that typed words find; one whose name begins so comes first."""
    found = [one for one in connections if finds(typed, *names_of(one))]
    start = folded(typed.strip())
    return sorted(found, key=lambda one: (not folded(one.name).startswith(start), folded(one.name)))


def runs_by_number(typed: str) -> Q | None:
    """Return what runs whose number begins as typed are found by; None for what is no number."""
    digits = typed.strip().lstrip("#").replace("-", "").lower()
    if not FEWEST_DIGITS <= len(digits) <= 32 or not set(digits) <= set("0123456789abcdef"):
        return None
    return Q(pk__gte=UUID(digits.ljust(32, "0")), pk__lte=UUID(digits.ljust(32, "f")))


def runs_found(typed: str) -> Q:
    """Return what runs that typed words find are found by: number, connection, who asked, what went wrong."""
    connections = Connection.objects.only("name", "slug", "kind", "tags", "description")
    ways = [
        Q(connection__in=[one.pk for one in connections if finds(typed, *names_of(one))]),
        Q(requested_by__username__icontains=typed.strip()),
        *(_failed_with(code) for code, entry in CATALOGUE.items() if finds(typed, str(entry.title))),
    ]
    if number := runs_by_number(typed):
        ways.append(number)
    return reduce(or_, ways)


def _failed_with(entry: str) -> Q:
    """Return what runs that failed for an entry of the catalogue are found by."""
    code, _dot, reason = entry.partition(".")
    return Q(error_code=code, error_params__reason=reason) if reason else Q(error_code=code)
