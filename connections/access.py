"""What the catalogue says of access: refused, ended, or not to this, which is no fault but a decision."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from connections.explanation import Entry

ACCESS: dict[str, Entry] = {
    "credentials_refused": Entry(
        _("Credentials refused"),
        _(
            "%(source)s did not accept the user, password or key; automatic syncing stopped so that "
            "the account is not locked."
        ),
        _("The password or key was changed, revoked or has expired."),
        (
            _("Get a valid user, password or key from the source."),
            _("Enter it in the connection's settings; it is tested before it is saved."),
        ),
        "edit_credentials",
    ),
    "credentials_expired": Entry(
        _("Credentials expired"),
        _("The access that %(source)s gave is no longer valid; automatic syncing stopped."),
        _("Keys and authorisations have an end date, and this one has passed."),
        (
            _("Create a new key or authorisation in the source."),
            _("Enter it in the connection's settings; it is tested before it is saved."),
        ),
        "edit_credentials",
    ),
    "permission_denied": Entry(
        _("Access denied"),
        _("%(source)s knows the user but does not let it read this."),
        _("The user lacks a right, or the plan does not include this access."),
        (_("Ask whoever manages the source to give this user read access."), _("Then retry.")),
    ),
    "credentials_expired.date": Entry(
        _("Credentials probably expired"),
        _(
            "%(source)s refused the access; automatic syncing stopped so that the account is not locked. "
            "%(secret)s: the connection says that it ended on %(on)s."
        ),
        _("Keys have an end date, and this one's has passed."),
        (
            _("Create a new key in the source, and write down its end date."),
            _("Enter both in the connection's settings; the key is tested before it is saved."),
        ),
        "edit_credentials",
    ),
    "unavailable": Entry(
        _("Not offered by the source"),
        _("%(source)s does not offer what this stream reads. The other streams are read as ever."),
        _("A module is missing there, the plan does not include it, or the user may not read it."),
        (
            _("Have it made available in the source (%(service)s); the next sync reads it by itself."),
            _("Or switch this stream off, if the company does not use it."),
        ),
        "stream_off",
    ),
    "unavailable.module": Entry(
        _("A module is missing in the source"),
        _(
            "%(source)s does not offer what this stream reads: the module %(module)s is not installed there. "
            "The other streams are read as ever."
        ),
        _("The company does not use this module, or it was uninstalled."),
        (
            _("Have the module %(module)s installed in the source; the next sync reads the stream by itself."),
            _("Or switch this stream off, if the company does not use it."),
        ),
        "stream_off",
    ),
    "unavailable.right": Entry(
        _("The user may not read this"),
        _("%(source)s does not let this user read what this stream reads. The other streams are read as ever."),
        _("The user lacks the right to read it, or access to one of the companies."),
        (
            _("Ask whoever manages the source to let this user read %(service)s; the next sync reads it by itself."),
            _("Or switch this stream off, if it is not needed."),
        ),
        "stream_off",
    ),
}
