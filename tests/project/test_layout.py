"""The shape of the project: where things may be, and how long they may get."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.console import ROOT

TOP_LEVEL = {"benchmarks", "config", "connections", "docs", "syncruns", "templates", "tests"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
DRAWERS = {"utils", "util", "utilities", "helpers", "common", "misc", "manager", "managers"}
ROOMS = ("benchmarks", "config", "connections", "syncruns", "tests")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_top_level_holds_the_rooms_and_nothing_else() -> None:
    found = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    assert found - {"var"} <= TOP_LEVEL | {"deploy"}
    assert found >= TOP_LEVEL


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_file_and_its_functions_are_short(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= LONGEST_FILE
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_no_text_to_translate_hides_in_a_formatted_string() -> None:
    """The program that collects texts does not look into them."""
    hidden = [
        f"{_name(path)}:{call.lineno}"
        for path in SOURCES
        for text in ast.walk(ast.parse(path.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("_", "gettext", "ngettext")
        if any(isinstance(argument, ast.Constant) for argument in call.args)
    ]
    assert hidden == []


def test_no_module_is_a_drawer() -> None:
    assert [_name(path) for path in SOURCES if DRAWERS & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_the_five_files_of_one_run_are_where_they_are_said_to_be() -> None:
    flow = ("syncruns/tasks.py", "syncruns/engine/sync.py", "syncruns/engine/transform.py")
    assert [name for name in flow if not (ROOT / name).is_file()] == []
    assert (ROOT / "syncruns/engine/warehouse").is_dir()
    assert (ROOT / "connections/connectors").is_dir()


def test_stylesheets_and_scripts_are_files() -> None:
    """The content policy forbids inline style and script, so no page's template may hold any.

    A letter is no page: mail programs fetch no stylesheet, so it brings its own.
    """
    letters = ROOT / "templates/mail"
    for path in (ROOT / "templates").rglob("*.html"):
        if path.is_relative_to(letters):
            continue
        text = path.read_text()
        assert "<style" not in text, path
        assert ' style="' not in text, path
        assert "<script>" not in text, path
        assert ' onclick="' not in text, path


def test_ci_runs_what_people_run() -> None:
    ci = ROOT / ".ci" / "run"
    assert ci.stat().st_mode & 0o100
    assert "make lint\nmake test\n" in ci.read_text()
