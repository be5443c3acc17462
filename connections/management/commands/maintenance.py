"""`manage.py maintenance`: the pages say that they are back soon, and open again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections.command_line.base import ConsoleCommand, Exit, add_json
from connections.people.maintenance import marker


class Command(ConsoleCommand):
    about = gettext_lazy("Close the pages for maintenance, or open them again. Syncing goes on.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", nargs="?", choices=("on", "off"), help=_("without it, says how it is"))
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        if options["state"] == "on":
            marker().touch()
        elif options["state"] == "off":
            marker().unlink(missing_ok=True)
        is_closed = marker().exists()
        self.answer({"maintenance": is_closed})
        self.say(_("The pages are closed for maintenance.") if is_closed else _("The pages are open."))
        return Exit.SUCCESS
