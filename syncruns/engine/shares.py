"""Divides what was read into transactions: small pages share one, a large one may take several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from connections.sdk.declare import Key, Page, Stream, Table
from syncruns.engine.transform import Row, Typed, key_of, parent_key_of


@dataclass(frozen=True)
class Share:
    """What one transaction loads, in order. pages: those that end in it, and may move the checkpoint.

    begun: those that begin in it, each with everything that it holds, also what other transactions load.
    """

    typed: tuple[Typed, ...] = ()
    pages: tuple[Page, ...] = ()
    begun: tuple[tuple[Page, Typed], ...] = ()


def shares(
    pages: Sequence[Page], typed: Sequence[Typed], stream: Stream, *, rows: Callable[[], int], divides: bool
) -> Iterator[Share]:
    """Yield transactions of about rows() rows: whole pages, and parts of larger ones if divides.

    A checkpoint is in the last share of its page, so what was loaded before it is read and merged again after a loss.
    """
    share = Share()
    for page, whole in zip(pages, typed, strict=True):
        if share.pages and sum(map(_size, share.typed)) + _size(whole) > rows():
            yield share
            share = Share()
        parts = divided(page, whole, stream, rows) if divides and _size(whole) > rows() else iter([whole])
        begun: tuple[tuple[Page, Typed], ...] = ((page, whole),)
        part = next(parts)
        for following in parts:
            yield Share((part,), (), begun)
            part, begun = following, ()
        share = Share((*share.typed, part), (*share.pages, page), (*share.begun, *begun))
    if share.pages:
        yield share


def divided(page: Page, typed: Typed, stream: Stream, rows: Callable[[], int]) -> Iterator[Typed]:
    """Yield a page in parts of about rows() rows, children beside their parents; what else it tells is in the last.

    A page that holds all rows of sets stays whole: they are looked at together. So does one with documents: they are
    kept together with the rows that name them.
    """
    if page.sets or page.documents:
        yield typed
        return
    part, size, read = Typed(), 0, 0
    for table in stream.tables:
        if table.name in typed.sets:
            continue  # goes with its parents
        children = [child for child in stream.tables if child.parent == table.name and child.name in typed.sets]
        families = {child.name: _families(child, typed.rows[child.name]) for child in children}
        key = key_of(table)
        for row in typed.rows.get(table.name, ()):
            if size >= rows():
                part.read = size
                yield part
                part, size, read = Typed(), 0, read + size
            part.rows.setdefault(table.name, []).append(row)
            size += 1
            for child in children:
                size += _add_family(part, child.name, key(row), families[child.name], typed.incomplete[child.name])
        for child in children:  # those whose parents are not in this page
            for family in families[child.name].values():
                part.rows.setdefault(child.name, []).extend(family)
                size += len(family)
    yield replace(typed, rows=part.rows, sets=part.sets, incomplete=part.incomplete, read=typed.read - read)


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
