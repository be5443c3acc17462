"""What the catalogue says when source and console speak past each other."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from connections.explanation import Entry

MISUNDERSTOOD: dict[str, Entry] = {
    "bad_response.other_service": Entry(
        _("Something else answers there"),
        _("What answers at the address of %(source)s is no %(expected)s."),
        _("The address is that of another site, or something stands before it."),
        (_("Enter the address that opens %(expected)s in the browser."), _("Test, then save.")),
        "edit_settings",
    ),
    "contract_changed.question": Entry(
        _("The source did not understand the question"),
        _("%(source)s could not answer what it was asked (%(status)s)."),
        _("The source was updated, or something installed in it fails on some record."),
        (
            _("Show the technical details to whoever looks after the source."),
            _("If everything is in order there, retry. If it repeats, send them to whoever runs Sincro."),
        ),
    ),
}
