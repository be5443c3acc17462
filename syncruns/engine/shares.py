"""Divides what was read into transactions: small pages share one, a large one may take several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from connections.sdk.declare import Key, Page, Stream, Table
from syncruns.engine.transform import Row, Typed, key_of, parent_key_of


@dataclass(frozen=True)
class Share:
    """What one transaction loads, in order. pages: those that end in it, and may move the checkpoint."""

    typed: tuple[Typed, ...]
    pages: tuple[Page, ...]


def shares(
    pages: Sequence[Page], typed: Sequence[Typed], stream: Stream, *, rows: int, divides: bool
) -> Iterator[Share]:
    """Yield transactions of about `rows` rows: whole pages, and parts of larger ones if divides.

    A checkpoint is in the last share of its page, so what was loaded before it is read and merged again after a loss.
    """
    waiting: list[tuple[Typed, Page]] = []
    count = 0
    for page, each in zip(pages, typed, strict=True):
        size = _size(each)
        if waiting and count + size > rows:
            yield _whole(waiting)
            waiting, count = [], 0
        if divides and size > rows:
            *parts, each = divided(page, each, stream, rows)
            for part in parts:
                yield Share((part,), ())
            size = _size(each)
        waiting.append((each, page))
        count += size
    if waiting:
        yield _whole(waiting)


def divided(page: Page, typed: Typed, stream: Stream, rows: int) -> list[Typed]:
    """Return a page in parts of about `rows` rows, children beside their parents; what else it tells is in the last.

    A page that tells which rows exist (sets, sweep) stays whole: its rows are looked at together. So does one with
    documents: they are kept together with the rows that name them.
    """
    if page.sets or page.sweep is not None or page.documents:
        return [typed]
    parts: list[Typed] = []
    part, size = Typed(), 0
    for table in stream.tables:
        if table.name in typed.sets:
            continue  # goes with its parents
        children = [child for child in stream.tables if child.parent == table.name and child.name in typed.sets]
        families = {child.name: _families(child, typed.rows[child.name]) for child in children}
        key = key_of(table)
        for row in typed.rows.get(table.name, ()):
            if size >= rows:
                parts.append(part)
                part, size = Typed(), 0
            part.rows.setdefault(table.name, []).append(row)
            size += 1
            for child in children:
                size += _add_family(part, child.name, key(row), families[child.name], typed.incomplete[child.name])
        for child in children:  # those whose parents are not in this page
            for family in families[child.name].values():
                part.rows.setdefault(child.name, []).extend(family)
    for each in parts:
        each.read = _size(each)
    rest = typed.read - sum(each.read for each in parts)
    return [*parts, replace(typed, rows=part.rows, sets=part.sets, incomplete=part.incomplete, read=rest)]


def _add_family(part: Typed, child: str, parent: Key, families: dict[Key, list[Row]], incomplete: set[Key]) -> int:
    """Add a parent's children to the part, be there none, and return how many there are."""
    family = families.pop(parent, [])
    part.sets.setdefault(child, []).append(parent)
    part.rows.setdefault(child, []).extend(family)
    part.incomplete.setdefault(child, set()).update({parent} & incomplete)
    return len(family)


def _families(table: Table, rows: Sequence[Row]) -> dict[Key, list[Row]]:
    families: dict[Key, list[Row]] = defaultdict(list)
    parent_of = parent_key_of(table)
    for row in rows:
        families[parent_of(row)].append(row)
    return families


def _size(typed: Typed) -> int:
    return sum(map(len, typed.rows.values()))


def _whole(waiting: Sequence[tuple[Typed, Page]]) -> Share:
    return Share(tuple(typed for typed, _page in waiting), tuple(page for _typed, page in waiting))
