"""`manage.py rotate_keys`: stored credentials encrypted anew with today's first key of CREDENTIAL_KEYS."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connections import audit
from connections.command_line.base import ConsoleCommand, Exit, add_json
from connections.models import Connection
from connections.sdk.errors import SyncError


class Command(ConsoleCommand):
    about = gettext_lazy(
        "Encrypt the stored credentials with the first key of CREDENTIAL_KEYS, so that the others can be removed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        rotated, unreadable = 0, []
        for pk, slug in Connection.objects.order_by("slug").values_list("pk", "slug"):
            try:
                rotated += _rotate(pk)
            except SyncError:
                unreadable.append(slug)
        audit.record("secrets.rotated", actor=audit.COMMAND_LINE, connections=rotated, unreadable=unreadable)
        self.answer({"rotated": rotated, "unreadable": unreadable})
        self.say(
            ngettext(
                "%(count)s connection is encrypted with the first key.",
                "%(count)s connections are encrypted with the first key.",
                rotated,
            )
            % {"count": rotated}
        )
        if not unreadable:
            return Exit.SUCCESS
        self.say(_("No key fits the credentials of: %(names)s.") % {"names": ", ".join(unreadable)})
        if not self.as_json:
            self.explain_error("secrets_unreadable", {})
        return Exit.ACTION_NEEDED


@transaction.atomic
def _rotate(pk: int) -> bool:
    """Rotate one connection's secrets under its lock, so that a form saved meanwhile is not undone."""
    connection = Connection.objects.select_for_update().filter(pk=pk).first()
    if connection is None or not connection.secrets:
        return False
    # update() leaves updated_at alone: nobody changed the connection.
    return bool(Connection.objects.filter(pk=pk).update(secrets=connection.secrets.reveal()))
