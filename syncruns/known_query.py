"""What an address asks of a list: a filter whose value the list does not know does not count, and the page says so."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

Known = Container[str] | Callable[[str], Any]
KnownFilters = Mapping[str, tuple[Any, Known]]  # parameter -> what the list calls it, and which values it knows
LONGEST = 80  # letters of a value that is repeated


@dataclass(frozen=True)
class Unknown:
    """A filter with a value that is none of its own. label: what the list calls the filter."""

    label: str
    value: str


@dataclass(frozen=True)
class KnownQuery:
    """The parameters that count, and the filters that do not."""

    given: QueryDict
    unknown: tuple[Unknown, ...] = ()

    @property
    def query(self) -> str:
        """The end of the same address without what does not count."""
        return self.given.urlencode()


def value_of(given: Mapping[str, str], name: str) -> str:
    """Return a parameter as a database can be asked for it."""
    return given.get(name, "").replace("\0", "").strip()


def known_only(given: QueryDict, filters: KnownFilters) -> KnownQuery:
    """Return what counts of an address."""
    unknown = {}
    for name, (label, known) in filters.items():
        value = given.get(name, "").strip()
        if value and ("\0" in value or not (known(value) if callable(known) else value in known)):
            unknown[name] = Unknown(str(label), value.replace("\0", "")[:LONGEST])
    return without(given, unknown)


def without(given: QueryDict, unknown: Mapping[str, Unknown]) -> KnownQuery:
    """Return an address without these parameters."""
    kept = given.copy()
    for name in (*unknown, "page") if unknown else ():  # a page of another list
        kept.pop(name, None)
    return KnownQuery(kept, tuple(unknown.values()))
