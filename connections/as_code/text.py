"""YAML as Sincro writes and reads it: plain values, nothing guessed from how a text looks."""

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import Decimal
from typing import Any

import yaml

HEADING = "# Connections of Sincro, without secrets. To bring them in: manage.py connections import FILE\n"
WIDTH = 110


class NotYaml(ValueError):
    """The text cannot be read. line: where, from 1, if that is known; reason: the reader's own words."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason = reason
        self.line = line
        super().__init__(reason)


def write(document: dict[str, Any]) -> str:
    """Return the document as YAML, in the order it has."""
    body = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=WIDTH
    )  # fmt: skip
    return HEADING + body


def read(text: str) -> Any:
    """Return what the text holds: dicts, lists, texts, integers, Decimals, true, false and null. Raises NotYaml."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that understands less
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else None
        raise NotYaml(problem.problem or "", line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise NotYaml(type(problem).__name__) from None


class _Dumper(yaml.SafeDumper):
    """Long texts in lines of their own; the same list written twice, not referred to."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value and not any(line.endswith(" ") for line in value.split("\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


class _Loader(yaml.SafeLoader):
    """Reads 18:30, no, 010 and 2026-12-31 as the texts they are, and refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _value in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(0|[1-9][0-9]*)\.[0-9]+", "-+0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _loader, node: Decimal(node.value))
