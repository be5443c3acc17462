"""Settings a connector declares, and the one check that forms, command line and imports share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connections.sdk.text import gettext_noop as _

SettingType = Literal["text", "secret", "number", "choice", "boolean", "date", "list", "textarea", "rows", "columns"]

REQUIRED = {  # in words, where there is no field to fill in
    "rows": _("There is none yet. Add at least one."),
    "columns": _("There are no columns yet. Read a sample, or add at least one."),
}
COLUMN_TYPES = ("text", "integer", "decimal", "boolean", "date", "timestamp", "json")
COLUMN_PARTS = ("path", "name", "type", "precision", "scale", "key", "personal")
COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True)
class Invalid:
    """One value that cannot be accepted. path: where, e.g. ("streams", 0, "path"); text % params says why."""

    path: tuple[str | int, ...]
    text: str
    params: Mapping[str, Any] = field(default_factory=dict)


class SettingsInvalid(Exception):
    """Raised by check_settings; holds every problem found, not only the first."""

    def __init__(self, problems: Sequence[Invalid]) -> None:
        self.problems = tuple(problems)
        super().__init__(", ".join(".".join(map(str, problem.path)) for problem in problems))


class Rejected(ValueError):
    """Raised by a Setting's own validate: text is marked with gettext_noop, params fill it.

    at: where inside the value, e.g. (0, "columns") for a field of a list's first row.
    """

    def __init__(self, text: str, *, at: tuple[str | int, ...] = (), **params: Any) -> None:
        self.text = text
        self.params = params
        self.at = at
        super().__init__(text)


def whole(value: Any) -> None:
    """Raise Rejected for a number with decimals."""
    if not isinstance(value, int):
        raise Rejected(_("Write a whole number."))


def check_zone(value: str) -> None:
    """Raise Rejected for what is no name of a time zone."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise Rejected(_("Write a time zone such as America/Sao_Paulo.")) from None


@dataclass(frozen=True)
class Setting:
    """One value a connection needs.

    list: a list of texts, typed one a line. date: kept as "2026-12-31".
    rows: a list of dicts, each checked against `fields`.
    columns: a list of {"path", "name", "type", "precision", "scale", "key", "personal"} (COLUMN_TYPES), shown as a
    small table that a sample of the source can fill in.
    destination: changing it clears the stored secrets, so that nobody can point them at a host of his own.
    identity: changing it would mix two companies' rows, so it demands a reset or a new connection.
    shown_if: (name of a choice or boolean setting beside it, the values for which this one counts).
    env: the environment variable that gives new connections this value; of a list, separated by commas.
    offered_from: the settings with which Connector.offer can ask the source for choices of this one (text or list).
    expires: for a date, the name of the secret that ends on it; people are warned before.
    advanced: rarely touched; forms fold it away while it holds its default.
    personal: it names a person, so logs do not tell it.
    """

    name: str
    label: str
    type: SettingType = "text"
    required: bool = False
    default: Any = None
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    pattern: str | None = None
    pattern_help: str = ""
    placeholder: str = ""
    validate: Callable[[Any], None] | None = None
    destination: bool = False
    identity: bool = False
    shown_if: tuple[str, tuple[Any, ...]] | None = None
    fields: tuple[Setting, ...] = ()
    env: str = ""
    offered_from: tuple[str, ...] = ()
    expires: str = ""
    advanced: bool = False
    personal: bool = False

    def __post_init__(self) -> None:
        if self.env and self.type in ("rows", "columns"):
            raise ValueError(f"setting {self.name}: a variable cannot hold {self.type}")
        if self.offered_from and self.type not in ("text", "list"):
            raise ValueError(f"setting {self.name}: only text and list can be offered by the source")
        if self.expires and self.type != "date":
            raise ValueError(f"setting {self.name}: only a date can say when a secret ends")

    @property
    def is_secret(self) -> bool:
        return self.type == "secret"

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Say whether the setting matters given the values of the settings beside it."""
        return self.shown_if is None or values.get(self.shown_if[0]) in self.shown_if[1]


def check_settings(
    settings: Sequence[Setting],
    values: Mapping[str, Any],
    *,
    stored_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """Return values typed and completed with defaults, secrets included as text; unknown names are refused.

    A required secret left empty is accepted when its name is in stored_secrets, and is then absent from the
    answer; settings whose shown_if does not hold are absent too. Raises SettingsInvalid with every problem.
    """
    problems: list[Invalid] = []
    checked = _check(settings, values, (), problems, set(stored_secrets))
    if problems:
        raise SettingsInvalid(problems)
    return checked


def check_needed(
    settings: Sequence[Setting],
    values: Mapping[str, Any],
    needed: Sequence[str],
    *,
    stored_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """Return values typed as check_settings does, though only those needed must be right; others may be empty.

    Raises SettingsInvalid with the problems of those needed.
    """
    problems: list[Invalid] = []
    checked = _check(settings, values, (), problems, set(stored_secrets))
    wrong = [problem for problem in problems if problem.path[0] in needed]
    if wrong:
        raise SettingsInvalid(wrong)
    empty = {setting.name: _empty_value(setting) for setting in settings if not setting.is_secret}
    return {**{name: value for name, value in empty.items() if name not in checked}, **checked}


def _check(
    settings: Sequence[Setting],
    values: Mapping[str, Any],
    path: tuple[str | int, ...],
    problems: list[Invalid],
    stored_secrets: set[str],
) -> dict[str, Any]:
    known = {setting.name for setting in settings}
    problems.extend(
        Invalid((*path, name), _("There is no setting called %(name)s."), {"name": name})
        for name in values
        if name not in known
    )
    checked: dict[str, Any] = {}
    for setting in settings:
        if not setting.counts(checked):
            continue
        here = (*path, setting.name)
        raw = values.get(setting.name)
        if _is_empty(raw):
            raw = setting.default
        if _is_empty(raw):
            if setting.required and not (setting.is_secret and setting.name in stored_secrets):
                problems.append(Invalid(here, REQUIRED.get(setting.type, _("This field is required."))))
            elif not setting.is_secret:
                checked[setting.name] = _empty_value(setting)
            continue
        earlier = len(problems)
        try:
            value = _typed(setting, raw, here, problems)
            if setting.validate is not None and len(problems) == earlier:
                setting.validate(value)
        except Rejected as rejected:
            problems.append(Invalid((*here, *rejected.at), rejected.text, rejected.params))
        else:
            checked[setting.name] = value
    return checked


def _is_empty(raw: Any) -> bool:
    return raw is None or raw == [] or (isinstance(raw, str) and not raw.strip())


def _empty_value(setting: Setting) -> Any:
    if setting.type in ("list", "rows", "columns"):
        return []
    if setting.type == "boolean":
        return False
    return None if setting.type == "number" else ""


def _typed(setting: Setting, raw: Any, path: tuple[str | int, ...], problems: list[Invalid]) -> Any:
    match setting.type:
        case "number":
            return _number(setting, raw)
        case "boolean":
            return _boolean(raw)
        case "date":
            return _date(raw)
        case "choice":
            value = str(raw)
            if value not in {choice for choice, _label in setting.choices}:
                offered = ", ".join(choice for choice, _label in setting.choices)
                raise Rejected(_("Choose one of: %(choices)s."), choices=offered)
            return value
        case "list":
            lines = raw.splitlines() if isinstance(raw, str) else raw
            if not isinstance(lines, list):
                raise Rejected(_("Write a list."))
            return [str(line).strip() for line in lines if str(line).strip()]
        case "rows":
            return _rows(setting, raw, path, problems)
        case "columns":
            return _columns(raw, path, problems)
        case _:
            return _text(setting, raw)


def _text(setting: Setting, raw: Any) -> str:
    if not isinstance(raw, str | int | Decimal):
        raise Rejected(_("Write a text."))
    # A secret's own spaces may matter; its line end never does.
    value = str(raw).strip("\r\n") if setting.is_secret else str(raw).strip()
    if setting.pattern and not re.fullmatch(setting.pattern, value):
        raise Rejected(setting.pattern_help or _("This value does not have the expected form."))
    return value


def _number(setting: Setting, raw: Any) -> int | str:
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise Rejected(_("Write a number.")) from None
    if not number.is_finite():
        raise Rejected(_("Write a number."))
    if setting.minimum is not None and number < setting.minimum:
        raise Rejected(_("The smallest value accepted is %(minimum)s."), minimum=str(setting.minimum))
    if setting.maximum is not None and number > setting.maximum:
        raise Rejected(_("The largest value accepted is %(maximum)s."), maximum=str(setting.maximum))
    # Values are stored as JSON: whole numbers as integers, others as exact text.
    return int(number) if number == number.to_integral_value() else str(number)


def _date(raw: Any) -> str:
    text = str(raw).strip()
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Rejected(_("Write a date such as 2026-12-31 or 31/12/2026."))


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in ("1", "true", "on", "yes", "sim"):
        return True
    if word in ("0", "false", "off", "no", "não", "nao"):
        return False
    raise Rejected(_("Write yes or no."))


def _rows(setting: Setting, raw: Any, path: tuple[str | int, ...], problems: list[Invalid]) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        raise Rejected(_("Write a list of entries, each with its fields."))
    return [_check(setting.fields, row, (*path, number), problems, set()) for number, row in enumerate(raw)]


def _columns(raw: Any, path: tuple[str | int, ...], problems: list[Invalid]) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        raise Rejected(_("Write a list of columns."))
    columns: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(raw):
        here = (*path, number)
        source = str(row.get("path") or "").strip()
        name = str(row.get("name") or "").strip()
        kind = str(row.get("type") or "text")
        column: dict[str, Any] = {"path": source, "name": name, "type": kind}
        for flag in ("key", "personal"):
            column[flag] = _flag(row.get(flag), (*here, flag), problems)
        problems.extend(
            Invalid((*here, other), _("There is no setting called %(name)s."), {"name": other})
            for other in row
            if other not in COLUMN_PARTS
        )
        if not source:
            problems.append(Invalid((*here, "path"), _("Say where in the record the value is.")))
        if not COLUMN_NAME.fullmatch(name):
            problems.append(
                Invalid((*here, "name"), _("Use small letters without accents, digits and _, starting with a letter."))
            )
        if kind not in COLUMN_TYPES:
            problems.append(
                Invalid((*here, "type"), _("Choose one of: %(choices)s."), {"choices": ", ".join(COLUMN_TYPES)})
            )
        list_path = source.rpartition("[]")[0]  # the same name may stand once in the parent and once in each child
        if (list_path, name) in seen:
            problems.append(Invalid((*here, "name"), _("This column name is used twice.")))
        seen.add((list_path, name))
        if kind == "decimal":
            column["precision"] = _digits(row.get("precision"), 18, (*here, "precision"), problems)
            column["scale"] = _digits(row.get("scale"), 6, (*here, "scale"), problems)
            if column["precision"] == 0:
                problems.append(Invalid((*here, "precision"), _("Write a whole number from 1 to 38.")))
            if column["scale"] > column["precision"]:
                problems.append(Invalid((*here, "scale"), _("More decimals than digits in all.")))
        columns.append(column)
    return columns


def _flag(raw: Any, path: tuple[str | int, ...], problems: list[Invalid]) -> bool:
    try:
        return _boolean(raw or False)
    except Rejected as rejected:
        problems.append(Invalid(path, rejected.text))
        return False


def _digits(raw: Any, default: int, path: tuple[str | int, ...], problems: list[Invalid]) -> int:
    try:
        digits = int(str(raw)) if not _is_empty(raw) else default
    except ValueError:
        digits = -1
    if not 0 <= digits <= 38:
        problems.append(Invalid(path, _("Write a whole number from 0 to 38.")))
        return default
    return digits
