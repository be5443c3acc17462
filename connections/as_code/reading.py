"""Checks the shape of a file before anything of it is tried: what is where, and whether it can be meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connections.as_code.document import RHYTHMS, STREAM_FIELDS, TIMING, VERSION
from connections.connectors import REGISTRY
from connections.sdk.settings import Invalid, SettingsInvalid
from connections.sdk.text import gettext_noop as _

FIELDS = ("name", "description", "kind", "auto_sync", "tags", "schedule", "settings", "secrets", "streams")
SHAPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "description": (str,),
    "kind": (str,),
    "auto_sync": (bool,),
    "tags": (list,),
    "schedule": (dict,),
    "settings": (dict,),
    "secrets": (dict,),
    "streams": (dict,),
}
STREAM_SHAPES: dict[str, type] = {"enabled": bool, "first_since": str}  # the others are numbers
FROM_ENVIRONMENT = "env:"
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Wanted:
    """One connection as a file asks for it; None: the file does not say, so it stays as it is.

    secrets: those whose environment variable is set. absent: secret -> the variable that is not.
    """

    slug: str
    kind: str
    name: str | None = None
    description: str | None = None
    auto_sync: bool | None = None
    tags: list[str] | None = None
    schedule: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    streams: dict[str, dict[str, Any]] | None = None
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    absent: dict[str, str] = field(default_factory=dict)


def wanted_of(document: Any) -> list[Wanted]:
    """Return the connections of a file's document. Raises SettingsInvalid with everything that cannot be meant."""
    problems: list[Invalid] = []
    if not isinstance(document, Mapping) or not isinstance(document.get("connections"), Mapping):
        raise SettingsInvalid(
            [Invalid((), _("The file has no list of connections; write one with connections export."))]
        )
    if document.get("version") != VERSION:
        problems.append(Invalid(("version",), _("This version of the file is not known here.")))
    _only(document, ("version", "connections"), (), problems)
    found = [_wanted(slug, value, problems) for slug, value in document["connections"].items()]
    if problems:
        raise SettingsInvalid(problems)
    return [one for one in found if one is not None]


def _wanted(slug: str, value: Any, problems: list[Invalid]) -> Wanted | None:
    here: Path = (slug,)
    if not isinstance(value, Mapping):
        problems.append(Invalid(here, _("Write the fields of the connection.")))
        return None
    _only(value, FIELDS, here, problems)
    given = {name: value[name] for name in FIELDS if value.get(name) is not None}
    for name in [name for name in given if not isinstance(given[name], SHAPES[name])]:
        problems.append(Invalid((*here, name), _("This value does not have the expected form.")))
        del given[name]
    kinds = [connector.kind for connector in REGISTRY]
    if given.get("kind") not in kinds:
        known = {"choices": ", ".join(kinds)}
        problems.append(Invalid((*here, "kind"), _("Choose one of: %(choices)s."), known))
        return None
    secrets, absent = _secrets(given.pop("secrets", {}), (*here, "secrets"), problems)
    schedule = given.pop("schedule", None)
    streams = given.pop("streams", None)
    tags = given.pop("tags", None)
    return Wanted(
        slug=slug,
        **given,
        tags=[str(tag) for tag in tags] if tags is not None else None,
        schedule=_schedule(schedule, (*here, "schedule"), problems) if schedule is not None else None,
        streams=_streams(streams, (*here, "streams"), problems) if streams is not None else None,
        secrets=secrets,
        absent=absent,
    )


def _only(value: Mapping[str, Any], known: tuple[str, ...], path: Path, problems: list[Invalid]) -> None:
    for name in value:
        if name not in known:
            problems.append(Invalid((*path, name), _("There is no setting called %(name)s."), {"name": name}))


def _secrets(given: Mapping[str, Any], path: Path, problems: list[Invalid]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the secrets whose variable is set, and the variables of the others. No value is ever repeated."""
    found: dict[str, str] = {}
    absent: dict[str, str] = {}
    for name, source in given.items():
        text = str(source or "")
        variable = text.removeprefix(FROM_ENVIRONMENT)
        if not text.startswith(FROM_ENVIRONMENT) or not variable:
            problems.append(
                Invalid((*path, name), _("A file holds no secret; write env:NAME, and set the variable NAME."))
            )
        elif os.environ.get(variable):
            found[name] = os.environ[variable]
        else:
            absent[name] = variable
    return found, absent


def _schedule(given: Mapping[str, Any], path: Path, problems: list[Invalid]) -> dict[str, Any]:
    """Return the schedule as services take it."""
    _only(given, (*RHYTHMS, *TIMING), path, problems)
    schedule = {name: given[name] for name in TIMING if given.get(name) is not None}
    rhythms = [name for name in RHYTHMS if given.get(name) is not None]
    if len(rhythms) > 1:
        text = _("Choose one of: %(choices)s.")
        problems.append(Invalid(path, text, {"choices": ", ".join(RHYTHMS)}))
    for name in rhythms:
        kind, column = RHYTHMS[name]
        schedule |= {"schedule_kind": kind.value, column: given[name]}
    return schedule


def _streams(given: Mapping[str, Any], path: Path, problems: list[Invalid]) -> dict[str, dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = {}
    for stream, value in given.items():
        here = (*path, stream)
        if not isinstance(value, Mapping):
            problems.append(Invalid(here, _("This value does not have the expected form.")))
            continue
        _only(value, STREAM_FIELDS, here, problems)
        for name in STREAM_FIELDS:
            if value.get(name) is not None and type(value[name]) is not STREAM_SHAPES.get(name, int):
                problems.append(Invalid((*here, name), _("This value does not have the expected form.")))
        chosen[stream] = {name: value.get(name) for name in STREAM_FIELDS}
        if isinstance(value.get("first_since"), str):
            chosen[stream]["first_since"] = _moment(value["first_since"], (*here, "first_since"), problems)
    return chosen


def _moment(text: str, path: Path, problems: list[Invalid]) -> datetime | None:
    """Return a moment with its zone; 2026-12-31T00:00:00-03:00."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problems.append(Invalid(path, _("Write a date and time with its zone, such as 2026-12-31T23:59:59Z.")))
    return moment
