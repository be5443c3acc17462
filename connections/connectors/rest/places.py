"""Where in an answer the records seem to be: lists of objects, a few levels down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.connectors.rest.names import snake
from connections.connectors.rest.paths import find

LEVELS = 5
# What APIs call the part of an answer that holds the records.
WRAPPERS = frozenset({
    "collection", "content", "contents", "dados", "data", "docs", "elements", "embedded", "entries", "entities",
    "hits", "list", "lista", "objects", "output", "payload", "records", "registros", "response", "result",
    "resultado", "resultados", "results", "retorno", "rows", "value", "values",
})  # fmt: skip
# Lists that are in many answers and are never what was asked for.
ASIDE = frozenset({"erro", "erros", "error", "errors", "links", "mensagens", "messages", "warnings"})
IDENTITIES = ("id", "uuid", "guid")
NUMBERS = ("codigo", "code", "numero", "number")  # an envelope may have one as well


@dataclass(frozen=True)
class Place:
    """A list in an answer: its path, and how many objects it holds."""

    path: str
    count: int

    @property
    def names(self) -> list[str]:
        return [snake(name) for name in self.path.split(".")]


def places(document: Any, stream: str = "") -> list[Place]:
    """Return the lists of objects inside an object, the likeliest first; an empty list counts with 0.

    Likelier is what is called like the stream, then what lies in a usual wrapper, then what holds more.
    """
    found = [place for place in _lists(document, "", LEVELS) if isinstance(find(document, place.path), list)]
    return sorted(found, key=lambda place: (not _is_called(place, stream), not _is_wrapped(place), -place.count))


def inside(document: Any, records: str, stream: str) -> list[Place]:
    """Return where the records may be when the object at the path `records` is no record itself but holds them.

    None when it is a list already, or looks like a record that merely has lists.
    """
    container = find(document, records)
    found = places(container, stream)
    if not found or _is_record(container, stream, found[0]):
        return []
    return [Place(f"{records}.{place.path}" if records else place.path, place.count) for place in found]


def _lists(document: Any, prefix: str, levels: int) -> Iterator[Place]:
    if not isinstance(document, Mapping):
        return
    for name, value in document.items():
        if not name or "." in name or "[]" in name or snake(name) in ASIDE:
            continue  # no path leads there, or nobody wants it
        if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            yield Place(f"{prefix}{name}", len(value))
        elif levels > 1:
            yield from _lists(value, f"{prefix}{name}.", levels - 1)


def _is_called(place: Place, stream: str) -> bool:
    return bool(stream) and place.names[-1] in (stream, f"{stream}s", stream.removesuffix("s"))


def _is_wrapped(place: Place) -> bool:
    return not WRAPPERS.isdisjoint(place.names)


def _is_record(document: Mapping[str, Any], stream: str, place: Place) -> bool:
    """Say whether an object that holds a list is one record with its items, rather than an envelope."""
    if _is_called(place, stream) or (len(place.names) > 1 and place.names[0] in WRAPPERS):
        return False  # an envelope may have an id too, of the request
    names = {snake(name) for name, value in document.items() if isinstance(value, int | str) and value != ""}
    if names & set(key_names(stream, IDENTITIES)):
        return True
    return not _is_wrapped(place) and bool(names & set(key_names(stream, NUMBERS)))


def key_names(stream: str, names: Sequence[str]) -> list[str]:
    """Return names, and what they become with the stream's: id, order_id, id_order."""
    singular = snake(stream).removesuffix("s")
    return [*names, *(f"{singular}_{name}" for name in names), *(f"{name}_{singular}" for name in names)]
