"""What people say of a connection beside its settings: what it is called, and what it is for."""

from __future__ import annotations

import re

from connections.sdk.settings import Invalid, Rejected, SettingsInvalid
from connections.sdk.text import gettext_noop as _

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500


def checked_name(text: str) -> str:
    """Return a name on one line. Raises SettingsInvalid for none, or a long one."""
    name = " ".join(text.split())
    if not name:
        raise SettingsInvalid([Invalid(("name",), _("This field is required."))])
    if len(name) > LONGEST_NAME:
        raise SettingsInvalid([Invalid(("name",), _("Use at most 100 characters."))])
    return name


def tidied(text: str) -> str:
    """Return a description with its lines, and without the blanks around and between them that say nothing."""
    lines = [line.rstrip() for line in text.replace("\0", "").splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def checked_description(text: str) -> str:
    """Return a description tidied. Raises SettingsInvalid for a long one."""
    description = tidied(text)
    try:
        check_description(description)
    except Rejected as rejected:
        raise SettingsInvalid([Invalid(("description",), rejected.text, rejected.params)]) from None
    return description


def check_description(text: str) -> None:
    """Raise Rejected for a description that is too long."""
    if len(tidied(text)) > LONGEST_DESCRIPTION:
        raise Rejected(_("Use at most %(count)s characters."), count=LONGEST_DESCRIPTION)
