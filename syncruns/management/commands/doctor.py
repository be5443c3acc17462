"""`manage.py doctor`: is this installation well? A line per check with what to do; exit code 1 for a problem."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy

from connections.command_line.base import ConsoleCommand, Exit, add_json
from connections.sdk import VERSION
from syncruns.checkup import PROBLEM, WARNING, Check, examine, examine_vendors, worst
from syncruns.checkup.words import tell


class Command(ConsoleCommand):
    about = gettext_lazy("Check this installation: processes, scheduler, database, runs, sources, disk, keys.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        found = examine()
        found += examine_vendors(found)
        state = worst(found)
        self.answer(
            {
                "state": state,
                "version": VERSION,
                "checked_at": timezone.now(),
                "checks": [_answer(check) for check in found],
            }
        )
        for check in found:
            self._print(check)
        return Exit.PROBLEM if state == PROBLEM else Exit.SUCCESS

    def _print(self, check: Check) -> None:
        told = tell(check)
        style = {PROBLEM: self.style.ERROR, WARNING: self.style.WARNING}.get(check.state, self.style.SUCCESS)
        fix = f" {told.fix}" if check.state in (PROBLEM, WARNING) and told.fix else ""
        self.say(f"{style(str(told.look.word).ljust(8))} {told.title}: {told.text}{fix}")


def _answer(check: Check) -> dict[str, Any]:
    told = tell(check)
    return {
        "name": check.name,
        "state": check.state,
        "code": check.code,
        "params": {name: _plain(value) for name, value in check.params.items()},
        "message": told.text,
        "fix": told.fix if check.state in (PROBLEM, WARNING) else "",
    }


def _plain(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
