"""The fields that say what a connection is, before its connector's settings."""

from __future__ import annotations

from connections import about, tags
from connections.sdk.settings import Setting
from connections.sdk.text import gettext_noop as _

NAME = Setting(
    "name",
    _("Name"),
    required=True,
    pattern=r".{1,100}",
    pattern_help=_("Use at most 100 characters."),
    help=_("This is how the connection appears in lists and warnings."),
)
TAGS = Setting(
    "tags",
    _("Tags"),
    validate=tags.check,
    placeholder=_("Sales, Branch South"),
    help=_("Words that lists are filtered by, with commas between them."),
)
DESCRIPTION = Setting(
    "description",
    _("Description"),
    "textarea",
    validate=about.check_description,
    help=_("What it is for, whom to ask: whatever others should know. It stands under the connection's name."),
)
SLUG = Setting(
    "slug",
    _("Short name"),
    pattern=r"[a-z0-9]+(-[a-z0-9]+)*",
    pattern_help=_("Use small letters without accents, digits and single hyphens."),
    help=_("Used in addresses and on the command line. Left empty, it is made from the name."),
)
