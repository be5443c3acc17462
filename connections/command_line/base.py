"""The manner of Sincro's commands: exit codes, language, people's output or JSON, failures without a traceback."""

from __future__ import annotations

import difflib
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from connections.catalogue import explain
from connections.models import Connection
from connections.sdk.errors import CODES, SyncError
from connections.sdk.settings import SettingsInvalid


class Exit(IntEnum):
    """What a command's exit code says; scripts rely on it."""

    SUCCESS = 0
    PROBLEM = 1  # what doctor found
    USAGE = 2
    PARTIAL = 3
    ACTION_NEEDED = 4
    FAILED = 5


class Refused(Exception):
    """The command cannot be done as asked. code and params are for programs, text for people."""

    def __init__(self, text: str, *, code: str = "usage", exit_code: Exit = Exit.USAGE, **params: Any) -> None:
        self.text = text
        self.code = code
        self.exit_code = exit_code
        self.params = params
        super().__init__(code)


class ConsoleCommand(BaseCommand):
    """A command that implements run(options) and answers an Exit; expected failures are printed here, once."""

    about: str | Promise  # what --help says first
    requires_system_checks = ()  # they take longer than most commands

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        with translation.override(terminal_language()):
            parser = super().create_parser(prog_name, subcommand, **kwargs)
            parser.description = str(self.about)
        return parser

    def run(self, options: dict[str, Any]) -> Exit:
        """Do the command's work. May raise Refused, SettingsInvalid, SyncError."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json: bool = options["json"]
        with translation.override(terminal_language()):
            code = self._outcome(options)
        if code:
            sys.exit(code)

    def say(self, text: str = "") -> None:
        """Write a line for people; nothing when the answer is JSON."""
        if not self.as_json:
            self.stdout.write(text)

    def answer(self, document: Any) -> None:
        """Write the JSON answer; nothing when people read."""
        if self.as_json:
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write aligned columns."""
        lines = [list(headers), *map(list, rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def explain_error(self, code: str, params: Mapping[str, Any], label: str = "") -> None:
        """Write what happened and how to fix it."""
        explanation = explain(code, params, label)
        self._complain(str(explanation.title))
        self._complain(str(explanation.sentence), plain=True)
        for step in explanation.steps:
            self._complain(f"- {step}", plain=True)

    def _outcome(self, options: dict[str, Any]) -> int:
        try:
            code = self.run(options)
            self.stdout.flush()
        except Refused as refused:
            return self._fail(refused.exit_code, refused.code, refused.params, [refused.text])
        except SettingsInvalid as invalid:
            problems = [(".".join(map(str, problem.path)), told(problem)) for problem in invalid.problems]
            params = {"problems": [{"path": path, "message": text} for path, text in problems]}
            return self._fail(
                Exit.USAGE, "settings_invalid", params, [f"{path}: {text}" if path else text for path, text in problems]
            )
        except SyncError as error:
            self.answer({"error": {"code": error.code, "params": error.params}})
            self.explain_error(error.code, error.params)
            return exit_of(error.code)
        except (OperationalError, InterfaceError, ProgrammingError) as problem:
            # The class says enough; the text may hold the server's address and statement.
            text = _("The database does not answer, or has no tables yet (manage.py migrate creates them).")
            return self._fail(Exit.FAILED, "database_unavailable", {"kind": type(problem).__name__}, [text])
        except KeyboardInterrupt:
            return self._fail(Exit.FAILED, "interrupted", {}, [_("Stopped.")])
        except BrokenPipeError:
            # Whoever read our output went away; point what is still buffered nowhere, so that leaving is quiet.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Exit.FAILED
        return code

    def _fail(self, exit_code: Exit, code: str, params: Mapping[str, Any], lines: Sequence[str]) -> Exit:
        self.answer({"error": {"code": code, "params": params, "message": "\n".join(lines)}})
        for line in lines:
            self._complain(line)
        return exit_code

    def _complain(self, text: str, *, plain: bool = False) -> None:
        if not self.as_json:
            self.stderr.write(text, (lambda line: line) if plain else None)


def add_json(parser: ArgumentParser) -> None:
    """Give a command, or one of its actions, the --json flag."""
    parser.add_argument("--json", action="store_true", help=_("answer JSON, for programs"))


def exit_of(code: str) -> Exit:
    """Return the exit code for an error code."""
    return Exit.ACTION_NEEDED if code in CODES and CODES[code].needs_person else Exit.FAILED


def terminal_language() -> str:
    """English when the terminal's locale is English, else the console's own language."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    return "en" if locale.lower().startswith("en") else settings.LANGUAGE_CODE


def told(marked: Any) -> str:
    """Return the sentence of a marked text and its params (Invalid, Rejected, Finding) in the active language."""
    text = _(marked.text) if marked.text else ""
    return text % marked.params if marked.params else text


def named_connection(slug: str) -> Connection:
    """Return the connection. Raises Refused with names like it."""
    found = Connection.objects.filter(slug=slug, deletion="").first()
    if found is None:
        text = _("There is no connection called %(name)s.") % {"name": slug}
        refuse_unknown(
            text, "unknown_connection", slug, Connection.objects.filter(deletion="").values_list("slug", flat=True)
        )
    return found


def refuse_unknown(text: str, code: str, name: str, known: Iterable[str]) -> NoReturn:
    """Raise Refused for a name that nothing has, with the names that look like it."""
    suggestions = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if suggestions:
        text += " " + _("Did you mean %(names)s?") % {"names": ", ".join(suggestions)}
    raise Refused(text, code=code, name=name, suggestions=suggestions)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
