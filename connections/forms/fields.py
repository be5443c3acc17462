"""What a template needs to draw a setting: names, texts in the reader's language, value, what is wrong, focus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext

from connections.forms.entries import LISTS, Path, Values, fields_of
from connections.forms.offers import carried
from connections.sdk.settings import Invalid, Setting

LONGEST_SHORT_CHOICE = 32  # characters that half a form shows whole


def words(text: str, params: Mapping[str, object] | None = None) -> str:
    """Return a declared text in the reader's language."""
    if not text:
        return ""  # gettext("") answers the catalogue's header
    return gettext(text) % params if params else gettext(text)


@dataclass
class Entry:
    """One entry of a list, with its fields."""

    path: Path
    fields: list[Field]
    is_open: bool = False

    @property
    def position(self) -> int:
        return int(self.path[-1]) + 1

    @property
    def remove(self) -> str:
        return ":".join(["remove", *map(str, self.path[1:])])

    @property
    def title(self) -> str:
        """Its label; without one what its first text says: a name, the field of a column."""
        texts = {one.setting.name: str(one.value) for one in self.fields if one.setting.type == "text"}
        return texts.get("label") or next(iter(texts.values()), "")

    @property
    def column_count(self) -> int | None:
        return next((len(one.entries) for one in self.fields if one.setting.type == "columns"), None)

    @property
    def cells(self) -> dict[str, Field]:
        return {one.setting.name: one for one in self.fields}


@dataclass
class Field:
    """A setting as it stands in the form. path begins with the part of the form, such as config."""

    setting: Setting
    path: Path
    value: object
    errors: list[str]
    neighbours: Sequence[Setting] = ()
    entries: list[Entry] = field(default_factory=list)
    note: str = ""  # what else to say beside it
    placeholder: str = ""
    has_focus: bool = False
    offers: Sequence[tuple[str, str]] | None = None  # (value, label) from the source, once it was asked

    @property
    def name(self) -> str:
        return ":".join(map(str, self.path))

    @property
    def id(self) -> str:
        return "-".join(map(str, self.path))

    @property
    def add(self) -> str:
        return ":".join(["add", *map(str, self.path[1:])])

    @property
    def suggest(self) -> str:
        return ":".join(["suggest", *map(str, self.path[1:])])

    @property
    def replace(self) -> str:
        return ":".join(["replace", *map(str, self.path[1:])])

    @property
    def offer(self) -> str:
        """The button that asks the source what it offers; empty when it cannot say."""
        return ":".join(["offer", *map(str, self.path[1:])]) if self.setting.offered_from else ""

    @property
    def carried_offers(self) -> str:
        return carried(self.offers or ())

    @property
    def boxes(self) -> list[tuple[str, str, bool]]:
        """(value, label, whether it is ticked) of a list's offers; what was typed and is not offered stays, ticked."""
        given = [line.strip() for line in str(self.value).splitlines() if line.strip()]
        offered = {value: label for value, label in self.offers or ()}
        others = {value: "" for value in given if value not in offered}
        return [(value, label, value in given) for value, label in (offered | others).items()]

    @property
    def label(self) -> str:
        return words(self.setting.label)

    @property
    def help(self) -> str:
        return words(self.setting.help)

    @property
    def has_help_beside(self) -> bool:
        """Settings of the connection itself are explained in a column of their own."""
        return self.path[0] != "config" or len(self.path) > 2

    @property
    def is_short(self) -> bool:
        """Two such fields fit beside each other."""
        if self.setting.type == "choice":
            return all(len(label) <= LONGEST_SHORT_CHOICE for _value, label, _chosen in self.choices)
        is_inside = self.path[0] in ("about", "schedule") or len(self.path) > 2
        return self.setting.type in ("number", "date") or (is_inside and self.setting.type == "text")

    @property
    def shown_placeholder(self) -> str:
        return self.placeholder or words(self.setting.placeholder)

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """(value, label, whether it is chosen)."""
        return [(value, words(label), value == self.value) for value, label in self.setting.choices]

    @property
    def is_required(self) -> bool:
        return self.setting.required and self.setting.type != "boolean"

    @property
    def is_optional(self) -> bool:
        """Whether leaving it empty says something; a default is no such thing."""
        return not self.setting.required and self.setting.default in (None, "")

    @property
    def described_by(self) -> str:
        parts = {"error": self.errors, "help": self.help, "note": self.note, "only": self.depends_on}
        return " ".join(f"{self.id}-{part}" for part, there in parts.items() if there)

    @property
    def depends_on(self) -> str:
        """The form name of the setting that decides whether this one counts."""
        return ":".join(map(str, (*self.path[:-1], self.setting.shown_if[0]))) if self.setting.shown_if else ""

    @property
    def depends_values(self) -> str:
        """The values with which it counts, as the form sends them, one a line."""
        if not self.setting.shown_if:
            return ""
        as_sent = {True: "on", False: ""}
        return "\n".join(as_sent.get(value, str(value)) for value in self.setting.shown_if[1])

    @property
    def only_when(self) -> str:
        """In words, for whom nothing is hidden: "Only with Authentication: Basic, Bearer."."""
        if not self.setting.shown_if:
            return ""
        name, values = self.setting.shown_if
        other = next((one for one in self.neighbours if one.name == name), None)
        if other is None:
            return ""
        labels = dict(other.choices)
        said = [
            words(labels[value]) if value in labels else gettext("yes") if value is True else gettext("no")
            for value in values
        ]
        params = {"setting": words(other.label), "values": ", ".join(said)}
        return gettext("Only with %(setting)s: %(values)s.") % params


def build(
    settings: Sequence[Setting],
    values: Values,
    path: Path,
    problems: Mapping[Path, Sequence[Invalid]],
    opened: Path = (),
) -> list[Field]:
    """Return a field for every setting; entries with a problem, the one at opened, and an only one are open.

    An only one is closed if opened is a setting beside it: who comes to change that one wants no long way to the end.
    """
    is_beside = opened[:-1] == path and bool(path)
    fields = []
    for setting in settings:
        here = (*path, setting.name)
        errors = [words(problem.text, problem.params) for problem in problems.get(here, ())]
        one = Field(setting, here, values.get(setting.name, ""), errors, neighbours=settings)
        if setting.type in LISTS:
            given: list[Values] = values[setting.name]
            for number, entry in enumerate(given):
                inside = (*here, number)
                one.entries.append(
                    Entry(
                        inside,
                        build(fields_of(setting), entry, inside, problems, opened),
                        is_open=(len(given) == 1 and not (is_beside and opened != here))
                        or opened[: len(inside)] == inside
                        or any(where[: len(inside)] == inside for where in problems),
                    )
                )
        fields.append(one)
    return fields


def walk(fields: Sequence[Field]) -> Iterator[Field]:
    """Yield fields and the fields inside their entries, in the order a reader meets them."""
    for one in fields:
        yield one
        for entry in one.entries:
            yield from walk(entry.fields)
