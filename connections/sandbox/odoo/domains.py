"""Search domains: what Odoo's prefix notation asks for, turned into a test on rows.

A parsed domain is a leaf ("field", "operator", value) or ["&" or "|", part, part] or ["!", part].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connections.sandbox.odoo.comparing import comparison
from connections.sandbox.odoo.failures import OdooError, value_error
from connections.sandbox.odoo.fields import X2MANY, Row
from connections.sandbox.odoo.store import Store

Test = Callable[[Row], bool]
Leaf = tuple[Any, str, Any]
OPERATORS = frozenset(
    ("=", "!=", "<", "<=", ">", ">=", "<>", "==", "in", "not in", "like", "not like", "ilike", "not ilike", "=like",
     "=ilike", "any", "not any", "=?")
)  # fmt: skip
ARITY = {"&": 2, "|": 2, "!": 1}
ALWAYS, NEVER = (1, "=", 1), (0, "=", 1)


def parse(domain: Any) -> list[Any]:
    """Return the parts of a domain that must all hold, each as a tree. Raises ValueError as Odoo names it."""
    if not isinstance(domain, (list, tuple)):
        raise value_error(f"Domain() invalid item in domain: {domain!r}")
    stack: list[Any] = []
    for item in reversed(domain):
        if isinstance(item, str):
            if item not in ARITY:
                raise value_error(f"Invalid leaf {item!r}")
            if len(stack) < ARITY[item]:
                raise OdooError("builtins.IndexError", "pop from empty list")
            stack.append([item, *(stack.pop() for _ in range(ARITY[item]))])
        else:
            stack.append(_leaf(item))
    return list(_flatten(reversed(stack)))


def _leaf(item: Any) -> Leaf:
    if not isinstance(item, (list, tuple)):
        raise value_error(f"Invalid leaf {item!r}")
    if len(item) != 3:
        some = "not enough values" if len(item) < 3 else "too many values"
        raise value_error(f"{some} to unpack (expected 3, got {len(item)})")
    name, operator, value = item
    if operator not in OPERATORS:
        raise value_error(f"Invalid leaf {tuple(item)!r}")
    return name, operator, value


def _flatten(parts: Iterable[Any]) -> Iterable[Any]:
    for part in parts:
        if isinstance(part, list) and part[0] == "&":
            yield from _flatten(part[1:])
        else:
            yield part


def names(parts: Iterable[Any]) -> set[str]:
    """Return the fields a parsed domain names, sub-domains left out."""
    found: set[str] = set()
    for part in parts:
        if isinstance(part, tuple):
            found.add(str(part[0]))
        else:
            found |= names(part[1:])
    return found


class Search:
    """Makes tests for domains on the rows of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def test(self, model: str, parts: Iterable[Any]) -> Test:
        """Return what says whether a row meets all parts of a parsed domain."""
        tests = [self._part(model, part) for part in parts]
        if len(tests) == 1:
            return tests[0]
        return lambda row: all(test(row) for test in tests)

    def candidates(self, model: str, parts: Iterable[Any]) -> list[int] | None:
        """Return the ids, ascending, that parts on ids or indexed many2ones leave; None without such a part."""
        found: set[int] | None = None
        for part in parts:
            ids = self._direct(model, part) if isinstance(part, tuple) else None
            if ids is not None:
                found = ids if found is None else found & ids
        return None if found is None else sorted(found)

    def _direct(self, model: str, leaf: Leaf) -> set[int] | None:
        name, operator, value = leaf
        if operator == "=" and isinstance(value, int) and not isinstance(value, bool):
            value = [value]
        elif operator != "in" or not isinstance(value, (list, tuple)):
            return None
        if name == "id":
            rows = self.store.rows(model)
            return {number for number in value if number in rows}
        if self.store.is_indexed(model, name) and all(isinstance(number, int) and number for number in value):
            return {child for number in value for child in self.store.children(model, name, number)}
        return None

    def _part(self, model: str, part: Any) -> Test:
        if isinstance(part, tuple):
            return self._leaf_test(model, part)
        tests = [self._part(model, each) for each in part[1:]]
        if part[0] == "!":
            return lambda row: not tests[0](row)
        if part[0] == "|":
            left, right = tests
            return lambda row: left(row) or right(row)
        return lambda row: all(test(row) for test in tests)

    def _leaf_test(self, model: str, leaf: Leaf) -> Test:
        if leaf in (ALWAYS, NEVER):
            return lambda _row: leaf == ALWAYS
        path, operator, value = leaf
        name, dot, rest = str(path).partition(".")
        field = self.store.schema.fields[model].get(name)
        if field is None:
            word = "leaf" if self.store.version == 17 else "condition"
            raise value_error(f"Invalid field {model}.{name} in {word} {leaf!r}")
        get = self.store.getter(model, field)
        if dot or operator in ("any", "not any"):
            if not field.relation:
                raise value_error(f"Invalid field {model}.{path} in leaf {leaf!r}")
            inner = [(rest, operator, value)] if dot else parse(value)
            reaches = self._reaching(field.relation, get, self.test(field.relation, inner))
            return (lambda row: not reaches(row)) if operator == "not any" and not dot else reaches
        if field.type == "many2one" and isinstance(value, str):
            compare = comparison(self.store.version, field, operator, value)
            return lambda row: compare(self.store.name_of(field.relation, get(row)))
        if field.type in X2MANY:
            return _holding(get, operator, value)
        compare = comparison(self.store.version, field, operator, value)
        return lambda row: compare(get(row))

    def _reaching(self, relation: str, get: Callable[[Row], Any], inner: Test) -> Test:
        rows = self.store.rows(relation)

        def reaches(row: Row) -> bool:
            reached = get(row)
            if not reached:
                return False
            if isinstance(reached, int):
                return reached in rows and inner(rows[reached])
            return any(inner(rows[number]) for number in reached if number in rows)

        return reaches


def _holding(get: Callable[[Row], Any], operator: str, value: Any) -> Test:
    """Return the test of an x2many field: it holds one of these ids, or none at all."""
    negative = operator in ("!=", "not in")
    if value is False or value is None:
        return lambda row: bool(get(row)) is negative
    wanted = set(value) if isinstance(value, (list, tuple)) else {value}
    return lambda row: wanted.isdisjoint(get(row)) is negative
