"""Proposes columns from records that a source really sent; a person decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.rest.names import free, snake
from connections.connectors.rest.paths import LIST, MISSING, ColumnPath, column_path, find
from connections.connectors.rest.places import IDENTITIES, NUMBERS, inside, key_names, places
from connections.connectors.rest.shape import POSITION, parent_key_name, records_checked
from connections.connectors.rest.values import moment
from connections.sdk.declare import ColumnType, Finding, Sample
from connections.sdk.parsing import parse_date, parse_decimal
from connections.sdk.text import gettext_noop as _

KEY_NAMES = (*IDENTITIES, *NUMBERS)
ITEM_KEY_NAMES = ("id", "uuid", "guid", "line", "linha", "sequencia")  # no codes: a product may stand on two lines
# What names of fields say of a person, one word or several.
PERSONAL = frozenset({
    "birthdate", "birthday", "celular", "cnh", "cpf", "dob", "email", "fone", "mobile", "nascimento", "nis",
    "passaporte", "passport", "phone", "pis", "rg", "ssn", "telefone", "whatsapp",
})  # fmt: skip
PERSONAL_PHRASES = (
    "birth_date", "date_of_birth", "e_mail", "first_name", "full_name", "last_name", "mother_name", "nome_completo",
    "nome_da_mae", "nome_mae",
)  # fmt: skip
LARGEST_INTEGER = 2**63 - 1
SCALES = (2, 6, 10)  # JSON drops closing zeros, so the decimals seen are fewer than those to come
PLAIN_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.(\d{2,})")
COMMA_DECIMAL = re.compile(r"-?(\d{1,3}(\.\d{3})+|0|[1-9]\d*),(\d{2,})")
DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4}")
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d|\d\d/\d\d/\d{4})[T ]\d\d:\d\d.*")


@dataclass
class Proposal:
    """One proposed column, with all values seen there."""

    path: str
    kind: ColumnType
    precision: int | None = None
    scale: int | None = None
    name: str = ""
    key: bool = False
    personal: bool = False

    @property
    def place(self) -> ColumnPath:
        return column_path(self.path)

    def as_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"path": self.path, "name": self.name, "type": self.kind, "key": self.key}
        row["personal"] = self.personal
        return {**row, "precision": self.precision, "scale": self.scale} if self.kind == "decimal" else row


def sample_of(document: Any, records: str, stream: str) -> Sample:
    """Return what an answer shows of a stream whose records the settings expect at the path `records`.

    Where there is an object that only holds them, its list is taken and its path told, as a value for `records`.
    Raises SyncError contract_changed for a list of anything but objects.
    """
    found = inside(document, records, stream)
    notes, beside = [], {}
    if found:
        beside["records"] = records = found[0].path
        params: dict[str, Any] = {"path": records, "count": found[0].count}
        notes.append(Finding("", "ok", _("The records were found at “%(path)s”, which is now filled in."), params))
        if others := [place.path for place in found[1:] if place.count]:
            text = _("Other lists in the answer: %(paths)s. To take one, write its path and remove these columns.")
            notes.append(Finding("", "warning", text, {"paths": ", ".join(others)}))
    there = find(document, records)
    read = there if isinstance(there, list) else [there] if isinstance(there, Mapping) else []
    columns = propose(list(records_checked(read)), stream)
    if not read:
        notes.append(Finding("", "warning", _("There are no records in the answer, so no columns can be proposed.")))
    elif isinstance(there, Mapping) and (lists := places(there, stream)):
        text = _("The answer is read as one record. If its list at “%(path)s” holds the records, write that path.")
        notes.append(Finding("", "warning", text, {"path": f"{records}.{lists[0].path}".lstrip(".")}))
    if columns and not any(column["key"] and LIST not in column["path"] for column in columns):
        notes.append(Finding("", "warning", _("No column tells the records apart for certain: mark the key.")))
    return Sample(columns, beside, notes)


def propose(records: Sequence[Mapping[str, Any]], stream: str) -> list[dict[str, Any]]:
    """Return rows of a `columns` setting for these records of a stream, the key marked where one is evident."""
    proposals = list(_of_object(records, "", levels=1, lists=True))
    own = [proposal for proposal in proposals if not proposal.place.list_path]
    _name(own, set())
    likely = key_names(stream, KEY_NAMES)
    wrappers = {name for record in records for name in record}
    if len(wrappers) == 1:  # each record lies in an object of its own: {"node": {"id": 1}}
        likely += [f"{snake(wrapper)}_{name}" for wrapper in wrappers for name in likely]
    key = _key(own, [records], likely)
    for list_path in dict.fromkeys(proposal.place.list_path for proposal in proposals if proposal.place.list_path):
        items = [proposal for proposal in proposals if proposal.place.list_path == list_path]
        _name(items, {POSITION, parent_key_name(stream, key.name) if key else ""})
        lists = [found for record in records if isinstance(found := find(record, list_path), list)]
        _key(items, lists, ITEM_KEY_NAMES)
    return [proposal.as_row() for proposal in proposals]


def _of_object(records: Sequence[Mapping[str, Any]], prefix: str, *, levels: int, lists: bool) -> Iterator[Proposal]:
    """Yield proposals for the names of these objects; levels: how many of objects below are taken apart."""
    for name in dict.fromkeys(name for record in records for name in record):
        values = [record[name] for record in records if name in record]
        yield from _of_values(values, f"{prefix}{name}", levels=levels, lists=lists)


def _of_values(values: list[Any], path: str, *, levels: int, lists: bool) -> Iterator[Proposal]:
    if not _is_addressable(path):
        return
    known = [value for value in values if value is not None and value != {} and value != []]
    if levels and known and all(isinstance(value, Mapping) for value in known):
        yield from _of_object(known, f"{path}.", levels=levels - 1, lists=lists)
    elif lists and known and all(_is_list_of_objects(value) for value in known):
        items = [item for value in known for item in value]
        yield from _of_object(items, f"{path}{LIST}.", levels=1, lists=False)
    elif any(isinstance(value, Mapping | list) for value in values):
        yield Proposal(path, "json")
    else:
        yield Proposal(path, *_scalar([value for value in known if value != ""]))


def _is_addressable(path: str) -> bool:
    """Say whether a path made of these names leads back to the value, which a name with [] or odd dots may not."""
    try:
        column_path(path)
    except ValueError:
        return False
    return path.count(LIST) <= 1


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) and item for item in value)


def _scalar(values: Sequence[Any]) -> tuple[ColumnType, int | None, int | None]:
    """Return type, precision and scale that hold these values, which are neither null nor nested nor empty."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean", None, None
    if bool in kinds and values:
        return "json", None, None
    if kinds == {int} and all(abs(value) <= LARGEST_INTEGER for value in values):
        return "integer", None, None
    if kinds and kinds <= {int, Decimal}:
        return _decimal([Decimal(value) for value in values])
    if kinds == {str}:
        return _text(values)
    return "text", None, None


def _text(values: Sequence[str]) -> tuple[ColumnType, int | None, int | None]:
    if _all_read(values, DATE, parse_date):
        return "date", None, None
    if _all_read(values, TIMESTAMP, lambda text: moment(text, ZoneInfo("UTC"))):
        return "timestamp", None, None
    for pattern in (PLAIN_DECIMAL, COMMA_DECIMAL):
        # The same number of decimals everywhere tells amounts from version numbers and the like.
        found = [pattern.fullmatch(value) for value in values]
        if len({len(match[match.re.groups]) if match else 0 for match in found}) == 1 and found[0]:
            return _decimal([parse_decimal(value, mark="." if pattern is PLAIN_DECIMAL else ",") for value in values])
    return "text", None, None


def _all_read(values: Sequence[str], pattern: re.Pattern[str], read: Any) -> bool:
    try:
        return all(pattern.fullmatch(value) and read(value) is not None for value in values)
    except ValueError:
        return False


def _decimal(values: Sequence[Decimal]) -> tuple[ColumnType, int | None, int | None]:
    seen = max(max(-int(value.as_tuple().exponent), 0) for value in values)
    whole = max(max(value.adjusted() + 1, 1) for value in values)
    scale = next((scale for scale in SCALES if scale >= seen), seen)
    precision = max(18, whole + scale + 4)
    return ("decimal", precision, scale) if precision <= 38 else ("text", None, None)


def _name(proposals: Sequence[Proposal], taken: set[str]) -> None:
    for proposal in proposals:
        proposal.name = free(snake(proposal.place.path), taken)
        taken.add(proposal.name)
        proposal.personal = _is_personal(snake(proposal.path))


def _is_personal(name: str) -> bool:
    words = name.split("_")
    return not PERSONAL.isdisjoint([*words, *(word.removesuffix("s") for word in words)]) or any(
        f"_{phrase}_" in f"_{name}_" for phrase in PERSONAL_PHRASES
    )


def _key(proposals: Sequence[Proposal], groups: Sequence[Sequence[Any]], likely: Sequence[str]) -> Proposal | None:
    """Mark and return the first likely column that tells the records of each group apart; None when none does."""
    by_name = {proposal.name: proposal for proposal in proposals if proposal.kind in ("integer", "text")}
    for name in likely:
        if name in by_name and all(_is_unique(group, by_name[name].place.path) for group in groups):
            by_name[name].key = True
            return by_name[name]
    return None


def _is_unique(records: Sequence[Any], path: str) -> bool:
    values = [find(record, path) for record in records]
    return not any(value is MISSING or value is None or value == "" for value in values) and len(
        {str(value) for value in values}
    ) == len(values)
